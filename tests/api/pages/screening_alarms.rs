//! Alarms in the screening form: a refused form states them first, on a page of its own for each level that is urgent, and
//! keeps its answers.

use std::sync::Arc;

use sarcoscreen::app::access::limits::Rates;
use sarcoscreen::app::ambient::System;
use serde_json::{Value, json};

use super::LANGUAGES;
use super::html::{Element, Page};
use super::screening::{FORM, blank, field, hidden, post, sent, shown, typed};
use crate::web_form::opened;
use crate::world::{Clinic, World, app, fit, serve};

/// Answers that raise each urgent level, the most urgent first, with what must not be among the reasons.
fn urgent() -> [(&'static str, Value); 3] {
    [
        ("emergency_ambulance", json!({"new_one_sided_weakness": true, "dark_urine": true, "muscle_pain": true})),
        ("emergency", json!({"dark_urine": true, "muscle_pain": true})),
        ("consultation_24h", json!({"dark_urine": true})),
    ]
}

/// What the API answers to the same refused answers.
async fn refused(clinic: &Clinic, answers: &Value, language: &str) -> Value {
    let request = clinic.browser.request("POST", "/v1/submissions").header("accept-language", language);
    clinic.browser.send(request.json(&json!({"answers": answers}))).await.expect(422)
}

fn element<'a>(page: &'a Page, name: &str) -> &'a Element {
    page.elements.iter().find(|element| element.name == name).unwrap()
}

/// Checks that a page states the level of the API, with its text and the reasons of that level only.
fn states_alarm(page: &Page, level: &str, problem: &Value, place: &str) {
    let care = page.elements.iter().find(|element| element.get("data-level").is_some()).unwrap();
    assert_eq!(care.get("data-level"), Some(level), "{place}");
    assert!(care.text.contains(problem["care_text"].as_str().unwrap()), "{place}: {}", care.text);
    for flag in problem["red_flags"].as_array().unwrap() {
        let has = care.text.contains(flag["reason"].as_str().unwrap());
        assert_eq!(has, flag["level"] == level, "{place}: {}", flag["id"]);
    }
    assert!(page.links().contains(&"tel:112".to_owned()), "{place}");
    assert!(!page.links().contains(&"https://clinic.example/book".to_owned()), "{place}");
}

#[tokio::test]
async fn a_refused_form_states_each_urgent_level_on_a_page_of_its_own_and_goes_on() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    for (level, answers) in urgent() {
        for language in LANGUAGES {
            let place = format!("{level} {language}");
            let problem = refused(&clinic, &answers, language).await;
            assert_eq!(problem["care_level"], level);
            let mut fields = hidden(&blank(&world, language).await);
            fields.extend(typed(&answers));
            let address = format!("{FORM}?lang={language}");
            let page = shown(post(&world, &address, &fields).await, 422);
            states_alarm(&page, level, &problem, &place);
            assert_eq!(element(&page, "h1").text, element(&page, "title").text, "{place}");
            assert_eq!(page.language(), language);
            // The answers are in the page, and the form goes on with them.
            assert_eq!(hidden(&page), fields, "{place}");
            let mut kept = hidden(&page);
            kept.push(field("action", "edit"));
            let form = shown(post(&world, &address, &kept).await, 200);
            assert!(form.entry("dark_urine").get("checked").is_some(), "{place}");
            assert!(form.by_id("question-age-fault").is_some() && form.by_id("title-faults").is_some(), "{place}");
        }
    }
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn a_visitor_over_the_limit_reads_the_alarm_of_the_form() {
    let rates = Rates { submissions_per_address: 1, ..Rates::default() };
    let world = World::built(|_| {}, |app| app.with_rates(rates)).await;
    opened(&world, "One").await;
    let address = format!("{FORM}?lang=en");
    let mut fields = hidden(&blank(&world, "en").await);
    fields.extend(typed(&fit()));
    shown(post(&world, &address, &fields).await, 200);
    assert_eq!(level(&shown(post(&world, &address, &fields).await, 429)), None);
    for (urgent, signs) in urgent() {
        let mut fields = hidden(&blank(&world, "en").await);
        fields.extend(typed(&signs));
        let page = shown(post(&world, &address, &fields).await, 429);
        assert_eq!(level(&page), Some(urgent));
        assert!(page.text().contains("Nothing is lost: go back"), "{urgent}");
    }
    assert_eq!(world.count("select count(*) from submissions").await, 1);
}

#[tokio::test]
async fn an_alarm_that_is_not_urgent_is_above_the_faults_of_the_form() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let answers = json!({"muscle_pain": true});
    let problem = refused(&clinic, &answers, "en").await;
    let mut fields = hidden(&blank(&world, "en").await);
    fields.extend(typed(&answers));
    let page = shown(post(&world, &format!("{FORM}?lang=en"), &fields).await, 422);
    let care = page.elements.iter().position(|element| element.get("data-level") == Some("consultation")).unwrap();
    let faults = page.elements.iter().position(|element| element.get("data-faults").is_some()).unwrap();
    assert!(care < faults);
    assert!(page.elements[care].text.contains(problem["red_flags"][0]["reason"].as_str().unwrap()));
}

#[tokio::test]
async fn an_outcome_begins_with_the_level_and_offers_no_appointment_in_an_emergency() {
    let world = World::new().await;
    opened(&world, "One").await;
    for (level, signs) in urgent() {
        for language in LANGUAGES {
            let mut answers = fit();
            answers.as_object_mut().unwrap().extend(signs.as_object().unwrap().clone());
            let page = sent(&world, language, &answers).await;
            let care = page.elements.iter().find(|element| element.get("data-level").is_some()).unwrap();
            assert_eq!(care.get("data-level"), Some(level), "{language}");
            let booking = page.links().contains(&"https://clinic.example/book".to_owned());
            assert_eq!(booking, level == "consultation_24h", "{level} {language}");
            assert!(page.links().contains(&"tel:112".to_owned()), "{level} {language}");
        }
    }
}

fn level(page: &Page) -> Option<&str> {
    page.elements.iter().find_map(|element| element.get("data-level"))
}

#[tokio::test]
async fn a_form_that_is_shown_again_states_its_alarm() {
    let world = World::new().await;
    opened(&world, "One").await;
    let mut fields = hidden(&blank(&world, "en").await);
    fields.extend(typed(&json!({"dark_urine": true})));
    for (name, value) in [("language", "es"), ("action", "edit")] {
        let fields = [&fields[..], &[field(name, value)][..]].concat();
        let page = shown(post(&world, &format!("{FORM}?lang=en"), &fields).await, 200);
        assert_eq!(level(&page), Some("consultation_24h"), "{name}");
    }
}

#[tokio::test]
async fn answers_that_are_not_stored_state_their_alarm() {
    let world = World::new().await;
    opened(&world, "One").await;
    let key = hidden(&blank(&world, "en").await);
    let address = format!("{FORM}?lang=en");
    shown(post(&world, &address, &[key.clone(), typed(&fit())].concat()).await, 200);
    let mut signs = fit();
    signs["new_one_sided_weakness"] = json!(true);
    // Other answers with the key of a form that was sent.
    let again = shown(post(&world, &address, &[key, typed(&signs)].concat()).await, 422);
    assert!(again.text().contains("These answers were sent already"), "{}", again.text());
    assert_eq!(level(&again), Some("emergency_ambulance"));
    // An instance that has not verified its database stores nothing.
    let (base, server) = serve(app(&world.database, Arc::new(System), &[7], None));
    let fields = [hidden(&blank(&world, "en").await), typed(&signs)].concat();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let client = world.holder(None).at(&base);
    let request = client.request("POST", &address).header("content-type", "application/x-www-form-urlencoded");
    let failed = shown(client.send(request.body(body)).await, 503);
    assert!(failed.text().contains("Nothing is lost"), "{}", failed.text());
    assert_eq!(level(&failed), Some("emergency_ambulance"));
    server.stop(false).await;
    assert_eq!(world.count("select count(*) from submissions").await, 1);
}

/// Below the level of an ambulance a call is the second thing to do.
#[tokio::test]
async fn only_an_ambulance_is_called_before_what_to_do() {
    let world = World::new().await;
    opened(&world, "One").await;
    for (level, signs) in urgent() {
        let mut answers = fit();
        answers.as_object_mut().unwrap().extend(signs.as_object().unwrap().clone());
        let page = sent(&world, "en", &answers).await;
        let care = page.elements.iter().position(|element| element.get("data-level").is_some()).unwrap();
        let mut parts = page.elements[care..].iter();
        let first = parts.find(|element| element.name == "p").unwrap();
        assert_eq!(first.text.trim() == "Call 112", level == "emergency_ambulance", "{level}: {}", first.text);
    }
}
