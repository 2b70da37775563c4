//! Responses to the form: stored as `/v1` would store them, faults are located, and searches are complete.

use serde_json::{Value, json};

use super::{ANSWERS, create_once, expressions, identified, response};
use crate::world::{World, fit, frail};

#[tokio::test]
async fn a_resource_and_a_submission_with_the_same_answers_store_the_same() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for answers in [frail(), fit()] {
        let plain = clinic.intake.submit(&json!({"answers": answers})).await.expect(201);
        let mut body = response(&answers);
        body["subject"] = json!({"identifier": {"value": "R-7"}});
        body["authored"] = json!("2026-01-02T03:04:05Z");
        let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await;
        assert_eq!(created.header("etag"), "W/\"1\"");
        let created = created.expect(201);
        let id = created["id"].as_str().unwrap();
        let stored = clinic.intake.get(&format!("/v1/submissions/{id}")).await.expect(200);
        assert_eq!(
            stored["answers"],
            clinic.intake.get(&format!("/v1/submissions/{}", plain["id"].as_str().unwrap())).await.expect(200)["answers"]
        );
        assert_eq!(stored["assessment"], plain["assessment"]);
        assert_eq!(stored["answered_at"], "2026-01-02T03:04:05Z");
        // A response can be submitted again.
        let mut again = created.clone();
        again.as_object_mut().unwrap().remove("subject");
        let again = clinic.intake.post("/fhir/QuestionnaireResponse", &again).await.expect(201);
        assert_eq!(again["item"], created["item"]);
    }
    let found = clinic.staff.post("/v1/subjects/search", &json!({"reference": "R-7"})).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_fault_is_reported_with_its_place_and_alarms_are_reported_too() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({
        "resourceType": "QuestionnaireResponse", "status": "in-progress", "authored": "yesterday",
        "item": [
            {"linkId": "about", "item": [{"linkId": "age", "answer": [{"valueInteger": 12}]}]},
            {"linkId": "nothing"},
            {"linkId": "activity", "answer": [{"valueCoding": {"system": ANSWERS, "code": "activity.flying"}}]},
            {"linkId": "dark_urine", "answer": [{"valueBoolean": true}]},
            {"linkId": "muscle_pain", "answer": [{"valueBoolean": true}]},
            {"linkId": "smoker", "answer": [{"valueString": "yes"}]},
        ],
    });
    let outcome = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(422);
    let mut places = expressions(&outcome);
    places.sort();
    assert_eq!(
        places,
        [
            "QuestionnaireResponse.authored",
            "QuestionnaireResponse.item.where(linkId='about').item.where(linkId='age')",
            "QuestionnaireResponse.item.where(linkId='activity')",
            "QuestionnaireResponse.item.where(linkId='falls_past_year')",
            "QuestionnaireResponse.item.where(linkId='medications')",
            "QuestionnaireResponse.item.where(linkId='nothing')",
            "QuestionnaireResponse.item.where(linkId='smoker')",
            "QuestionnaireResponse.item.where(linkId='stair_difficulty')",
            "QuestionnaireResponse.status",
        ]
    );
    let warnings = outcome["issue"].as_array().unwrap().iter().filter(|issue| issue["severity"] == "warning");
    assert!(warnings.count() >= 2, "{outcome}");
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

#[tokio::test]
async fn a_search_returns_every_row_once_in_pages_of_at_most_the_requested_size() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for index in 0..3 {
        create_once(&clinic.intake, &format!("r{index}"), &identified(&fit(), &format!("r{index}"))).await.expect(201);
    }
    for (kind, size, all) in
        [("QuestionnaireResponse", 2, 3), ("RiskAssessment", 1, 3), ("Observation", 4, 0), ("Observation", 30, 0)]
    {
        let whole = clinic.staff.get(&format!("/fhir/{kind}?_count=200")).await.expect(200);
        let whole = ids(&whole);
        assert!(if all > 0 { whole.len() == all } else { whole.len() > 9 }, "{kind}");
        let (mut path, mut seen) = (format!("/fhir/{kind}?_count={size}"), Vec::new());
        loop {
            let page = clinic.staff.get(&path).await.expect(200);
            let found = ids(&page);
            assert!(found.len() <= size, "{kind}");
            seen.extend(found);
            let links = page["link"].as_array().unwrap();
            let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
            path = next["url"].as_str().unwrap().replacen(&world.base, "", 1);
        }
        assert_eq!(seen, whole, "{kind}");
    }
}

#[tokio::test]
async fn a_search_filters_by_identifier_subject_date_and_code() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let created = create_once(&clinic.intake, "r1", &identified(&frail(), "r1")).await.expect(201);
    create_once(&clinic.intake, "r2", &identified(&fit(), "r2")).await.expect(201);
    let find = async |form: &[(&str, &str)]| {
        let request = super::search(&clinic.intake, "/fhir/QuestionnaireResponse/_search", form);
        ids(&clinic.intake.send(request).await.expect(200))
    };
    let id = created["id"].as_str().unwrap();
    assert_eq!(find(&[("identifier", "urn:ehr|r1")]).await, [id]);
    assert!(find(&[("identifier", "urn:ehr|r3")]).await.is_empty());
    assert_eq!(find(&[("_id", id)]).await, [id]);
    let subject = created["subject"]["identifier"]["value"].as_str().unwrap();
    assert_eq!(find(&[("subject", subject)]).await, [id]);
    assert_eq!(find(&[("patient:identifier", &format!("urn:sarcoscreen:subject|{subject}"))]).await, [id]);
    assert_eq!(find(&[("authored", "ge2020-01-01"), ("_lastUpdated", "gt2020-01-01")]).await.len(), 2);
    assert!(find(&[("authored", "lt2020-01-01")]).await.is_empty());
    assert_eq!(
        find(&[("questionnaire", "urn:sarcoscreen:questionnaire|2026.3"), ("status", "completed")]).await.len(),
        2
    );
    assert!(find(&[("status", "in-progress")]).await.is_empty());
    let totals = clinic.staff.get("/fhir/Observation?code=urn:sarcoscreen:results|score").await.expect(200);
    assert_eq!(totals["entry"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn only_ishii_has_a_likelihood_and_none_is_qualitative() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut answers = fit();
    for (item, value) in [("age", json!(82)), ("grip_strength_kg", json!(14.5)), ("calf_circumference_cm", json!(29.5))]
    {
        answers[item] = value;
    }
    let created = clinic.intake.post("/fhir/QuestionnaireResponse", &response(&answers)).await.expect(201);
    let path = format!("/fhir/RiskAssessment/{}", created["id"].as_str().unwrap());
    let risk = clinic.staff.get(&path).await.expect(200);
    assert!(!risk.to_string().contains("qualitativeRisk"));
    let predictions = risk["prediction"].as_array().unwrap();
    let with = predictions.iter().filter(|one| !one["probabilityDecimal"].is_null());
    let named: Vec<&str> = with.map(|one| one["rationale"].as_str().unwrap()).collect();
    assert!(named.len() == 1 && named[0].starts_with("Ishii"), "{named:?}");
    assert!(predictions.len() > 2);
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}
