//! Which prefetched data a card is made of: the newest response of this patient to this form, and today's age.

use serde_json::{Value, json};

use super::{SERVICE, bundle, call, card, response};
use crate::world::{User, World, fit, frail};

const OTHER_FORM: &str = "https://ehr.example/fhir/Questionnaire/geriatric";
const NOT_ANSWERED: &str = "The questions about muscle loss have not been answered yet";

/// A later response to another form, whose items have names of ours and other answers.
fn foreign(item: Value) -> Value {
    json!({"resourceType": "QuestionnaireResponse", "status": "completed", "authored": "2026-11-20",
        "questionnaire": OTHER_FORM, "item": [item]})
}

async fn summary(user: &User, prefetch: &Value) -> String {
    card(user, prefetch).await["summary"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_newer_response_to_another_form_neither_hides_ours_nor_fails_the_call() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let ours = response(&frail(), "2026-11-01");
    let alone = card(&intake, &json!({"responses": bundle(std::slice::from_ref(&ours))})).await;
    for item in [
        json!({"linkId": "age", "answer": [{"valueInteger": 31}]}),
        json!({"linkId": "fatigue", "answer": [{"valueInteger": 3}]}),
        json!({"linkId": "fatigue", "answer": [{"valueString": "very"}]}),
    ] {
        let both = card(&intake, &json!({"responses": bundle(&[foreign(item.clone()), ours.clone()])})).await;
        assert_eq!((&both["summary"], &both["detail"]), (&alone["summary"], &alone["detail"]), "{item}");
        assert_eq!(summary(&intake, &json!({"responses": foreign(item)})).await, NOT_ANSWERED);
    }
    // A form without an address is ours if no item of another form is answered.
    let mut nameless = ours.clone();
    nameless.as_object_mut().unwrap().remove("questionnaire");
    assert_eq!(summary(&intake, &json!({"responses": nameless})).await, alone["summary"]);
    nameless["item"].as_array_mut().unwrap().push(json!({"linkId": "gds-1", "answer": [{"valueBoolean": true}]}));
    assert_eq!(summary(&intake, &json!({"responses": nameless})).await, NOT_ANSWERED);
}

#[tokio::test]
async fn a_response_of_another_patient_is_not_read() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    for (subject, read) in [
        ("Patient/1288992", true),
        ("https://ehr.example/fhir/Patient/1288992", true),
        ("Patient/1288992/_history/2", true),
        ("Patient/77", false),
        ("Patient/12889921", false),
        ("RelatedPerson/1", false),
    ] {
        let mut one = response(&frail(), "2026-11-01");
        one["subject"] = json!({"reference": subject});
        let said = summary(&intake, &json!({"responses": bundle(&[one])})).await;
        assert_eq!(said != NOT_ANSWERED, read, "{subject}: {said}");
    }
}

#[tokio::test]
async fn a_deceased_or_inactive_patient_gets_no_card() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    for (name, value, cards) in [
        ("deceasedBoolean", json!(true), 0),
        ("deceasedDateTime", json!("2026-10-01"), 0),
        ("active", json!(false), 0),
        ("active", json!(true), 1),
        ("deceasedBoolean", json!(false), 1),
    ] {
        let patient = json!({"resourceType": "Patient", "birthDate": "1944-01-02", name: value});
        for responses in [Value::Null, response(&frail(), "2026-11-01")] {
            let answer = intake.post(SERVICE, &call(&json!({"patient": patient, "responses": responses}))).await;
            assert_eq!(answer.expect(200)["cards"].as_array().unwrap().len(), cards, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn the_age_is_todays_if_the_patient_has_a_birth_date() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let mut answers = fit();
    answers["age"] = json!(69);
    let answered = response(&answers, "2014-11-01");
    let scored = async |age: u32| {
        let mut answers = fit();
        answers["age"] = json!(age);
        let scored = intake.post("/v1/scores", &json!({"answers": answers})).await.expect(200);
        let age = scored["findings"].as_array().unwrap().iter().find(|finding| finding["category"] == "age");
        age.unwrap()["reason"].as_str().unwrap().to_owned()
    };
    let (then, now) = (scored(69).await, scored(81).await);
    assert_ne!(then, now);
    for (patient, said, unsaid) in [
        (Value::Null, &then, &now),
        (json!({"resourceType": "Patient"}), &then, &now),
        (json!({"resourceType": "Patient", "birthDate": "1944-01-02"}), &now, &then),
    ] {
        let card = card(&intake, &json!({"patient": patient, "responses": answered})).await;
        let detail = card["detail"].as_str().unwrap();
        assert!(detail.contains(said.as_str()) && !detail.contains(unsaid.as_str()), "{patient}: {detail}");
    }
}
