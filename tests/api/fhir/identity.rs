//! The identifier of a person: it comes back on every resource, finds the person, and never makes one person of two.

use serde_json::{Value, json};

use super::{ids, response, search};
use crate::world::{Clinic, User, World, fit, frail};

const SYSTEMS: [&str; 2] = ["urn:oid:1.2.3", "urn:oid:9.8.7"];

fn about(answers: &Value, system: &str, value: &str) -> Value {
    let mut body = response(answers);
    body["subject"] = json!({"identifier": {"system": system, "value": value}});
    body
}

async fn found(user: &User, path: &str, form: &[(&str, &str)]) -> Vec<String> {
    ids(&user.send(search(user, path, form)).await.expect(200))
}

#[tokio::test]
async fn an_identifier_is_followed_through_every_resource_for_two_systems_with_one_value() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut persons = Vec::new();
    println!("| identifier sent | where | what came |\n|---|---|---|");
    for system in SYSTEMS {
        let sent = json!({"system": system, "value": "7"});
        let created =
            clinic.intake.post("/fhir/QuestionnaireResponse", &about(&frail(), system, "7")).await.expect(201);
        assert_eq!(created["subject"]["identifier"], sent);
        let id = created["id"].as_str().unwrap();
        let person = created["subject"]["reference"].as_str().unwrap().to_owned();
        for user in [&clinic.intake, &clinic.staff] {
            for (kind, code) in [("QuestionnaireResponse", ""), ("RiskAssessment", ""), ("Observation", "-score")] {
                let path = format!("/fhir/{kind}/{id}{code}");
                let resource = user.get(&path).await.expect(200);
                assert_eq!(resource["subject"]["identifier"], sent, "{path}");
                assert_eq!(resource["subject"]["reference"], person, "{path}");
                println!("| {sent} | {kind}.subject | {} |", resource["subject"]);
            }
            let patient = user.get(&format!("/fhir/{person}")).await.expect(200);
            assert_eq!(patient["identifier"][0], sent);
            println!("| {sent} | Patient.identifier | {} |", patient["identifier"]);
            assert!(patient.get("name").is_none());
            let extract = format!("/fhir/QuestionnaireResponse/{id}/$extract");
            let extracted = user.post(&extract, &json!({})).await.expect(200);
            let subject = &extracted["entry"][0]["resource"]["subject"];
            assert_eq!((&subject["identifier"], &subject["reference"]), (&sent, &Value::Null));
            println!("| {sent} | $extract, RiskAssessment.subject | {subject} |");
            let token = format!("{system}|7");
            let patients = found(user, "/fhir/Patient/_search", &[("identifier", &token)]).await;
            assert_eq!(patients, [&person["Patient/".len()..]]);
            println!("| {sent} | Patient/_search identifier={token} | {patients:?} |");
            for name in ["patient.identifier", "subject:identifier"] {
                let responses = found(user, "/fhir/QuestionnaireResponse/_search", &[(name, &token)]).await;
                assert_eq!(responses, [id], "{name}");
                println!("| {sent} | QuestionnaireResponse/_search {name}={token} | {responses:?} |");
            }
        }
        for (kind, element) in [("Task", "for"), ("ServiceRequest", "subject"), ("Flag", "subject")] {
            let found = clinic.staff.get(&format!("/fhir/{kind}?patient={person}")).await.expect(200);
            let about = &found["entry"][0]["resource"][element];
            assert_eq!((&about["identifier"], &about["reference"]), (&sent, &json!(person)), "{kind}");
            println!("| {sent} | {kind}.{element} | {about} |");
        }
        persons.push(person);
    }
    assert_ne!(persons[0], persons[1]);
    // The value alone is that of both persons.
    assert_eq!(found(&clinic.staff, "/fhir/Patient/_search", &[("identifier", "7")]).await.len(), 2);
    assert!(found(&clinic.staff, "/fhir/Patient/_search", &[("identifier", "|7")]).await.is_empty());
    assert!(found(&clinic.staff, "/fhir/Patient/_search", &[("identifier", "urn:oid:5.5|7")]).await.is_empty());
    assert!(found(&clinic.staff, "/fhir/Patient/_search", &[("name", "Ana")]).await.is_empty());
    assert!(found(&clinic.staff, "/fhir/Patient/_search", &[]).await.is_empty());
}

#[tokio::test]
async fn an_intake_key_sees_only_the_persons_that_its_sender_knows() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let created = clinic.intake.post("/fhir/QuestionnaireResponse", &about(&fit(), SYSTEMS[0], "7")).await.expect(201);
    let person = created["subject"]["reference"].as_str().unwrap();
    let another = world.user(clinic.id, sarcoscreen::domain::access::actor::Role::Intake, None).await;
    another.get(&format!("/fhir/{person}")).await.expect(404);
    let token = format!("{}|7", SYSTEMS[0]);
    assert!(found(&another, "/fhir/Patient/_search", &[("identifier", &token)]).await.is_empty());
    let id = &person["Patient/".len()..];
    assert!(ids(&another.get(&format!("/fhir/Patient?_id={id}")).await.expect(200)).is_empty());
    assert_eq!(ids(&clinic.intake.get(&format!("/fhir/Patient?_id={id},{id}")).await.expect(200)), [id]);
    // It may not send answers for a person that it does not know, by the id alone.
    let mut body = response(&fit());
    body["subject"] = json!({"reference": person});
    another.post("/fhir/QuestionnaireResponse", &body).await.expect(422);
    let same = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
    assert_eq!(same["subject"], created["subject"]);
    // Its own identifier of the service names the person too.
    body["subject"] = json!({"identifier": {"system": "urn:sarcoscreen:subject", "value": id}});
    let same = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
    assert_eq!(same["subject"], created["subject"]);
    assert_eq!(world.count("select count(*) from subjects").await, 1);
    // An id of another system is no subject here.
    for reference in ["Patient/123", "Patient/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d"] {
        body["subject"] = json!({"reference": reference});
        clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(422);
    }
}

/// Merges the subject of a reference into that of another.
async fn merge(clinic: &Clinic, kept: &str, merged: &str) {
    let subject = clinic.staff.get(&format!("/v1/subjects/{kept}")).await;
    let request = clinic.staff.request("POST", &format!("/v1/subjects/{kept}/merge"));
    let request = request.header("if-match", subject.header("etag").to_owned());
    let merged = clinic.staff.send(request.json(&json!({"merged": merged}))).await;
    assert!(merged.status < 300, "{}", merged.text);
}

#[tokio::test]
async fn a_merge_shows_staff_the_kept_identifier_and_hides_it_from_intake() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut created = Vec::new();
    for value in ["A", "B"] {
        let body = about(&fit(), SYSTEMS[0], value);
        created.push(clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201));
    }
    let id = |one: &Value| one["subject"]["reference"].as_str().unwrap()["Patient/".len()..].to_owned();
    let (kept, merged) = (id(&created[0]), id(&created[1]));
    merge(&clinic, &kept, &merged).await;
    let path = format!("/fhir/QuestionnaireResponse/{}", created[1]["id"].as_str().unwrap());
    let staff = clinic.staff.get(&path).await.expect(200);
    assert_eq!(staff["subject"]["identifier"]["value"], "A");
    let intake = clinic.intake.get(&path).await.expect(200);
    assert_eq!(intake["subject"]["identifier"], json!({"system": "urn:sarcoscreen:subject", "value": kept}));
    let patient = clinic.staff.get(&format!("/fhir/Patient/{merged}")).await.expect(200);
    assert_eq!(patient["link"][0]["other"]["reference"], format!("Patient/{kept}"));
    assert_eq!(patient["active"], false);
    // The identifier of the merged person finds the kept one.
    let token = format!("{}|B", SYSTEMS[0]);
    assert_eq!(found(&clinic.staff, "/fhir/Patient/_search", &[("identifier", &token)]).await, [kept]);
}

#[tokio::test]
async fn a_search_by_an_identifier_has_pages_whose_urls_do_not_contain_it() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for _ in 0..3 {
        clinic.intake.post("/fhir/QuestionnaireResponse", &about(&fit(), SYSTEMS[0], "MRN-77")).await.expect(201);
    }
    let form = [("patient.identifier", "urn:oid:1.2.3|MRN-77"), ("_count", "2")];
    let posted = search(&clinic.staff, "/fhir/QuestionnaireResponse/_search", &form);
    let url = "/fhir/QuestionnaireResponse?patient.identifier=urn%3Aoid%3A1.2.3%7CMRN-77&_count=2";
    for request in [posted, clinic.staff.request("GET", url)] {
        let page = clinic.staff.send(request).await.expect(200);
        assert!(!page["link"].to_string().contains("identifier"));
        let links = page["link"].as_array().unwrap();
        let next = links.iter().find(|link| link["relation"] == "next").unwrap()["url"].as_str().unwrap();
        assert!(!page["link"].to_string().contains("MRN-77"), "{next}");
        let rest = clinic.staff.get(&next.replacen(&world.base, "", 1)).await.expect(200);
        assert_eq!((ids(&page).len(), ids(&rest).len()), (2, 1));
    }
}
