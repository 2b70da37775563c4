//! Thousands of events to receivers that fail in different ways: all events arrive once the receivers recover.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use serde_json::json;

use super::receiver::{Manner, Receiver};
use super::{Delivering, count, register, until, world};
use crate::world::frail;

const SUBMISSIONS: usize = 625;
/// After this many polls without a change, no more events arrive until the clock advances.
const STILL: u32 = 5;

#[tokio::test]
async fn five_thousand_events_arrive_although_receivers_fail_hang_reset_and_redirect() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let manners = [
        Manner::Takes,
        Manner::Fails(30),
        Manner::Fails(100),
        Manner::Hangs,
        Manner::Resets,
        Manner::Says("302 Found\r\nlocation: http://127.0.0.1:1/".into()),
        Manner::Says("410 Gone".into()),
        Manner::Says("429 Too Many Requests\r\nretry-after: 7".into()),
    ];
    let mut ends = Vec::new();
    for manner in manners {
        let receiver = Receiver::start(manner).await;
        let (webhook, secret) = register(&clinic, &receiver.url, &["submission.flagged"]).await;
        ends.push((receiver, webhook, secret));
    }
    let start = Instant::now();
    let submit = async |_| clinic.intake.submit(&json!({"answers": frail()})).await.expect(201)["id"].clone();
    let submitted: Vec<_> = stream::iter(0..SUBMISSIONS).map(submit).buffer_unordered(16).collect().await;
    let ids: BTreeSet<String> = submitted.iter().map(|id| format!("evt_{}", id.as_str().unwrap())).collect();
    assert_eq!((ids.len(), count(&world, "pending").await), (SUBMISSIONS, 8 * 625));
    let job = Delivering::start(&world.app);
    // The failing receivers do not affect the working one: it gets all of its events.
    ends[0].0.attempts(SUBMISSIONS).await;
    let unhealed = start.elapsed();
    ends[3].0.attempts(2).await;
    ends[6].0.attempts(1).await;
    for (receiver, ..) in &ends {
        receiver.becomes(Manner::Takes);
    }
    let gone = ends[6].1.clone();
    until("gone", async || clinic.admin.get(&gone).await.expect(200)["disabled_reason"] == "gone").await;
    clinic.admin.send(clinic.admin.request("PATCH", &gone).json(&json!({"enabled": true}))).await.expect(200);
    let all = json!({"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", "state": "failed"});
    let (mut arrived, mut unchanged) = (0, 0);
    until("all arrived", async || {
        let before = std::mem::replace(&mut arrived, count(&world, "delivered").await);
        unchanged = if arrived == before { unchanged + 1 } else { 0 };
        // While events arrive, the clock does not move: that would end the leases of deliveries in progress.
        if unchanged == STILL {
            unchanged = 0;
            world.clock.advance(29 * 3600);
            clinic.admin.post(&format!("{gone}/redeliver"), &all).await.expect(202);
        }
        arrived == 8 * 625
    })
    .await;
    let attempts: usize = ends.iter().map(|end| checked(end, &ids)).sum();
    job.stop().await;
    let logged = world.count("select count(*) from webhook_attempts").await;
    let transactions = world.count("select count(distinct xmin::text) from webhook_attempts").await;
    assert!(transactions * 2 < logged, "{logged} attempts in {transactions} transactions");
    println!(
        "5000 events, 8 receivers, {attempts} attempts, their results in {transactions} transactions, 5000 distinct \
         arrived, 0 lost; the healthy one had its own after {:.1} s, all after {:.1} s",
        unhealed.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
}

/// Number of requests to a receiver, after checking that each event arrived, signed anew at each attempt.
fn checked((receiver, webhook, secret): &(Receiver, String, String), ids: &BTreeSet<String>) -> usize {
    assert_eq!(&receiver.accepted().into_iter().collect::<BTreeSet<_>>(), ids, "{webhook}");
    let taken = receiver.taken.lock().unwrap().clone();
    assert!(taken.iter().all(|one| one.signed_by(secret)), "a signature that the official library does not make");
    let mut times: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for one in &taken {
        times.entry(&one.id).or_default().push(one.timestamp);
    }
    for (id, times) in times {
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{id} was not signed anew: {times:?}");
    }
    taken.len()
}
