//! The check after a step: the faults of the step, an urgent alarm, and before sending everything that is open. It stores nothing.

use serde_json::{Value, json};

use super::LANGUAGES;
use super::html::{Element, part};
use super::screening::{FORM, Fields, blank, field, hidden, post, typed};
use crate::web_form::opened;
use crate::world::{World, fit};

/// The elements of the check of a step.
async fn check(world: &World, language: &str, step: &str, fields: &Fields) -> Vec<Element> {
    let address = format!("{FORM}/check?lang={language}");
    let mut fields = fields.clone();
    fields.push(field("step", step));
    let answer = post(world, &address, &fields).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text);
    assert_eq!(answer.header("content-language"), language);
    assert!(answer.text.len() < 20_000, "{}", answer.text.len());
    part(&answer.text, &address)
}

fn with<'a>(elements: &'a [Element], name: &str) -> Option<&'a Element> {
    elements.iter().find(|element| element.get(name).is_some())
}

#[tokio::test]
async fn a_step_has_its_own_faults_only() {
    let world = World::new().await;
    opened(&world, "One").await;
    for language in LANGUAGES {
        let blank = hidden(&blank(&world, language).await);
        let faulty = [blank.clone(), typed(&json!({"age": "17", "weight_kg": "x"}))].concat();
        let about = check(&world, language, "about", &faulty).await;
        let faults: Vec<_> = about.iter().filter_map(|element| element.get("href")).collect();
        assert_eq!(faults, ["#age", "#weight_kg"]);
        for link in about.iter().filter(|element| element.name == "a") {
            assert!(link.text.ends_with(link.get("data-fault").unwrap()), "{}", link.text);
        }
        assert!(check(&world, language, "alarm", &faulty).await.is_empty());
        let falls = check(&world, language, "falls", &blank).await;
        assert_eq!(falls.iter().filter_map(|element| element.get("href")).collect::<Vec<_>>(), ["#falls_past_year"]);
        let answered = [blank, typed(&json!({"falls_past_year": 0}))].concat();
        assert!(check(&world, language, "falls", &answered).await.is_empty());
    }
}

#[tokio::test]
async fn an_urgent_alarm_is_in_the_check_of_every_step_and_another_alarm_has_another_name() {
    let world = World::new().await;
    opened(&world, "One").await;
    let blank = hidden(&blank(&world, "en").await);
    let alarm = async |signs: Value| {
        let fields = [blank.clone(), typed(&signs)].concat();
        let found = check(&world, "en", "alarm", &fields).await;
        with(&found, "data-alarm").map(|alarm| {
            let value = |name: &str| alarm.get(name).unwrap().to_owned();
            (value("data-level"), value("data-alarm"), value("data-title"), alarm.text.clone())
        })
    };
    assert!(alarm(json!({"muscle_pain": "true"})).await.is_none());
    let dark = alarm(json!({"dark_urine": "true"})).await.unwrap();
    assert_eq!((&*dark.0, &*dark.2), ("consultation_24h", "See a doctor within 24 hours"));
    let both = alarm(json!({"dark_urine": "true", "muscle_pain": "true"})).await.unwrap();
    assert_eq!((&*both.0, &*both.2), ("emergency", "Go to an emergency department now"));
    assert!(dark.1 != both.1 && both.3.contains("Call 112"), "{}", both.3);
}

#[tokio::test]
async fn the_review_has_all_answers_and_first_the_questions_that_could_change_the_result() {
    let world = World::new().await;
    opened(&world, "One").await;
    let blank = hidden(&blank(&world, "en").await);
    let mut answers = fit();
    for open in ["sex", "smoker"] {
        answers.as_object_mut().unwrap().remove(open);
    }
    answers["to_contact"] = json!("yes");
    answers["telephone"] = json!("ask my daughter");
    let fields = [blank.clone(), typed(&answers)].concat();
    let review = check(&world, "en", "review", &fields).await;
    let text = &with(&review, "data-review").unwrap().text;
    for words in
        ["Your weight now", "64.5 kg", "Going up ten stairs", "Not hard", "None of these illnesses", "7.5 hours"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(text.contains("ask my daughter") && text.contains("telephone number could not be read"), "{text}");
    for words in ["So the clinic cannot contact you.", "You can still correct this"] {
        assert!(text.contains(words), "{text}");
    }
    let unanswered = review.iter().find(|element| element.name == "details" && element.text.contains("sex")).unwrap();
    assert!(unanswered.text.contains("Not answered: 1"), "{}", unanswered.text);
    assert!(with(&review, "data-faults").is_none());
    // With little answered much is open, and every missing answer is a fault.
    let little = check(&world, "en", "review", &[blank, typed(&json!({"age": 71}))].concat()).await;
    let first = little.iter().find(|element| element.get("id") == Some("title-open")).unwrap();
    assert_eq!(first.text, "These answers could still change your result");
    let faults = with(&little, "data-faults").unwrap();
    assert_eq!(faults.text.matches("Please answer").count(), 4);
}

/// A person who went on from an alarm reads it again before sending, and one that did not interrupt is read there first.
#[tokio::test]
async fn the_review_begins_with_the_alarm() {
    let world = World::new().await;
    opened(&world, "One").await;
    let blank = hidden(&blank(&world, "en").await);
    for (sign, level) in [("dark_urine", Some("consultation_24h")), ("muscle_pain", Some("consultation")), ("", None)] {
        let mut answers = fit();
        if !sign.is_empty() {
            answers[sign] = json!(true);
        }
        let review = check(&world, "en", "review", &[blank.clone(), typed(&answers)].concat()).await;
        let place = review.iter().position(|element| element.get("data-review").is_some()).unwrap();
        let first = &review[place + 1];
        assert_eq!(first.get("data-level"), level, "{sign}");
        assert!(level.is_none() || first.text.contains("112"), "{}", first.text);
    }
}

#[tokio::test]
async fn a_check_stores_nothing_and_adds_no_audit_entry() {
    let world = World::new().await;
    opened(&world, "One").await;
    let blank = hidden(&blank(&world, "en").await);
    let count = "select (select count(*) from audit_entries) + (select count(*) from audit_pending)
                     + (select count(*) from submissions)";
    let before = world.count(count).await;
    for step in ["about", "review", "none"] {
        check(&world, "en", step, &[blank.clone(), typed(&fit())].concat()).await;
    }
    let keyless = post(&world, &format!("{FORM}/check"), &typed(&fit())).await;
    assert_eq!(keyless.status, 400);
    assert_eq!(world.count(count).await, before);
}
