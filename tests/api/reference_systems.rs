//! Two patients never share a subject record: a subject is found by the system and the value of its reference.

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

/// Submits for the subject with this number in this system, in one of four ways.
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
    for number in 0..200 {
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
    // The same number in the same system identifies the same subject.
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
    // Each system has its own subject, and each subject its own follow-up.
    assert_eq!(world.count("select count(*) from follow_ups").await, 2);
    // FHIR and JSON requests find the same subject.
    subject_of(&clinic.intake, &named(1, "urn:oid:1.2.3")).await;
    assert_eq!(world.count("select count(*) from subjects").await, 2);
}

#[tokio::test]
async fn a_system_that_the_clinic_names_is_its_own_name_space() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let plain = json!({"answers": fit(), "subject": {"reference": "MRN-1"}});
    let own = subject_of(&clinic.intake, &plain).await;

    // The clinic has not listed the system, so the service cannot decide whether it is the same person.
    let refused = clinic.intake.submit(&named(1, "urn:oid:1.2.3")).await;
    let problem = refused.expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/subject/reference_system");
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("--reference-system"));
    let refused = clinic.intake.post("/fhir/QuestionnaireResponse", &response(1, "urn:oid:1.2.3")).await;
    assert!(refused.expect(422)["issue"][0]["expression"][0].as_str().unwrap().ends_with("identifier.system"));
    // Another number of that system is not ambiguous.
    subject_of(&clinic.intake, &named(2, "urn:oid:1.2.3")).await;

    name_systems(&world, &[], &["urn:oid:1.2.3"]).await;
    let other = accepted(&clinic.intake, &named(1, "urn:oid:1.2.3")).await;
    assert_ne!(other, own);

    name_systems(&world, &["urn:oid:4.5.6"], &["urn:oid:1.2.3"]).await;
    let same = accepted(&clinic.intake, &named(1, "urn:oid:4.5.6")).await;
    assert_eq!(same, own);

    // A search by the reference alone finds the subject of each system and shows the system.
    let found = clinic.staff.post("/v1/subjects/search", &json!({"reference": "MRN-1"})).await;
    let found = found.expect(200);
    let systems: BTreeSet<_> =
        found["items"].as_array().unwrap().iter().map(|one| one["reference_system"].as_str()).collect();
    assert_eq!(systems, BTreeSet::from([None, Some("urn:oid:1.2.3")]));
}

/// Stores new lists of reference systems: the clinic's own and the other ones.
async fn name_systems(world: &World, own: &[&str], others: &[&str]) {
    let before = list(&world.app).await.unwrap().remove(0);
    let texts = |systems: &[&str]| systems.iter().map(|system| (*system).to_owned()).collect();
    let profile =
        Profile { reference_systems: texts(own), other_reference_systems: texts(others), ..before.profile.clone() };
    change(&world.app, &Clinic { profile, ..before }).await.unwrap();
}

#[tokio::test]
async fn a_person_stored_with_a_system_keeps_their_history_when_the_clinic_names_it() {
    const SYSTEM: &str = "urn:oid:1.2.3";
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let plain = |number: u32| json!({"answers": fit(), "subject": {"reference": format!("MRN-{number}")}});
    let stored = subject_of(&clinic.intake, &named(8, SYSTEM)).await;
    let second = subject_of(&clinic.intake, &named(9, "urn:oid:4.5.6")).await;
    // Before the clinic lists the systems: one number in two of them, and one number with and without a system.
    let twice = subject_of(&clinic.intake, &named(5, SYSTEM)).await;
    let again = subject_of(&clinic.intake, &named(5, "urn:oid:4.5.6")).await;
    let other = subject_of(&clinic.intake, &named(6, SYSTEM)).await;
    let without = subject_of(&clinic.intake, &plain(6)).await;

    let unnamed = subject_of(&clinic.intake, &plain(1)).await;
    assert_eq!(clinic.intake.submit(&named(1, SYSTEM)).await.status, 422);
    name_systems(&world, &[SYSTEM, "urn:oid:4.5.6"], &[]).await;
    // Once the instance has read the new list, the refused request is accepted.
    assert_eq!(accepted(&clinic.intake, &named(1, SYSTEM)).await, unnamed);

    assert_eq!(subject_of(&clinic.intake, &named(8, SYSTEM)).await, stored);
    assert_eq!(subject_of(&clinic.intake, &plain(8)).await, stored);
    assert_eq!(subject_of(&clinic.intake, &named(8, "urn:oid:4.5.6")).await, stored);
    assert_eq!(subject_of(&clinic.intake, &plain(9)).await, second);
    // The system is not listed, so its number is still ambiguous with the same number of the clinic's own systems.
    assert_eq!(clinic.intake.submit(&named(8, "urn:oid:9.8.7")).await.status, 422);
    // Two existing subjects may be two persons: they stay separate until staff merge them.
    for ambiguous in [named(6, SYSTEM), plain(6), named(5, SYSTEM), plain(5)] {
        let refused = clinic.intake.submit(&ambiguous).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], "/subject/reference_system");
        assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("shared-references"), "{refused}");
    }
    assert_eq!(world.count("select count(*) from subjects").await, 7);

    let said = Terminal::at(&world).said(&["clinics", "shared-references", "--clinic", "One"]);
    assert!(said.ends_with("2 references that exist in several systems\n"), "{said}");
    for line in [
        format!("  subject {other}: {SYSTEM}"),
        format!("  subject {without}: the clinic's own"),
        format!("  subject {twice}: {SYSTEM}"),
        format!("  subject {again}: urn:oid:4.5.6"),
    ] {
        assert!(said.lines().any(|one| one == line), "{line} in {said}");
    }
    assert!(!said.contains("MRN"), "{said}");

    let path = format!("/v1/subjects/{twice}");
    let tag = clinic.staff.get(&path).await.header("etag").to_owned();
    let merge = clinic.staff.request("POST", &format!("{path}/merge")).header("if-match", tag);
    clinic.staff.send(merge.json(&json!({"merged": again}))).await.expect(200);
    for one in [named(5, SYSTEM), named(5, "urn:oid:4.5.6")] {
        assert_eq!(subject_of(&clinic.intake, &one).await, twice);
    }
    // Stored references keep their system, so a wrong setting can be corrected without loss.
    name_systems(&world, &[], &[SYSTEM]).await;
    assert_eq!(accepted(&clinic.intake, &named(6, SYSTEM)).await, other);
    assert_eq!(subject_of(&clinic.intake, &named(8, SYSTEM)).await, stored);
}

#[tokio::test]
async fn each_command_adds_a_system_and_the_list_shows_them() {
    let world = World::new().await;
    world.clinic("One").await;
    let terminal = Terminal::at(&world);
    let set = |arguments: &[&str]| terminal.said(&[&["clinics", "set", "--clinic", "One"], arguments].concat());
    set(&["--reference-system", "urn:a"]);
    set(&["--reference-system", "urn:b", "--consultation-offer", "en=Call us."]);
    set(&["--other-reference-system", "urn:c"]);
    let said = terminal.said(&["clinics", "list"]);
    for line in
        ["  own reference systems: urn:a, urn:b", "  reference systems of others: urn:c", "  offer in en: Call us."]
    {
        assert!(said.lines().any(|one| one == line), "{line} in {said}");
    }
    // A system belongs to one list: the one in the latest command.
    set(&["--other-reference-system", "urn:a", "--forget-reference-system", "urn:c"]);
    let said = terminal.said(&["clinics", "list"]);
    assert!(said.contains("own reference systems: urn:b\n  reference systems of others: urn:a\n"), "{said}");
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
    // One intake key only; one intake key and staff; and one number in two systems.
    clinic.intake.submit(&unnamed(2)).await.expect(201);
    clinic.staff.submit(&unnamed(2)).await.expect(201);
    clinic.intake.submit(&named(3, "urn:oid:1.2.3")).await.expect(201);
    other.submit(&named(3, "urn:oid:9.8.7")).await.expect(201);
    // One key that submits records of two systems.
    let mut record = unnamed(4);
    for system in ["urn:ward", "urn:surgery"] {
        record["source"] = json!({"system": system, "id": "1"});
        clinic.intake.submit(&record).await.expect(201);
    }
    let said = Terminal::at(&world).said(&["clinics", "shared-references", "--clinic", "One"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("subject {shared}"));
    assert!(lines[1].contains(": 2 submissions, ") && lines[2].contains(": 1 submissions, "), "{said}");
    assert!(lines[4].contains(" (urn:ward): 1 sub") && lines[5].contains(" (urn:surgery): 1 sub"), "{said}");
    assert_eq!(lines[6], "2 subjects with submissions of several intake keys or record systems");
    assert_eq!(lines[7], "one reference in several systems");
    assert_eq!(lines[10..], ["1 references that exist in several systems"]);
    assert!(!said.contains("MRN"), "{said}");
}
