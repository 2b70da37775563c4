//! A task changes its follow-up.

use serde_json::{Value, json};

use crate::audit::{entries_of, fresh_id};
use crate::world::{Answer, User, World, frail};

async fn put(user: &User, id: &str, version: u32, status: &str, more: Value) -> Answer {
    user.send(task(user, id, version, status, more)).await
}

fn task(user: &User, id: &str, version: u32, status: &str, more: Value) -> reqwest::RequestBuilder {
    let mut body = json!({"resourceType": "Task", "id": id, "status": status});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let request = user.request("PUT", &format!("/fhir/Task/{id}")).header("if-match", format!("W/\"{version}\""));
    request.json(&body)
}

fn business(code: &str) -> Value {
    json!({"businessStatus": {"coding": [{"system": "urn:sarcoscreen:results", "code": code}]}})
}

#[tokio::test]
async fn a_task_moves_a_follow_up_from_open_to_closed_with_its_flag_and_request() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap();
    let staff = &clinic.staff;
    let task = staff.get(&format!("/fhir/Task/{id}")).await;
    assert_eq!(task.header("etag"), "W/\"1\"");
    assert_eq!(task.expect(200)["status"], "requested");
    let mut booked = business("booked");
    booked["executionPeriod"] = json!({"start": "2027-01-04T09:00:00Z"});
    let steps = [
        ("accepted", json!({}), "assigned"),
        ("accepted", business("attempted"), "assigned"),
        ("in-progress", json!({}), "contacted"),
        ("in-progress", booked, "booked"),
        ("in-progress", business("contacted"), "contacted"),
        ("completed", json!({}), "attended"),
    ];
    for (version, (status, more, business_status)) in (1..).zip(steps) {
        let moved = put(staff, id, version, status, more).await;
        assert_eq!(moved.header("etag"), format!("W/\"{}\"", version + 1), "{}", moved.text);
        let moved = moved.expect(200);
        assert_eq!(moved["status"], status);
        assert_eq!(moved["businessStatus"]["coding"][0]["code"], business_status);
    }
    // Requesting the current status changes nothing.
    assert_eq!(put(staff, id, 7, "completed", json!({})).await.header("etag"), "W/\"7\"");
    assert_eq!(staff.get(&format!("/fhir/Flag/{id}")).await.expect(200)["status"], "inactive");
    assert_eq!(staff.get(&format!("/fhir/ServiceRequest/{id}")).await.expect(200)["status"], "completed");
    // A day in the past, so that both of its ends can be queried.
    let dated = "update follow_ups set updated_at = '2024-02-29T12:00:00Z'";
    sqlx::query(dated).execute(&mut world.connect().await).await.unwrap();
    for (query, count) in [
        ("status=completed".to_owned(), 1),
        ("status=requested,rejected".into(), 0),
        ("status=never".into(), 0),
        (format!("_id={id}"), 1),
        (format!("_id={id}&status=requested"), 0),
        ("_id=0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d".into(), 0),
        ("_id=none".into(), 0),
        ("_lastUpdated=2024-02-29".into(), 1),
        ("_lastUpdated=lt2024-02-29".into(), 0),
        ("_lastUpdated=gt2024-02-29".into(), 0),
        ("_lastUpdated=ge2024-02-29T12:00:00Z&_lastUpdated=le2024-03-01".into(), 1),
    ] {
        let found = staff.get(&format!("/fhir/Task?{query}")).await.expect(200);
        assert_eq!(found["entry"].as_array().map_or(0, Vec::len), count, "{query}");
    }
}

#[tokio::test]
async fn a_change_that_a_follow_up_does_not_accept_is_refused_with_a_code() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap();
    let staff = &clinic.staff;
    for (version, status, more, answered) in [
        (1, "completed", json!({}), 409),
        (1, "failed", json!({}), 409),
        (1, "in-progress", json!({}), 409),
        (1, "draft", json!({}), 422),
        (1, "in-progress", business("booked"), 422),
        (1, "accepted", json!({"owner": {"reference": "Practitioner/1"}}), 422),
        (2, "accepted", json!({}), 412),
        (1, "cancelled", json!({"statusReason": {"text": "because"}}), 422),
    ] {
        let outcome = put(staff, id, version, status, more).await.expect(answered);
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{status}");
    }
    assert_eq!(staff.get(&format!("/v1/follow-ups/{id}")).await.header("etag"), "\"1\"");
}

#[tokio::test]
async fn a_put_has_one_audit_entry_with_the_attempted_command_and_its_outcome() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap();
    let unknown = "0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d";
    let owner = json!({"owner": {"reference": "Practitioner/1"}});
    let reason = json!({"statusReason": {"text": "because"}});
    for (id, version, status, more, answered, action, outcome) in [
        (id, 1, "requested", json!({}), 200, "follow_up_read", "success"),
        (id, 1, "completed", json!({}), 409, "follow_up_closed", "conflict"),
        (id, 1, "in-progress", json!({}), 409, "follow_up_contacted", "conflict"),
        (id, 2, "accepted", json!({}), 412, "follow_up_claimed", "conflict"),
        (id, 1, "in-progress", business("booked"), 422, "follow_up_booked", "invalid"),
        (id, 1, "cancelled", reason, 422, "follow_up_closed", "invalid"),
        (id, 1, "accepted", owner, 422, "follow_up_reassigned", "invalid"),
        (id, 1, "draft", json!({}), 422, "follow_up_read", "invalid"),
        (unknown, 1, "failed", json!({}), 404, "follow_up_closed", "not_found"),
        (id, 1, "cancelled", json!({}), 200, "follow_up_closed", "success"),
        (id, 1, "requested", json!({}), 412, "follow_up_reopened", "conflict"),
        (id, 2, "requested", json!({}), 200, "follow_up_reopened", "success"),
    ] {
        let request = fresh_id();
        let sent = task(&clinic.staff, id, version, status, more).header("x-request-id", request.to_string());
        clinic.staff.send(sent).await.expect(answered);
        let entries = entries_of(&mut world.connect().await, request).await;
        let [entry] = &entries[..] else { panic!("{status}: {entries:?}") };
        assert_eq!((&*entry.action, &*entry.outcome), (action, outcome), "{status}");
        assert_eq!(entry.resource.to_string(), id, "{status}");
    }
}

#[tokio::test]
async fn every_repeated_status_must_match_and_one_of_a_list_must() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap();
    put(&clinic.staff, id, 1, "cancelled", json!({})).await.expect(200);
    for (query, count) in [
        ("Task?status=requested", 1),
        ("Task?status=requested,cancelled", 2),
        ("Task?status=requested&status=cancelled", 0),
        ("Task?status=cancelled&status=requested", 0),
        ("Task?status=cancelled&status=completed", 0),
        ("Task?status=completed&status=cancelled", 0),
        ("Task?status=cancelled&status=cancelled", 1),
        ("Task?status=requested,cancelled&status=cancelled,completed", 1),
        ("Task?status=requested,cancelled&status=requested", 1),
        ("ServiceRequest?status=active&status=revoked", 0),
        ("ServiceRequest?status=active,revoked&status=revoked", 1),
        ("Flag?status=active&status=inactive", 0),
        ("Flag?status=active,inactive&status=active", 1),
        ("QuestionnaireResponse?status=completed&status=amended", 0),
        ("QuestionnaireResponse?status=completed,amended&status=completed", 2),
        ("RiskAssessment?status=final&status=amended", 0),
    ] {
        let found = clinic.staff.get(&format!("/fhir/{query}")).await.expect(200);
        assert_eq!(found["entry"].as_array().map_or(0, Vec::len), count, "{query}");
    }
}

#[tokio::test]
async fn a_version_that_is_sent_twice_counts_once_and_two_versions_are_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap();
    let with = |tag: &'static str| task(&clinic.staff, id, 1, "accepted", json!({})).header("if-match", tag);
    let refused = clinic.staff.send(with("W/\"2\"")).await.expect(400);
    assert!(refused["issue"][0]["diagnostics"].as_str().unwrap().contains("one ETag"), "{refused}");
    assert_eq!(clinic.staff.send(with("W/\"1\"")).await.expect(200)["status"], "accepted");
}
