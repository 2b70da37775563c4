//! Corrections over FHIR: by PUT to the corrected response, or by a response that names it.

use serde_json::{Value, json};

use super::{expressions, identified, response};
use crate::web_form::{opened, submit, visit};
use crate::world::{Answer, Clinic, User, World, fit, frail};

async fn put(user: &User, id: &str, body: &Value, if_match: Option<&str>) -> Answer {
    let mut request = user.request("PUT", &format!("/fhir/QuestionnaireResponse/{id}"));
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    user.send(request.json(body)).await
}

/// A response about a person, as stored.
async fn created(clinic: &Clinic, answers: &Value) -> Value {
    let mut body = identified(answers, "r1");
    body["subject"] = json!({"identifier": {"system": "urn:ehr:mrn", "value": "7"}});
    clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201)
}

/// The resource as a client would send it after a change of its answers.
fn amended(stored: &Value, answers: &Value) -> Value {
    let mut body = stored.clone();
    body["status"] = json!("amended");
    body["item"] = response(answers)["item"].clone();
    body
}

#[tokio::test]
async fn a_put_stores_a_correction_with_an_address_of_its_own() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let wrong = created(&clinic, &frail()).await;
    let id = wrong["id"].as_str().unwrap();
    let answer = put(&clinic.intake, id, &amended(&wrong, &fit()), Some("W/\"1\"")).await;
    let location = answer.header("location").to_owned();
    let corrected = answer.expect(201);
    assert!(location.ends_with(corrected["id"].as_str().unwrap()));
    assert_ne!(corrected["id"], wrong["id"]);
    assert_eq!(corrected["status"], "amended");
    assert_eq!(corrected["subject"], wrong["subject"]);
    assert_eq!(corrected["extension"][0]["valueReference"]["reference"], format!("QuestionnaireResponse/{id}"));
    let before = clinic.intake.get(&format!("/fhir/QuestionnaireResponse/{id}")).await;
    assert_eq!(before.header("etag"), "W/\"2\"");
    assert_eq!(before.expect(200)["status"], "entered-in-error");
    assert_eq!(world.count("select count(*) from subjects").await, 1);
    // It is corrected once: a client with the old version gets 412, one without a version 409.
    let again = amended(&wrong, &frail());
    let latest = corrected["id"].as_str().unwrap();
    put(&clinic.intake, latest, &amended(&corrected, &frail()), Some("W/\"2\"")).await.expect(412);
    put(&clinic.intake, id, &again, Some("W/\"1\"")).await.expect(412);
    put(&clinic.intake, id, &again, Some("W/\"2\"")).await.expect(409);
    put(&clinic.intake, id, &again, Some("W/\"9\"")).await.expect(412);
    let conflict = put(&clinic.intake, id, &again, None).await.expect(409);
    assert!(conflict["issue"].as_array().unwrap().iter().any(|issue| issue["code"] == "conflict"));
    // The correction can be corrected, with the extension that it came back with.
    let body = amended(&corrected, &frail());
    let last = put(&clinic.intake, corrected["id"].as_str().unwrap(), &body, None).await.expect(201);
    let corrects = last["extension"][0]["valueReference"]["reference"].as_str().unwrap();
    assert!(corrects.ends_with(corrected["id"].as_str().unwrap()));
    assert_eq!(world.count("select count(*) from submissions").await, 3);
}

#[tokio::test]
async fn a_response_can_name_the_response_that_it_corrects() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let wrong = created(&clinic, &frail()).await;
    let reference = format!("QuestionnaireResponse/{}", wrong["id"].as_str().unwrap());
    let mut body = response(&fit());
    body["status"] = json!("amended");
    let refused = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(422);
    let place = "QuestionnaireResponse.extension.where(url='urn:sarcoscreen:supersedes').valueReference";
    assert_eq!(expressions(&refused), [place]);
    for (reference, status) in [
        ("QuestionnaireResponse/none".to_owned(), 422),
        ("QuestionnaireResponse/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d".to_owned(), 422),
        (format!("{}/fhir/{reference}", world.base), 201),
        (reference, 409),
    ] {
        body["extension"] = json!([{"url": "urn:sarcoscreen:supersedes", "valueReference": {"reference": reference}}]);
        let answer = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(status);
        if status == 422 {
            assert_eq!(expressions(&answer), [place], "{answer}");
        }
    }
}

#[tokio::test]
async fn a_put_of_another_person_another_id_or_an_unknown_response_changes_nothing() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let wrong = created(&clinic, &frail()).await;
    let id = wrong["id"].as_str().unwrap();
    let body = amended(&wrong, &fit());
    let mut another = body.clone();
    another["subject"] = json!({"identifier": {"system": "urn:ehr:mrn", "value": "8"}});
    put(&clinic.intake, id, &another, None).await.expect(422);
    another["subject"] = json!({"reference": "Patient/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d"});
    put(&clinic.intake, id, &another, None).await.expect(422);
    let mut moved = body.clone();
    moved["id"] = json!("0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d");
    assert_eq!(expressions(&put(&clinic.intake, id, &moved, None).await.expect(400)), ["QuestionnaireResponse.id"]);
    put(&clinic.intake, moved["id"].as_str().unwrap(), &moved, None).await.expect(404);
    put(&other.intake, id, &body, None).await.expect(404);
    put(&clinic.intake, id, &body, Some("*")).await.expect(400);
    for status in ["in-progress", "entered-in-error"] {
        let mut draft = body.clone();
        draft["status"] = json!(status);
        put(&clinic.intake, id, &draft, None).await.expect(422);
    }
    assert_eq!(world.count("select count(*) from submissions").await, 1);
    // Refusals are audited as attempts to submit.
    let refused = "select count(*) from audit_entries where outcome <> 'success' and action = 'submission_created'";
    assert!(world.count(refused).await >= 1);
}

#[tokio::test]
async fn a_person_without_a_reference_is_corrected_by_its_own_reference() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let wrong = clinic.intake.post("/fhir/QuestionnaireResponse", &response(&frail())).await.expect(201);
    let corrected =
        put(&clinic.intake, wrong["id"].as_str().unwrap(), &amended(&wrong, &fit()), None).await.expect(201);
    assert_eq!(corrected["subject"], wrong["subject"]);
    assert_eq!(world.count("select count(*) from subjects").await, 1);
}

#[tokio::test]
async fn staff_correct_a_response_of_the_web_form_and_the_correction_is_not_of_the_form() {
    let world = World::new().await;
    let clinic = opened(&world, "One").await;
    let form = visit(&world.app, "our-clinic", "192.0.2.1").await.unwrap();
    let id = submit(&world.app, &form).await.submission_id.to_string();
    let wrong = clinic.staff.get(&format!("/fhir/QuestionnaireResponse/{id}")).await.expect(200);
    assert_eq!(wrong["identifier"], json!({"system": "web_form", "value": id}));
    let mut other = amended(&wrong, &frail());
    other["identifier"]["value"] = json!("r1");
    let refused = put(&clinic.staff, &id, &other, None).await.expect(422);
    assert_eq!(expressions(&refused), ["QuestionnaireResponse.identifier.system"]);
    let corrected = put(&clinic.staff, &id, &amended(&wrong, &frail()), None).await.expect(201);
    assert_eq!(corrected.get("identifier"), None);
    assert_eq!(corrected["subject"], wrong["subject"]);
}
