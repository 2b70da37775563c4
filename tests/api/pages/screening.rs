//! The screening form without script: refused, corrected, sent. A sent form is stored as the same submission by the API is, once.

use serde_json::{Value, json};

use super::LANGUAGES;
use super::html::{Element, Page};
use crate::web_form::opened;
use crate::world::{Answer, Clinic, World, fit, frail, releases};

pub(super) const FORM: &str = "/s/our-clinic";

/// The fields of a form, as a browser sends them.
pub(super) type Fields = Vec<(String, String)>;

/// A form as a visitor loads it, in a language.
pub(super) async fn blank(world: &World, language: &str) -> Page {
    let address = format!("{FORM}?lang={language}");
    let answer = world.holder(None).get(&address).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-cache"), "{}", answer.text);
    Page::of(answer, &address)
}

/// The hidden fields of a page.
pub(super) fn hidden(page: &Page) -> Fields {
    let inputs = page.elements.iter().filter(|element| element.get("type") == Some("hidden"));
    let text = |input: &Element, name: &str| input.get(name).unwrap_or_default().to_owned();
    inputs.map(|input| (text(input, "name"), text(input, "value"))).collect()
}

/// Answers of the API as fields.
pub(super) fn typed(answers: &Value) -> Fields {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = |(name, value): (&String, &Value)| match value.as_array() {
        Some(options) => options.iter().map(|option| (name.clone(), text(option))).collect::<Vec<_>>(),
        None => vec![(name.clone(), text(value))],
    };
    answers.as_object().unwrap().iter().flat_map(pairs).collect()
}

pub(super) fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

pub(super) async fn post(world: &World, address: &str, fields: &[(String, String)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let client = world.holder(None);
    let request = client.request("POST", address).header("content-type", "application/x-www-form-urlencoded");
    client.send(request.body(body)).await
}

/// Sends answers in a new form of a language.
pub(super) async fn sent(world: &World, language: &str, answers: &Value) -> Page {
    let mut fields = hidden(&blank(world, language).await);
    fields.extend(typed(answers));
    shown(post(world, &format!("{FORM}?lang={language}"), &fields).await, 200)
}

/// The page of a response with answers.
pub(super) fn shown(answer: Answer, status: u16) -> Page {
    assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{}", answer.text);
    Page::of(answer, FORM)
}

/// The newest submission, as staff read it.
pub(super) async fn newest(clinic: &Clinic) -> Value {
    let list = clinic.staff.get("/v1/submissions").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap();
    clinic.staff.get(&format!("/v1/submissions/{id}")).await.expect(200)
}

async fn count(world: &World) -> i64 {
    world.count("select count(*) from submissions").await
}

fn texts<'a>(list: &'a Value, name: &'a str) -> impl Iterator<Item = &'a str> {
    list.as_array().unwrap().iter().map(move |entry| entry[name].as_str().unwrap())
}

#[tokio::test]
async fn a_person_is_refused_corrects_and_sends_without_script() {
    let world = World::new().await;
    opened(&world, "One").await;
    for (language, faults) in LANGUAGES.into_iter().zip([
        ["18 to 120 (years)", "Please answer this question.", "Choose one of the answers.", "Keep one or the other."],
        ["de 18 a 120 (años)", "Conteste esta pregunta", "Elija una de las respuestas.", "Deje una cosa o la otra."],
    ]) {
        let before = count(&world).await;
        let mut fields = hidden(&blank(&world, language).await);
        let faulty = json!({"age": "17", "weight_kg": "64,5 kg", "activity": "lazy", "smoker": true,
            "medications": ["statin", "none_of_these"], "stair_difficulty": "some"});
        fields.extend(typed(&faulty));
        let page = shown(post(&world, &format!("{FORM}?lang={language}"), &fields).await, 422);
        assert_eq!(page.language(), language);
        let title = page.elements.iter().find(|element| element.name == "title").unwrap();
        assert!(title.text.starts_with(["Error:", "Error en el formulario:"][usize::from(language == "es")]));
        for (place, fault) in ["age", "falls_past_year", "activity", "medications"].into_iter().zip(faults) {
            assert!(page.entry(&format!("question-{place}-fault")).text.contains(fault), "{language} {place}");
            assert!(page.links().contains(&format!("#{place}")), "{language}: no link to {place}");
        }
        assert!(page.by_id("question-weight_kg-fault").is_none() && page.by_id("question-sex-fault").is_none());
        // Nothing typed is changed.
        assert_eq!(page.entry("age").get("value"), Some("17"));
        assert_eq!(page.entry("weight_kg").get("value"), Some("64,5 kg"));
        assert!(page.entry("smoker").get("checked").is_some());
        assert_eq!(hidden(&page), fields[..2]);
        assert_eq!(count(&world).await, before);
        let mut fields = hidden(&page);
        fields.extend(typed(&frail()));
        shown(post(&world, &format!("{FORM}?lang={language}"), &fields).await, 200);
        assert_eq!(count(&world).await, before + 1);
    }
}

#[tokio::test]
async fn a_form_stores_what_the_api_stores_and_shows_what_it_answers() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let measured = json!({"age": 71, "sex": "female", "height_cm": 160, "weight_kg": 51.5, "activity": "light",
        "falls_past_year": 1, "stair_difficulty": "some", "carrying_difficulty": "some", "conditions": ["copd", "cancer"],
        "medications": ["other"], "muscle_pain": true, "weight_loss_past_year_kg": 3, "weight_loss_unintended": true});
    for answers in [fit(), frail(), measured] {
        for language in LANGUAGES {
            let page = sent(&world, language, &answers).await;
            let by_form = newest(&clinic).await;
            let browser = &clinic.browser;
            let request = browser.request("POST", "/v1/submissions").header("accept-language", language);
            let receipt = browser.send(request.json(&json!({"answers": answers}))).await.expect(201);
            let by_api = newest(&clinic).await;
            assert_eq!(by_form["answers"], by_api["answers"]);
            assert_eq!(by_form["assessment"], by_api["assessment"], "{language}");
            assert_eq!(
                (&by_form["origin"], &by_form["source"]["system"]),
                (&json!("self_reported"), &json!("web_form"))
            );
            assert_eq!(by_form["follow_up"].is_null(), by_api["follow_up"].is_null());
            let assessment = &receipt["assessment"];
            assert_eq!(page.language(), language);
            let heading = page.elements.iter().find(|element| element.name == "h1").unwrap();
            assert_eq!(heading.text, assessment["care_title"].as_str().unwrap());
            let text = page.text();
            for part in ["label", "explanation"] {
                assert!(text.contains(assessment[part].as_str().unwrap()), "{language} {part}");
            }
            assert!(text.contains(assessment["consultation"]["text"].as_str().unwrap()), "{language}");
            for (list, name) in [
                ("findings", "reason"),
                ("instruments", "name"),
                ("recommendations", "text"),
                ("risks", "text"),
                ("red_flags", "reason"),
            ] {
                for part in texts(&assessment[list], name) {
                    assert!(text.contains(part), "{language} {list}: {part}");
                }
            }
            let score = &assessment["score"];
            let total = if score["lower"] == score["upper"] { "total" } else { "upper" };
            assert!(page.texts("lead").iter().any(|lead| lead.contains(&score[total].to_string())), "{language}");
            let booking = page.links().contains(&"https://clinic.example/book".to_owned());
            assert_eq!(booking, assessment["consultation"]["offered"].as_bool().unwrap());
            let code = by_form["receipt_code"].as_str().unwrap();
            assert!(text.contains(&format!("{} {}", &code[..4], &code[4..])));
            for never in ["low risk", "no sarcopenia", "bajo riesgo", "sin sarcopenia"] {
                assert!(!text.to_lowercase().contains(never), "{language} {never}");
            }
        }
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_is_one_submission() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let mut fields = hidden(&blank(&world, "en").await);
    fields.extend(typed(&frail()));
    let first = shown(post(&world, FORM, &fields).await, 200);
    // Also in the other language, with an answer that only spells a number otherwise.
    for address in [FORM.to_owned(), format!("{FORM}?lang=es")] {
        let again = shown(post(&world, &address, &fields).await, 200);
        assert_eq!((again.texts("code"), again.language()), (first.texts("code"), "en"));
    }
    fields.iter_mut().filter(|(name, _)| name == "age").for_each(|(_, value)| *value = " 82,0 ".to_owned());
    assert_eq!(shown(post(&world, FORM, &fields).await, 200).texts("code"), first.texts("code"));
    assert_eq!(count(&world).await, 1);
    fields.iter_mut().filter(|(name, _)| name == "age").for_each(|(_, value)| *value = "81".to_owned());
    let other = shown(post(&world, FORM, &fields).await, 422);
    assert!(other.text().contains("These answers were sent already"), "{}", other.text());
    assert_eq!(count(&world).await, 1);
    let keys: std::collections::BTreeSet<_> =
        [blank(&world, "en").await, blank(&world, "en").await].iter().map(|page| hidden(page)[0].1.clone()).collect();
    assert_eq!(keys.len(), 2, "each form has a key of its own");
    sent(&world, "en", &fit()).await;
    assert_eq!(count(&world).await, 2);
    let created = "select count(*) from audit_entries where action = 'submission_created'";
    assert_eq!(world.count(created).await, 2);
    clinic.staff.get("/v1/submissions").await.expect(200);
}

#[tokio::test]
async fn numbers_are_taken_with_a_comma_or_a_point_and_refused_in_words() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    for written in ["61.5", "61,5", " 61,5 kg", "61.50"] {
        let mut answers = frail();
        answers["weight_kg"] = json!(written);
        sent(&world, "en", &answers).await;
        assert_eq!(newest(&clinic).await["answers"]["weight_kg"], 61.5, "{written}");
    }
    for (name, written, words) in [
        ("weight_kg", "sixty", "Write a number in digits, such as 61.5."),
        ("weight_kg", "61.55", "Write the number in steps of 0.1."),
        ("age", "70.5", "Write a whole number in digits, such as 3."),
        ("sleep_hours", "7,2", "Write the number in steps of 0.5."),
        ("weight_kg", "500", "Write a number from 25 to 300 (kg)."),
    ] {
        let mut fields = hidden(&blank(&world, "en").await);
        let mut answers = frail();
        answers[name] = json!(written);
        fields.extend(typed(&answers));
        let page = shown(post(&world, &format!("{FORM}?lang=en"), &fields).await, 422);
        assert_eq!(page.entry(&format!("question-{name}-fault")).text.trim(), words, "{written}");
        assert_eq!(page.entry(name).get("value"), Some(written));
    }
}

#[tokio::test]
async fn no_to_all_signs_answers_each_row_that_has_no_answer() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let mut answers = fit();
    for alarm in &releases().current().table.asked.alarms {
        answers.as_object_mut().unwrap().remove(alarm.id());
    }
    sent(&world, "en", &answers).await;
    assert_eq!(newest(&clinic).await["assessment"]["care_level"], Value::Null);
    answers["alarm_none"] = json!("true");
    sent(&world, "en", &answers).await;
    assert_eq!(newest(&clinic).await["assessment"]["care_level"], "self_care");
    // "I do not know" keeps a sign unanswered, and a yes stays.
    answers["palpitations"] = json!("");
    sent(&world, "en", &answers).await;
    let stored = newest(&clinic).await;
    assert_eq!(stored["assessment"]["alarm_items_unanswered"], json!(["palpitations"]));
    answers["palpitations"] = json!("true");
    sent(&world, "en", &answers).await;
    let stored = newest(&clinic).await;
    assert_eq!((&stored["answers"]["palpitations"], &stored["answers"]["dark_urine"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn consent_is_stored_with_its_text_and_contact_data_only_with_it() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let contact = json!({"name": "Ana García", "telephone": "600 111 222", "email": "ana@mail.example"});
    let read = async |given: Value| {
        let mut answers = frail();
        answers.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let page = sent(&world, "en", &answers).await;
        let id = newest(&clinic).await["subject_id"].as_str().unwrap().to_owned();
        (page, clinic.staff.get(&format!("/v1/subjects/{id}")).await.expect(200))
    };
    let with = |answer: &str| {
        let mut given = contact.clone();
        given["to_contact"] = json!(answer);
        given
    };
    let (page, subject) = read(with("yes")).await;
    assert_eq!(subject["consent"]["to_contact"], true);
    assert_eq!(subject["consent"]["text_version"], "2026-01");
    assert_eq!(subject["contact"]["name"], "Ana García");
    assert_eq!(subject["contact"]["language"], "en");
    assert!(page.text().contains("The clinic may contact you."), "{}", page.text());
    let (page, subject) = read(with("no")).await;
    assert_eq!((&subject["consent"]["to_contact"], &subject["contact"]), (&json!(false), &Value::Null));
    assert!(page.text().contains("book yourself and read out your code"), "{}", page.text());
    let (_, subject) = read(with("")).await;
    assert_eq!((&subject["consent"], &subject["contact"]), (&Value::Null, &Value::Null));
    // Contact data that cannot be read refuses nothing.
    let (page, _) = read(json!({"to_contact": "yes", "telephone": "ask my daughter"})).await;
    assert!(page.texts("notice").iter().any(|notice| notice.contains("telephone number could not be read")));
    let code = newest(&clinic).await["receipt_code"].as_str().unwrap().to_owned();
    let found = clinic.staff.post("/v1/subjects/search", &json!({"receipt_code": code})).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

/// A person must not wait for a call that cannot come, and in an emergency not for the clinic at all.
#[tokio::test]
async fn the_outcome_states_no_contact_that_cannot_come() {
    let world = World::new().await;
    opened(&world, "One").await;
    for (given, possible) in [
        (json!({"to_contact": "yes"}), false),
        (json!({"to_contact": "yes", "name": "Ana"}), false),
        (json!({"to_contact": "yes", "telephone": "ask my daughter"}), false),
        (json!({"to_contact": "yes", "email": "ana@mail.example"}), true),
    ] {
        let mut answers = frail();
        answers.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        let page = sent(&world, "en", &answers).await;
        assert_eq!(page.text().contains("The clinic may contact you."), possible, "{given}");
        assert_eq!(page.text().contains("so the clinic cannot contact you"), !possible, "{given}");
    }
    for consent in ["yes", "no", ""] {
        let mut answers = fit();
        let more = json!({"new_one_sided_weakness": true, "to_contact": consent, "telephone": "600 111 222"});
        answers.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let page = sent(&world, "en", &answers).await;
        for booking in ["book yourself", "also book"] {
            assert!(!page.text().contains(booking), "{consent}: {}", page.text());
        }
    }
}

#[tokio::test]
async fn an_agreement_to_an_earlier_text_is_asked_again() {
    let world = World::new().await;
    opened(&world, "One").await;
    let mut fields = hidden(&blank(&world, "en").await);
    let versions = fields.iter_mut().filter(|(name, _)| name == "consent_version");
    versions.for_each(|(_, version)| *version = "2025".to_owned());
    fields.extend(typed(&frail()));
    fields.push(field("to_contact", "yes"));
    let page = shown(post(&world, &format!("{FORM}?lang=en"), &fields).await, 422);
    assert!(page.entry("question-to_contact-fault").text.contains("The clinic has changed the text."));
    assert!(page.entry("to_contact").get("checked").is_none());
    assert!(hidden(&page).contains(&field("consent_version", "2026-01")));
    assert_eq!(count(&world).await, 0);
    fields.retain(|(name, _)| name != "to_contact");
    shown(post(&world, FORM, &fields).await, 200);
}
