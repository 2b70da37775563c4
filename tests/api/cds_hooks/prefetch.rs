//! The prefetched data that a card uses: the newest response of this patient to this form, and the patient's age today.

use std::time::Duration;

use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::clinics::{change, list};
use sarcoscreen::domain::clinics::{Clinic, Profile};
use serde_json::{Value, json};

use super::{SERVICE, bundle, call, card, response};
use crate::world::{User, World, fit, frail};

const OTHER_FORM: &str = "https://ehr.example/fhir/Questionnaire/geriatric";
const NOT_ANSWERED: &str = "The questions about muscle loss have not been answered yet";

/// A later response to another form, which uses link ids of this form with other answers.
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
    // A response without a form URL counts as one to this form if it answers no item of another form.
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
        ("deceasedDateTime", Value::Null, 1),
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

#[tokio::test]
async fn data_of_another_patient_is_not_on_the_card() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    // A deceased patient gets no card, but this resource belongs to another patient.
    let mut patient = json!({"resourceType": "Patient", "id": "77", "deceasedBoolean": true});
    card(&intake, &json!({"patient": patient, "responses": null})).await;
    // A response of the other patient, known by an identifier only, is not read either.
    patient["deceasedBoolean"] = json!(false);
    patient["identifier"] = json!([{"system": "urn:a", "value": "7"}]);
    let mut theirs = response(&frail(), "2026-11-01");
    theirs["subject"] = json!({"identifier": {"system": "urn:a", "value": "7"}});
    assert_eq!(summary(&intake, &json!({"patient": patient, "responses": theirs})).await, NOT_ANSWERED);
    patient["deceasedBoolean"] = json!(true);
    patient["id"] = json!("1288992");
    let none = intake.post(SERVICE, &call(&json!({"patient": patient, "responses": null}))).await.expect(200);
    assert_eq!(none["cards"], json!([]));

    let patient = json!({"resourceType": "Patient", "identifier": [{"system": "urn:a", "value": "7"}]});
    for (system, value, read) in
        [("urn:a", "7", true), ("urn:a", "8", false), ("urn:b", "7", false), ("urn:a", "", false)]
    {
        let mut one = response(&frail(), "2026-11-01");
        one["subject"] = json!({"identifier": {"system": system, "value": value}});
        let said = summary(&intake, &json!({"patient": patient, "responses": bundle(&[one.clone()])})).await;
        assert_eq!(said != NOT_ANSWERED, read, "{system} {value}: {said}");
        // Without identifiers of the patient, the service relies on the selection by the record system.
        assert_ne!(summary(&intake, &json!({"responses": bundle(&[one])})).await, NOT_ANSWERED);
    }
}

/// Answers to the form of rule table 2026.2, of a person without any complaint.
fn answers_2026_2() -> Value {
    let mut answers = json!({
        "three_meals_daily": true, "medication_count": 0, "new_breathing_trouble": false,
        "new_swallowing_or_speech_trouble": false, "new_face_droop_or_double_vision": false,
        "new_one_sided_weakness": false, "weakness_worsening_over_days": false, "muscle_pain": false,
        "dark_urine": false, "cannot_bear_weight_after_fall": false, "head_injury_or_confusion_after_fall": false,
        "could_not_get_up_after_fall": false, "new_bladder_or_bowel_loss_or_saddle_numbness": false,
        "fever_or_rash_with_weakness": false, "high_dose_steroids": false, "palpitations": false,
    });
    for (id, value) in fit().as_object().unwrap() {
        let shared = [
            "age",
            "sex",
            "height_cm",
            "weight_kg",
            "carrying_difficulty",
            "walking_difficulty",
            "chair_rise_difficulty",
            "stair_difficulty",
            "falls_past_year",
            "muscle_shrinkage",
            "weakness",
            "balance_trouble",
            "cold_intolerance",
            "fatigue",
            "activity",
            "strength_training_days",
            "can_walk_1000_m",
            "smoker",
            "sleep_hours",
            "conditions",
            "medications",
            "finger_ring",
        ];
        if shared.contains(&id.as_str()) {
            answers[id] = value.clone();
        }
    }
    answers
}

#[tokio::test]
async fn a_response_to_an_earlier_form_is_read_with_its_own_options() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let mut answers = answers_2026_2();
    answers["tests_unable"] = json!("none_of_these");
    for canonical in ["urn:sarcoscreen:questionnaire|2026.2", "urn:sarcoscreen:questionnaire"] {
        let mut one = response(&answers, "2026-11-01");
        one["questionnaire"] = json!(canonical);
        let card = card(&intake, &json!({"responses": one})).await;
        assert!(card["source"]["label"].as_str().unwrap().ends_with(" 2026.2"), "{canonical}: {card}");
        assert_eq!(card["indicator"], "info", "{canonical}: {card}");
    }
}

#[tokio::test]
async fn a_card_is_not_milder_than_the_current_table_on_the_same_answers() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let lost = json!({"stair_difficulty": "a_lot_or_unable", "chair_rise_difficulty": "a_lot_or_unable"});
    let with = |one: &Value, more: Value| {
        let mut all = one.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for (more, indicator, priority, table) in [
        // Not flagged by 2026.2.
        (with(&lost, json!({"age": 45})), "warning", Some("urgent"), "2026.3"),
        // 2026.2 also gives a consultation, but no flag.
        (with(&lost, json!({"age": 54, "muscle_pain": true})), "warning", Some("urgent"), "2026.3"),
        // 2026.2 also flags it, but as routine.
        (with(&lost, json!({"age": 62})), "warning", Some("urgent"), "2026.3"),
        // An option of 2026.2 that the current table lacks does not hide the other option or the pain.
        (
            json!({"medications": ["statin", "systemic_corticosteroid"], "muscle_pain": true, "weakness": true}),
            "warning",
            Some("asap"),
            "2026.3",
        ),
        // An emergency by 2026.2, because of an item that the current table does not have.
        (with(&lost, json!({"new_breathing_trouble": true})), "critical", None, "2026.2"),
    ] {
        let mut one = response(&with(&answers_2026_2(), more.clone()), "2026-11-01");
        one["questionnaire"] = json!("urn:sarcoscreen:questionnaire|2026.2");
        let card = card(&intake, &json!({"responses": one})).await;
        assert_eq!(card["indicator"], indicator, "{more}: {card}");
        assert!(card["source"]["label"].as_str().unwrap().ends_with(table), "{more}: {card}");
        let suggested = card["suggestions"][0]["actions"][0]["resource"]["priority"].as_str();
        assert_eq!(suggested, priority, "{more}: {card}");
    }
    // The card of the current table also shows the alarm sign of the answered form.
    let mut one =
        response(&with(&answers_2026_2(), with(&lost, json!({"age": 54, "muscle_pain": true}))), "2026-11-01");
    one["questionnaire"] = json!("urn:sarcoscreen:questionnaire|2026.2");
    let card = card(&intake, &json!({"responses": one})).await;
    let reason = {
        let table = intake.get("/v1/rule-tables/2026.2").await.expect(200);
        let flags = table["red_flags"].as_array().unwrap().clone();
        flags.into_iter().find(|flag| flag["id"] == "alarm_sign").unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert!(card["detail"].as_str().unwrap().contains(&reason), "{reason}: {card}");
}

#[tokio::test]
async fn today_is_the_day_at_the_clinic() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    // At noon UTC it is the next day on Kiritimati, 14 hours ahead.
    world.clock.advance_to_noon();
    let today = world.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let birthday = today.tomorrow().unwrap().checked_sub(jiff::Span::new().years(80)).unwrap();
    let patient = json!({"resourceType": "Patient", "birthDate": birthday.to_string()});
    let age_of = async || {
        let card = card(&intake, &json!({"patient": patient, "responses": response(&fit(), "2014-11-01")})).await;
        card["detail"].as_str().unwrap().to_owned()
    };
    let before = age_of().await;
    let clinic = list(&world.app).await.unwrap().remove(0);
    let profile = Profile { time_zone: Some("Pacific/Kiritimati".into()), ..clinic.profile.clone() };
    change(&world.app, &Clinic { profile, ..clinic }).await.unwrap();
    let changed = async {
        while age_of().await == before {
            // An instance reads settings every few seconds and sends no event, so the test polls.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), changed).await.expect("the time zone has no effect");
}
