//! Operations of Structured Data Capture: populate a form, and extract results from it.

use serde_json::{Value, json};

use super::{expressions, response};
use crate::world::{User, World, fit, frail};

pub(super) const POPULATE: &str = "/fhir/Questionnaire/$populate";
const EXTRACT: &str = "/fhir/QuestionnaireResponse/$extract";

/// Parameters with the form and these contexts.
pub(super) fn parameters(contexts: &[Value]) -> Value {
    let mut parameter = vec![
        json!({"name": "canonical", "valueCanonical": "urn:sarcoscreen:questionnaire"}),
        json!({"name": "subject", "valueReference": {"reference": "Patient/7"}}),
    ];
    let context = |one: &Value| {
        let part = [json!({"name": "name", "valueString": "any"}), json!({"name": "content", "resource": one})];
        json!({"name": "context", "part": part})
    };
    parameter.extend(contexts.iter().map(context));
    json!({"resourceType": "Parameters", "parameter": parameter})
}

fn observation(system: &str, code: &str, value: f64, unit: &str, at: &str) -> Value {
    json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": at,
        "code": {"coding": [{"system": system, "code": code}]},
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}})
}

/// A named part of the output.
pub(super) fn part<'a>(output: &'a Value, name: &str) -> &'a Value {
    let parts = output["parameter"].as_array().unwrap();
    &parts.iter().find(|part| part["name"] == name).unwrap_or(&Value::Null)["resource"]
}

/// The answers of a response, by item.
pub(super) fn answers(response: &Value) -> Vec<(String, Value)> {
    let items = response["item"].as_array().into_iter().flatten();
    let items = items.flat_map(|heading| heading["item"].as_array().unwrap());
    items.map(|item| (item["linkId"].as_str().unwrap().to_owned(), item["answer"][0].clone())).collect()
}

#[tokio::test]
async fn a_form_is_populated_only_with_known_values() {
    let world = World::new().await;
    let intake = world.clinic("One").await.intake;
    let loinc = "http://loinc.org";
    let patient = json!({"resourceType": "Patient", "birthDate": "1944-02-29", "gender": "female"});
    let output = intake
        .post(
            POPULATE,
            &parameters(&[
                patient.clone(),
                // The later of the two weights, although its time sorts first as text.
                observation(loinc, "29463-7", 64.5, "kg", "2026-01-31T23:30:00Z"),
                observation(loinc, "29463-7", 70.0, "kg", "2026-02-01T00:30:00+02:00"),
                observation(loinc, "8302-2", 170.0, "[pt_us]", "2026-02-01"),
                observation("urn:sarcoscreen:results", "grip_strength_kg", 900.0, "kg", "2026-02-01"),
                observation("urn:sarcoscreen:results", "gait_speed_m_s", 0.75, "m/s", "2026-02-01"),
            ]),
        )
        .await
        .expect(200);
    let begun = part(&output, "response");
    assert_eq!((&begun["status"], &begun["subject"]["reference"]), (&json!("in-progress"), &json!("Patient/7")));
    let mut found = answers(begun);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let names: Vec<&str> = found.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["age", "gait_speed_m_s", "sex", "weight_kg"]);
    assert_eq!(found[1].1, json!({"valueDecimal": 0.75}));
    assert_eq!(found[2].1["valueCoding"]["code"], "sex.female");
    assert_eq!(found[3].1, json!({"valueDecimal": 64.5}));
    // One issue for a height in an unknown unit, one for a grip strength out of range.
    assert_eq!(part(&output, "issues")["issue"].as_array().unwrap().len(), 2, "{output}");

    let version = begun["questionnaire"].as_str().unwrap().rsplit_once('|').unwrap().1.to_owned();
    let instance = json!({"resourceType": "Parameters",
        "parameter": [{"name": "launchContext", "part": [{"name": "content", "resource": patient}]}]});
    let output = intake.post(&format!("/fhir/Questionnaire/{version}/$populate"), &instance).await.expect(200);
    assert_eq!(answers(part(&output, "response")).len(), 2);
    assert!(part(&output, "issues").is_null());
    intake.post("/fhir/Questionnaire/1999.1/$populate", &instance).await.expect(404);
    let none = intake.post(POPULATE, &instance).await.expect(422);
    assert_eq!(expressions(&none), ["Parameters.parameter.where(name='canonical')"]);
    intake.post(POPULATE, &patient).await.expect(422);
    let mut other = parameters(&[]);
    other["parameter"][0]["valueCanonical"] = json!("urn:another");
    intake.post(POPULATE, &other).await.expect(422);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
}

/// The resources of a transaction by type. Each is a create and refers only to resources of the bundle.
fn created(bundle: &Value) -> Vec<&Value> {
    assert_eq!(bundle["type"], "transaction");
    let entries = bundle["entry"].as_array().unwrap();
    for entry in entries {
        assert_eq!(entry["request"], json!({"method": "POST", "url": entry["resource"]["resourceType"]}));
        assert!(entry["fullUrl"].as_str().unwrap().starts_with("urn:uuid:"));
        assert!(entry["resource"].get("id").is_none());
    }
    let provenance = &entries.last().unwrap()["resource"];
    assert_eq!(provenance["target"].as_array().unwrap().len(), entries.len() - 1);
    for (target, entry) in provenance["target"].as_array().unwrap().iter().zip(entries) {
        assert_eq!(target["reference"], entry["fullUrl"]);
    }
    entries.iter().map(|entry| &entry["resource"]).collect()
}

async fn shown(user: &User, id: &str) -> Vec<Value> {
    let found = user.get(&format!("/fhir/Observation?derived-from={id}&_count=50")).await.expect(200);
    found["entry"].as_array().unwrap().iter().map(|entry| entry["resource"].clone()).collect()
}

#[tokio::test]
async fn results_are_extracted_from_a_response_without_storing_anything() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut measured = frail();
    measured["grip_strength_kg"] = json!(12.5);
    measured["creatine_kinase_u_l"] = json!(300);
    measured["creatine_kinase_upper_limit_u_l"] = json!(190);
    let mut body = response(&measured);
    body["subject"] = json!({"reference": "Patient/7"});
    let extracted = clinic.intake.post(EXTRACT, &body).await.expect(200);
    assert_eq!(world.count("select count(*) from submissions").await, 0);
    let sent = created(&extracted);
    assert!(sent.iter().all(|one| one["resourceType"] == "Provenance" || one["subject"]["reference"] == "Patient/7"));

    let stored = clinic.intake.submit(&json!({"answers": measured})).await.expect(201);
    let id = stored["id"].as_str().unwrap();
    let path = format!("/fhir/QuestionnaireResponse/{id}/$extract");
    let of_stored = clinic.intake.post(&path, &json!({})).await.expect(200);
    let basis = json!([{"reference": format!("{}/fhir/QuestionnaireResponse/{id}", world.base)}]);
    let of_stored = created(&of_stored);
    assert_eq!(of_stored[0]["basis"], basis);
    // GET and POST return the same values.
    let values = |all: &[&Value]| -> Vec<Value> {
        let observations = all.iter().filter(|one| one["resourceType"] == "Observation");
        observations
            .map(|one| {
                json!([
                    one["code"]["coding"][0]["code"],
                    one["valueInteger"],
                    one["valueQuantity"],
                    one["interpretation"],
                    one["referenceRange"],
                    one["component"],
                    one["category"]
                ])
            })
            .collect()
    };
    let searched = shown(&clinic.intake, id).await;
    assert_eq!(values(&sent), values(&of_stored));
    assert_eq!(values(&sent), values(&searched.iter().collect::<Vec<_>>()));
    let grip = searched.iter().find(|one| one["id"] == format!("{id}-grip-strength-kg")).unwrap();
    let kilograms = json!({"value": 12.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"});
    assert_eq!((&grip["valueQuantity"], &grip["category"][0]["coding"][0]["code"]), (&kilograms, &json!("exam")));
    let enzyme = searched.iter().find(|one| one["id"] == format!("{id}-creatine-kinase-u-l")).unwrap();
    assert_eq!(enzyme["referenceRange"][0]["high"]["value"], 190.0);
    let by_code =
        clinic.intake.get(&format!("/fhir/Observation?derived-from={id}&code=grip_strength_kg")).await.expect(200);
    assert_eq!(by_code["entry"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_response_that_cannot_be_stored_cannot_be_extracted() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let without_subject = clinic.intake.post(EXTRACT, &response(&fit())).await.expect(422);
    assert_eq!(expressions(&without_subject), ["QuestionnaireResponse.subject"]);
    let mut part = response(&fit());
    part["subject"] = json!({"identifier": {"value": "R-1"}});
    part["item"].as_array_mut().unwrap().retain(|item| item["linkId"] != "falls_past_year");
    let within = json!({"resourceType": "Parameters",
        "parameter": [{"name": "questionnaire-response", "resource": part}]});
    for body in [&part, &within] {
        let refused = clinic.intake.post(EXTRACT, body).await.expect(422);
        assert_eq!(expressions(&refused), ["QuestionnaireResponse.item.where(linkId='falls_past_year')"]);
    }
    let empty = json!({"resourceType": "Parameters"});
    let refused = clinic.intake.post(EXTRACT, &empty).await.expect(422);
    assert_eq!(expressions(&refused), ["Parameters.parameter.where(name='questionnaire-response')"]);
}
