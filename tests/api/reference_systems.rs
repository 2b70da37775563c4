//! Two patients never become one: a reference is found by its system and its value.

use std::collections::BTreeSet;
use std::time::Duration;

use sarcoscreen::app::clinics::{change, list};
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::clinics::{Clinic, Profile};
use serde_json::{Value, json};

use crate::fhir::create_once;
use crate::rule_tables::Terminal;
use crate::world::{User, World, fit, frail};

fn named(number: u32, system: &str) -> Value {
    json!({"answers": fit(), "subject": {"reference": format!("MRN-{number}"), "reference_system": system}})
}

async fn subject_of(user: &User, body: &Value) -> String {
    user.submit(body).await.expect(201)["subject_id"].as_str().unwrap().to_owned()
}

/// The subject of a submission that is accepted once the instance has read the clinic's new settings.
async fn accepted(user: &User, body: &Value) -> String {
    let submitting = async {
        loop {
            let answer = user.submit(body).await;
            if answer.status == 201 {
                return answer.expect(201)["subject_id"].as_str().unwrap().to_owned();
            }
            // An instance reads settings every few seconds and sends no event, so the test polls.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), submitting).await.expect("refused although the system is named")
}

fn response(number: u32, system: &str) -> Value {
    let answers = frail();
    let item: Vec<Value> = [("age", "valueInteger"), ("falls_past_year", "valueInteger")]
        .into_iter()
        .map(|(id, kind)| json!({"linkId": id, "answer": [{kind: answers[id]}]}))
        .chain(
            ["stair_difficulty", "activity"]
                .map(|id| json!({"linkId": id, "answer": [{"valueCoding": {"code": answers[id]}}]})),
        )
        .chain([json!({"linkId": "medications", "answer": [{"valueCoding": {"code": answers["medications"][0]}}]})])
        .collect();
    json!({
        "resourceType": "QuestionnaireResponse", "status": "completed", "item": item,
        "subject": {"identifier": {"system": system, "value": format!("MRN-{number}")}},
    })
}

/// Submits for the person with this number in this system, in one of four ways.
async fn submit_for(user: &User, number: u32, system: &str) {
    let mut resource = response(number, system);
    match number % 4 {
        0 => {
            let mut body = named(number, system);
            body["answers"] = frail();
            body["subject"]["contact"] = json!({"name": format!("Person {number} of {system}")});
            body["subject"]["consent"] =
                json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"});
            user.submit(&body).await.expect(201);
        }
        1 => {
            user.post("/fhir/QuestionnaireResponse", &resource).await.expect(201);
        }
        2 => {
            let request = json!({"method": "POST", "url": "QuestionnaireResponse"});
            let entry = json!({"resource": resource, "request": request});
            let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry]});
            let answer = user.post("/fhir", &bundle).await.expect(200);
            assert_eq!(answer["entry"][0]["response"]["status"], "201", "{answer}");
        }
        _ => {
            let identifier = format!("{system}-{number}");
            resource["identifier"] = json!({"system": "urn:ehr", "value": identifier});
            create_once(user, &identifier, &resource).await.expect(201);
            create_once(user, &identifier, &resource).await.expect(200);
        }
    }
}

#[tokio::test]
async fn two_hundred_pairs_with_one_number_in_two_systems_stay_apart() {
    const SYSTEMS: [&str; 2] = ["urn:oid:1.2.3", "urn:oid:9.8.7"];
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for number in 0..200 {
        for system in SYSTEMS {
            submit_for(&clinic.intake, number, system).await;
        }
    }
    for (counted, sql) in [
        (400, "select count(*) from subjects"),
        (400, "select count(*) from submissions"),
        (400, "select count(distinct subject_id) from submissions"),
        (400, "select count(distinct subject_id) from follow_ups where state <> 'closed'"),
    ] {
        assert_eq!(world.count(sql).await, counted, "{sql}");
    }
    for number in 0..8 {
        let search = json!({"reference": format!("MRN-{number}")});
        let found = clinic.staff.post("/v1/subjects/search", &search).await.expect(200);
        let found = found["items"].as_array().unwrap();
        let systems: BTreeSet<_> = found.iter().map(|one| one["reference_system"].as_str().unwrap()).collect();
        assert_eq!((found.len(), systems), (2, BTreeSet::from(SYSTEMS)), "{number}");
        for one in found {
            let history = format!("/v1/subjects/{}/submissions", one["id"].as_str().unwrap());
            assert_eq!(clinic.staff.get(&history).await.expect(200)["items"].as_array().unwrap().len(), 1);
            let system = one["reference_system"].as_str().unwrap();
            let name = (number % 4 == 0).then(|| json!(format!("Person {number} of {system}")));
            assert_eq!(one["contact"]["name"], name.unwrap_or_default(), "{one}");
        }
    }
    // The same number in the same system is the same person.
    submit_for(&clinic.intake, 8, SYSTEMS[0]).await;
    assert_eq!(world.count("select count(*) from subjects").await, 400);
}

#[tokio::test]
async fn fhir_reads_the_system_of_a_patient() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for system in ["urn:oid:1.2.3", "urn:oid:9.8.7"] {
        let created = clinic.intake.post("/fhir/QuestionnaireResponse", &response(1, system)).await;
        created.expect(201);
    }
    assert_eq!(world.count("select count(*) from subjects").await, 2);
    // A person who is flagged twice has one follow-up in each system.
    assert_eq!(world.count("select count(*) from follow_ups").await, 2);
    // FHIR and JSON mean the same person.
    subject_of(&clinic.intake, &named(1, "urn:oid:1.2.3")).await;
    assert_eq!(world.count("select count(*) from subjects").await, 2);
}

#[tokio::test]
async fn a_system_that_the_clinic_names_is_its_own_name_space() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let plain = json!({"answers": fit(), "subject": {"reference": "MRN-1"}});
    let own = subject_of(&clinic.intake, &plain).await;

    // The system is not named: the service cannot know whether it is the same person.
    let refused = clinic.intake.submit(&named(1, "urn:oid:1.2.3")).await;
    let problem = refused.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/subject/reference_system");
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("--reference-system"));
    let refused = clinic.intake.post("/fhir/QuestionnaireResponse", &response(1, "urn:oid:1.2.3")).await;
    assert!(refused.expect(422)["issue"][0]["expression"][0].as_str().unwrap().ends_with("identifier.system"));
    // Another number of that system is not in question.
    subject_of(&clinic.intake, &named(2, "urn:oid:1.2.3")).await;

    let before = list(&world.app).await.unwrap().remove(0);
    let set = async |own: &[&str], others: &[&str]| {
        let texts = |systems: &[&str]| systems.iter().map(|system| (*system).to_owned()).collect();
        let profile =
            Profile { reference_systems: texts(own), other_reference_systems: texts(others), ..before.profile.clone() };
        change(&world.app, &Clinic { profile, ..before.clone() }).await.unwrap();
    };
    set(&[], &["urn:oid:1.2.3"]).await;
    let other = accepted(&clinic.intake, &named(1, "urn:oid:1.2.3")).await;
    assert_ne!(other, own);

    set(&["urn:oid:4.5.6"], &["urn:oid:1.2.3"]).await;
    let same = accepted(&clinic.intake, &named(1, "urn:oid:4.5.6")).await;
    assert_eq!(same, own);

    // A search by the reference alone finds the person of each system and shows the system.
    let found = clinic.staff.post("/v1/subjects/search", &json!({"reference": "MRN-1"})).await;
    let found = found.expect(200);
    let systems: BTreeSet<_> =
        found["items"].as_array().unwrap().iter().map(|one| one["reference_system"].as_str()).collect();
    assert_eq!(systems, BTreeSet::from([None, Some("urn:oid:1.2.3")]));
}

#[tokio::test]
async fn a_command_lists_the_subjects_that_two_intake_keys_used() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let other = world.user(clinic.id, Role::Intake, None).await;
    let unnamed = |number: u32| json!({"answers": fit(), "subject": {"reference": format!("MRN-{number}")}});
    let shared = subject_of(&clinic.intake, &unnamed(1)).await;
    clinic.intake.submit(&unnamed(1)).await.expect(201);
    assert_eq!(subject_of(&other, &unnamed(1)).await, shared);
    // One key only; staff beside one key; and one number of two systems.
    clinic.intake.submit(&unnamed(2)).await.expect(201);
    clinic.staff.submit(&unnamed(2)).await.expect(201);
    clinic.intake.submit(&named(3, "urn:oid:1.2.3")).await.expect(201);
    other.submit(&named(3, "urn:oid:9.8.7")).await.expect(201);
    let said = Terminal::at(&world).said(&["clinics", "shared-references", "--clinic", "One"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("subject {shared}"));
    assert!(lines[1].contains(": 2 submissions, ") && lines[2].contains(": 1 submissions, "), "{said}");
    assert_eq!(lines[3..], ["1 subjects with submissions of several intake keys"]);
    assert!(!said.contains("MRN"), "{said}");
}
