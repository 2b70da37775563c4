//! `validate_only`: a submission is checked and scored as for storing, and nothing is stored.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, User, World, fit, frail};

const BATCH: &str = "/v1/submissions/batch?validate_only=true";

async fn validate(user: &User, body: &Value) -> Answer {
    user.post("/v1/submissions?validate_only=true", body).await
}

/// The part of a problem that does not depend on the request.
fn content_of(problem: &Value) -> Value {
    let parts = ["type", "status", "errors", "red_flags", "care_level", "care_text"];
    parts.iter().map(|name| ((*name).to_owned(), problem[*name].clone())).collect()
}

async fn assert_nothing_stored(world: &World) {
    for sql in [
        "select count(*) from submissions",
        "select count(*) from subjects",
        "select count(*) from follow_ups",
        "select count(*) from idempotency_keys",
        "select count(*) from webhook_deliveries",
        "select count(*) from audit_entries where action = 'submission_created' and outcome = 'success'",
    ] {
        assert_eq!(world.count(sql).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn a_valid_submission_gets_its_assessment_and_nothing_is_stored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let hook = json!({"url": "https://hooks.example/flagged", "events": ["submission.flagged"]});
    clinic.admin.post("/v1/webhooks", &hook).await.expect(201);
    let contact = json!({"telephone": "600 111 222"});
    let body = json!({"answers": frail(), "subject": {"reference": "R-1", "contact": contact}});
    let receipt = validate(&clinic.intake, &body).await.expect(200);
    assert_eq!((&receipt["validate_only"], &receipt["follow_up"]), (&json!(true), &Value::Null));
    assert_eq!((&receipt["id"], &receipt["subject_id"]), (&json!(Uuid::nil()), &json!(Uuid::nil())));
    assert_eq!((&receipt["assessment"]["flagged"], &receipt["origin"]), (&json!(true), &json!("system")));
    let minimal = clinic.browser.request("POST", "/v1/submissions?validate_only=true");
    let minimal = minimal.header("prefer", "return=minimal").json(&json!({"answers": fit()}));
    let minimal = clinic.browser.send(minimal).await.expect(200);
    assert!(minimal["assessment"].get("instruments").is_none(), "{minimal}");
    assert_nothing_stored(&world).await;

    let stored = clinic.intake.submit(&body).await.expect(201);
    assert_eq!(stored["assessment"], receipt["assessment"], "storing gives the same assessment");
    assert!(stored.get("validate_only").is_none());
    clinic.intake.post("/v1/submissions?validate_only=false", &body).await.expect(201);
    assert_eq!(world.count("select count(*) from submissions").await, 2);
    clinic.intake.post("/v1/submissions?validate_only=perhaps", &body).await.expect(400);
}

#[tokio::test]
async fn a_refusal_is_the_same_as_for_storing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut ill = fit();
    (ill["dark_urine"], ill["muscle_pain"]) = (json!(true), json!(true));
    let unknown = "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    let bodies = [
        json!({"answers": {"age": 70, "dark_urine": true, "muscle_pain": true}}),
        json!({"answers": fit(), "color": 1, "subject": {"reference": ""}}),
        json!({"answers": fit(), "answered_at": "1800-01-01T00:00:00Z"}),
        json!({"answers": fit(), "imported": true}),
        // Only stored data shows these.
        json!({"answers": ill, "supersedes": unknown}),
    ];
    for body in &bodies {
        for user in [&clinic.browser, &clinic.intake, &clinic.staff] {
            let (checked, stored) = (validate(user, body).await, user.submit(body).await);
            assert_eq!((checked.status, stored.status), (422, 422), "{body}");
            assert_eq!(content_of(&checked.json()), content_of(&stored.json()), "{body}");
        }
    }
    let refused = validate(&clinic.staff, &bodies[4]).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/supersedes");
    assert_eq!(refused["care_level"], "emergency");
    assert_nothing_stored(&world).await;
}

#[tokio::test]
async fn an_idempotency_key_is_neither_used_nor_looked_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let checked = async |answers: Value| {
        let request = clinic.intake.request("POST", "/v1/submissions?validate_only=true");
        clinic.intake.send(request.header("idempotency-key", "k").json(&json!({"answers": answers}))).await
    };
    checked(frail()).await.expect(200);
    let stored = clinic.intake.submit_once("k", &json!({"answers": fit()})).await;
    assert_eq!((stored.status, stored.header("idempotent-replayed")), (201, ""));
    let again = checked(frail()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, ""), "{}", again.text);
    assert_eq!(world.count("select count(*) from submissions").await, 1);
}

#[tokio::test]
async fn a_batch_is_validated_item_by_item() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let items = [
        json!({"submission": {"answers": frail()}, "idempotency_key": "k"}),
        json!({"submission": {"answers": {"age": 17}}}),
        json!({"submission": {"answers": fit()}}),
    ];
    let results = clinic.intake.post(BATCH, &json!({"items": items})).await.expect(200);
    let statuses: Vec<&Value> = results["items"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [200, 422, 200]);
    assert_eq!(results["items"][0]["submission"]["validate_only"], true);
    assert_nothing_stored(&world).await;
    let stored = clinic.intake.post("/v1/submissions/batch", &json!({"items": items})).await.expect(200);
    let problem = |results: &Value| content_of(&results["items"][1]["problem"]);
    assert_eq!(problem(&results), problem(&stored));
    let lines = items.map(|item| format!("{item}\n")).concat();
    let request = clinic.intake.request("POST", BATCH).header("content-type", "application/x-ndjson").body(lines);
    let answer = clinic.intake.send(request).await;
    let statuses: Vec<Value> =
        answer.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone()).collect();
    assert_eq!(statuses, [200, 422, 200]);
    assert_eq!(world.count("select count(*) from submissions").await, 2);
}
