//! Rotation, redelivery, disabled endpoints, and retention of the delivery log.

use sarcoscreen::domain::webhooks::delivery::{ATTEMPTS, BACKOFF};
use serde_json::{Value, json};

use super::receiver::{Manner, Receiver};
use super::{Delivering, count, log, register, until, world};
use crate::world::{Clinic, frail};

#[tokio::test]
async fn both_secrets_sign_during_a_rotation_and_then_only_the_new_one() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let receiver = Receiver::start(Manner::Takes).await;
    let (webhook, old) = register(&clinic, &receiver.url, &["ping"]).await;
    let job = Delivering::start(&world.app);
    let ping = async || clinic.admin.post(&format!("{webhook}/ping"), &json!({})).await.expect(202);
    ping().await;
    let first = receiver.attempts(1).await;
    assert!(first[0].verified_by(&old));
    let rotated = clinic.admin.post(&format!("{webhook}/rotate"), &json!({"overlap_hours": 1})).await.expect(200);
    let new = rotated["secret"].as_str().unwrap().to_owned();
    ping().await;
    let both = receiver.attempts(2).await;
    // A receiver may have either secret: both verify.
    assert!(both[1].verified_by(&old) && both[1].verified_by(&new));
    world.clock.advance(3601);
    ping().await;
    let after = receiver.attempts(3).await;
    assert!(after[2].signed_by(&new) && !after[2].signed_by(&old));
    assert_eq!(after[2].signature.split(' ').count(), 1);
    let shown = clinic.admin.get(&webhook).await;
    assert!(!shown.text.contains("whsec_") && !shown.text.contains("secret\""), "{}", shown.text);
    job.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_returns_410_or_fails_for_days_is_disabled_with_a_reason() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let gone = Receiver::start(Manner::Says("410 Gone".into())).await;
    let failing = Receiver::start(Manner::Fails(100)).await;
    let admin = Receiver::start(Manner::Takes).await;
    register(&clinic, &admin.url, &["webhook.disabled"]).await;
    let (first, _) = register(&clinic, &gone.url, &["submission.flagged"]).await;
    let (second, secret) = register(&clinic, &failing.url, &["submission.flagged"]).await;
    let job = Delivering::start(&world.app);
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    gone.attempts(1).await;
    let reason = async |webhook: &str| clinic.admin.get(webhook).await.expect(200)["disabled_reason"].clone();
    until("gone", async || reason(&first).await == "gone").await;
    // Its first event is given up after ten attempts; the next one fails until the five days are over.
    let wake = async || clinic.admin.send(clinic.admin.request("PATCH", &second).json(&json!({}))).await.expect(200);
    for (attempt, wait) in BACKOFF.into_iter().enumerate() {
        until_logged(&clinic, &second, attempt + 1).await;
        world.clock.advance(i64::try_from(wait * 6 / 5 + 1).unwrap());
        wake().await;
    }
    until("given up", async || log(&clinic, &second).await[0]["state"] == "failed").await;
    assert_eq!(log(&clinic, &second).await[0]["attempts"].as_array().unwrap().len(), ATTEMPTS);
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    for attempt in 1..=2 {
        until_logged(&clinic, &second, ATTEMPTS + attempt).await;
        world.clock.advance(29 * 3600);
        wake().await;
    }
    until("failing", async || reason(&second).await == "failing").await;
    let taken = failing.attempts(ATTEMPTS + 3).await;
    assert!(taken.iter().all(|one| one.signed_by(&secret)));
    let times: std::collections::BTreeSet<_> = taken.iter().map(|one| (&one.id, one.timestamp)).collect();
    assert_eq!(times.len(), taken.len(), "each attempt of an event has a time of its own");
    assert_eq!(taken.iter().map(|one| &one.id).collect::<std::collections::BTreeSet<_>>().len(), 2);
    let disabled = clinic.admin.get("/v1/audit-entries?action=webhook_disabled").await.expect(200);
    assert_eq!(disabled["items"].as_array().unwrap().len(), 2);
    let listed = clinic.admin.get("/v1/webhooks").await.expect(200);
    assert_eq!(listed["items"][2]["disabled_reason"], "failing");
    let received = admin.attempts(2).await;
    let received: Vec<Value> = received.iter().map(|one| serde_json::from_str(&one.body).unwrap()).collect();
    for (webhook, reason) in [(&first, "gone"), (&second, "failing")] {
        let id = webhook.rsplit('/').next().unwrap();
        let data = json!({"webhook_id": id, "reason": reason});
        assert!(
            received.iter().any(|event| event["type"] == "webhook.disabled" && event["data"] == data),
            "{received:?}"
        );
    }
    job.stop().await;
}

/// Waits until this many attempts of a webhook are logged.
async fn until_logged(clinic: &Clinic, webhook: &str, wanted: usize) {
    let attempts = async || {
        let items = log(clinic, webhook).await;
        items.iter().map(|one| one["attempts"].as_array().unwrap().len()).sum::<usize>()
    };
    until("the attempts are logged", async || attempts().await >= wanted).await;
}

#[tokio::test]
async fn redelivery_keeps_ids_and_the_delivery_log_expires_after_30_days() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let receiver = Receiver::start(Manner::Takes).await;
    let (webhook, _) = register(&clinic, &receiver.url, &["submission.flagged"]).await;
    let job = Delivering::start(&world.app);
    for _ in 0..3 {
        clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    }
    receiver.attempts(3).await;
    until("delivered", async || count(&world, "delivered").await == 3).await;
    let id = log(&clinic, &webhook).await[0]["id"].clone();
    let again = format!("{webhook}/redeliver");
    assert_eq!(clinic.admin.post(&again, &json!({"ids": [id]})).await.expect(202), json!({"deliveries": 1}));
    let taken = receiver.attempts(4).await;
    assert_eq!(taken[3].id, format!("evt_{}", id.as_str().unwrap()));
    until("delivered", async || count(&world, "delivered").await == 3).await;
    let range = json!({"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "state": "delivered"});
    assert_eq!(clinic.admin.post(&again, &range).await.expect(202), json!({"deliveries": 3}));
    receiver.attempts(7).await;
    until("delivered", async || count(&world, "delivered").await == 3).await;
    assert_eq!(receiver.accepted().len(), 3);
    for wrong in [json!({}), json!({"ids": [id], "to": "2100-01-01T00:00:00Z"}), json!({"ids": []})] {
        clinic.admin.post(&again, &wrong).await.expect(422);
    }
    job.stop().await;
    let retire = async || {
        sarcoscreen::app::subjects::retention::run(&world.app, |_| std::ops::ControlFlow::Continue(())).await.unwrap();
        world.count("select count(*) from webhook_attempts").await
    };
    world.clock.advance(29 * 86_400);
    assert_eq!(retire().await, 7);
    world.clock.advance(2 * 86_400);
    assert_eq!((retire().await, count(&world, "delivered").await), (0, 0));
}
