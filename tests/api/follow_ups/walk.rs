//! Paging through a long list during writes: every row that exists throughout appears exactly once, and a late page costs
//! as much as the first one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::Executor as _;

use super::{Colleague, act, seed};
use crate::world::{User, World, frail};

const ROWS: usize = 100_000;

/// The ids of a page, and its cursor.
async fn page(user: &User, list: &str, cursor: Option<&str>) -> (Vec<String>, Option<String>) {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let page = user.get(&format!("/v1/follow-ups?limit=200{list}{cursor}")).await.expect(200);
    let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
    (ids.collect(), page["next_cursor"].as_str().map(str::to_owned))
}

/// Every id of a list in page order, and the cursor of the last page.
async fn walk(user: &User, list: &str) -> (Vec<String>, String) {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let (more, next) = page(user, list, cursor.as_deref()).await;
        ids.extend(more);
        match next {
            Some(next) => cursor = Some(next),
            None => return (ids, cursor.unwrap()),
        }
    }
}

/// The ids of the inserted follow-ups.
async fn seeded(world: &World) -> HashSet<String> {
    let ids: Vec<String> = sqlx::query_scalar("select follow_up_id::text from follow_ups")
        .fetch_all(&mut world.connect().await)
        .await
        .unwrap();
    ids.into_iter().collect()
}

#[tokio::test]
async fn paging_through_a_hundred_thousand_follow_ups_shows_each_once_during_writes() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, ROWS).await;
    let there = seeded(&world).await;
    let (done, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    let writers = join_all((0..4).map(|_| Colleague::of(&world, &clinic))).await;
    let sample: Vec<&String> = there.iter().take(400).collect();
    let write = |index: usize| {
        let (writer, sample, done, writes, clinic) = (&writers[index], &sample, &done, &writes, &clinic);
        async move {
            // Opens new follow-ups, and changes existing ones without changing their position.
            for case in sample.iter().skip(index).step_by(4).cycle() {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let path = format!("/v1/follow-ups/{case}");
                let version = writer.user.get(&path).await.expect(200)["version"].as_i64().unwrap();
                let command = if version % 2 == 1 { "claim" } else { "release" };
                act(&writer.user, &path, command, version, &json!({})).await.expect(200);
                clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
                writes.fetch_add(2, Ordering::Relaxed);
            }
        }
    };
    let started = Instant::now();
    let reader = async {
        let walked = walk(&clinic.staff, "").await;
        done.store(true, Ordering::Relaxed);
        walked
    };
    let ((ids, last), ..) = futures_util::join!(reader, write(0), write(1), write(2), write(3));
    let met: HashSet<&String> = ids.iter().collect();
    let missed = there.iter().filter(|id| !met.contains(id)).count();
    let writes = writes.load(Ordering::Relaxed);
    println!(
        "{} rows in {:?} while {writes} writes: {} met twice, {missed} of {ROWS} missed",
        ids.len(),
        started.elapsed(),
        ids.len() - met.len()
    );
    assert_eq!((ids.len() - met.len(), missed), (0, 0));
    assert!(writes >= 40, "only {writes} writes during the walk");
    compare(&clinic.staff, &last).await;
}

/// The last page is as fast as the first. Other load on the machine disturbs single rounds; real slowness shows in every
/// round.
async fn compare(user: &User, last: &str) {
    const ROUNDS: usize = 5;
    for _ in 0..ROUNDS {
        let [first, late] = page_times(user, last).await;
        println!("page 1: p50 {:?}, p99 {:?}; last page: p50 {:?}, p99 {:?}", first.0, first.1, late.0, late.1);
        if late.0 <= 2 * first.0 && late.1 <= 2 * first.1 + Duration::from_millis(5) {
            return;
        }
    }
    panic!("the last page takes more than twice the time of the first in each of {ROUNDS} rounds");
}

/// The median and the 99th percentile of the first and of the last page, requested alternately.
async fn page_times(user: &User, last: &str) -> [(Duration, Duration); 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..300 {
        for (which, cursor) in [None, Some(last)].into_iter().enumerate() {
            let started = Instant::now();
            let request = match cursor {
                // Pages of equal size, so that only the position differs.
                Some(cursor) => format!("/v1/follow-ups?limit=20&cursor={cursor}"),
                None => "/v1/follow-ups?limit=20".to_owned(),
            };
            user.get(&request).await.expect(200);
            times[which].push(started.elapsed());
        }
    }
    times.map(|mut of_one| {
        of_one.sort_unstable();
        (of_one[of_one.len() / 2], of_one[of_one.len() * 99 / 100])
    })
}

#[tokio::test]
async fn ten_thousand_follow_ups_with_equal_times_have_a_total_order() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, 10_000).await;
    let same = "update follow_ups set flagged_at = '2026-01-01', due_at = '2026-02-01', urgency = 2";
    world.connect().await.execute(same).await.unwrap();
    let there = seeded(&world).await;
    for list in ["", "&order=oldest", "&order=due"] {
        let (ids, _) = walk(&clinic.staff, list).await;
        assert_eq!(ids.len(), there.len(), "{list}");
        assert_eq!(ids.into_iter().collect::<HashSet<_>>(), there, "{list}");
    }
    let none: Value = clinic.staff.get("/v1/follow-ups?state=closed").await.expect(200);
    assert_eq!(none["items"], json!([]));
}
