//! A task changes its follow-up.

use serde_json::{Value, json};

use crate::world::{Answer, User, World, frail};

async fn put(user: &User, id: &str, version: u32, status: &str, more: Value) -> Answer {
    let mut body = json!({"resourceType": "Task", "id": id, "status": status});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let request = user.request("PUT", &format!("/fhir/Task/{id}")).header("if-match", format!("W/\"{version}\""));
    user.send(request.json(&body)).await
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
