//! Several instances on one database never lease the same delivery.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::receiver::{Manner, Receiver};
use super::{Delivering, count, receivers, register, until, world_with};
use crate::world::{app, frail};

/// Shorter than a lease, and longer than a receiver on a busy machine needs: no attempt times out and is repeated.
const LIMIT: Duration = Duration::from_secs(25);

#[tokio::test]
async fn two_instances_never_send_one_delivery_twice() {
    let world = world_with(LIMIT).await;
    let clinic = world.clinic("One").await;
    let receiver = Receiver::start(Manner::Takes).await;
    register(&clinic, &receiver.url, &["submission.flagged"]).await;
    for _ in 0..150 {
        clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    }
    let clock = Arc::clone(&world.clock);
    let other = app(&world.database, clock, &[7], None).with_receivers(receivers(LIMIT));
    other.prepare().await.unwrap();
    let (one, two) = (Delivering::start(&world.app), Delivering::start(&other));
    for _ in 0..150 {
        clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    }
    until("delivered", async || count(&world, "delivered").await == 300).await;
    let attempts = receiver.taken.lock().unwrap().len();
    assert_eq!((attempts, receiver.accepted().len()), (300, 300));
    one.stop().await;
    two.stop().await;
    sarcoscreen::app::health::close(&other).await;
}
