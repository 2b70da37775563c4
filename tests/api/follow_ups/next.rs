//! Taking the next follow-up: each one once under concurrency, and the same one for a retry.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Colleague, act, open, seed};
use crate::world::{Answer, User, World, frail};

async fn next(user: &User, key: Option<&str>) -> Answer {
    let request = user.request("POST", "/v1/follow-ups/next");
    user.send(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
    .await
}

#[tokio::test]
async fn sixteen_workers_take_two_hundred_follow_ups_once_each_most_urgent_first() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    seed(&world, &clinic, 200).await;
    let workers = join_all((0..16).map(|_| Colleague::of(&world, &clinic))).await;
    let taken = join_all(workers.iter().map(async |worker| {
        let mut taken = Vec::new();
        loop {
            let answer = next(&worker.user, None).await;
            if answer.status == 204 {
                assert_eq!(answer.text, "");
                return taken;
            }
            assert_eq!(answer.header("etag"), "\"2\"");
            let case = answer.expect(200);
            assert_eq!((&case["state"], &case["assignee"]), (&json!("assigned"), &json!(worker.id)));
            taken.push(case);
        }
    }))
    .await;
    let rank =
        |case: &Value| ["today", "this_week", "routine"].iter().position(|name| case["urgency"] == *name).unwrap();
    for one in &taken {
        let keys: Vec<_> = one.iter().map(|case| (rank(case), case["flagged_at"].as_str().unwrap())).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "a worker got a less urgent follow-up first");
    }
    let counts: Vec<usize> = taken.iter().map(Vec::len).collect();
    println!("200 cases taken by 16 workers: {counts:?}");
    let ids: Vec<&str> = taken.iter().flatten().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (200, 200));
    assert_eq!(world.count("select count(*) from follow_up_events where command = 'claim'").await, 200);
    assert_eq!(
        world
            .count("select count(*) from audit_entries where action = 'follow_up_taken' and outcome = 'success'")
            .await,
        200
    );
}

#[tokio::test]
async fn a_retry_gets_the_same_follow_up_and_concurrent_copies_take_one() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    assert_eq!(next(&clinic.staff, Some("k")).await.status, 204);
    // Nothing was taken, so the key stores nothing.
    let cases = [open(&clinic).await, open(&clinic).await, open(&clinic).await];
    let first = next(&clinic.staff, Some("k")).await;
    let case = format!("/v1/follow-ups/{}", first.clone().expect(200)["id"].as_str().unwrap());
    assert_eq!(case, cases[0]);
    act(&clinic.staff, &case, "release", 2, &json!({})).await.expect(200);
    let again = next(&clinic.staff, Some("k")).await;
    assert_eq!((again.status, &again.text, again.header("etag")), (200, &first.text, "\"2\""));
    assert_eq!(clinic.staff.get(&case).await.expect(200)["state"], "open");
    // The same key of another member of staff is another request: it takes the follow-up that is open again.
    let other = next(&clinic.admin, Some("k")).await;
    assert_eq!((other.status, other.header("etag")), (200, "\"4\""));
    let copies = join_all((0..16).map(|_| next(&clinic.admin, Some("c")))).await;
    for copy in &copies {
        assert_eq!((copy.status, &copy.text), (200, &copies[0].text));
    }
    let open = clinic.staff.get("/v1/follow-ups?state=open").await.expect(200);
    assert_eq!(open["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_joined_follow_up_can_still_be_taken_but_not_by_another_clinic() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let body = json!({"answers": frail(), "subject": {"reference": "R-1"}});
    clinic.intake.submit(&body).await.expect(201);
    assert_eq!(next(&other.staff, None).await.status, 204);
    clinic.intake.submit(&body).await.expect(201);
    let taken = next(&clinic.staff, None).await.expect(200);
    assert_eq!((&taken["version"], &taken["state"]), (&json!(3), &json!("assigned")));
    assert_eq!(next(&clinic.staff, None).await.status, 204);
}
