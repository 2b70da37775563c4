//! A page asks cheaply whether the worklist changed.

use serde_json::json;

use super::{Colleague, act, hours_ahead, open};
use crate::world::{Answer, User, World};

async fn changes(user: &User, since: &str, tag: Option<&str>) -> Answer {
    let request = user.request("GET", &format!("/v1/follow-ups/changes?since={since}"));
    user.send(tag.into_iter().fold(request, |request, tag| request.header("if-none-match", tag))).await
}

#[tokio::test]
async fn each_change_is_counted_and_changes_the_tag() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let colleague = Colleague::of(&world, &clinic).await;
    let before = hours_ahead(&world, -1);
    let none = changes(&clinic.staff, &before, None).await;
    let tag = none.header("etag").to_owned();
    assert_eq!(none.expect(200), json!({"count": 0, "latest_at": null}));
    assert_eq!(changes(&clinic.staff, &before, Some(&tag)).await.status, 304);

    open(&other).await;
    assert_eq!(changes(&clinic.staff, &before, Some(&tag)).await.status, 304);

    let case = open(&clinic).await;
    open(&clinic).await;
    let two = changes(&clinic.staff, &before, Some(&tag)).await;
    let tag = two.header("etag").to_owned();
    let two = two.expect(200);
    assert_eq!(two["count"], 2);

    // The clock of each change differs, so the second change of a follow-up is seen too.
    act(&colleague.user, &case, "claim", 1, &json!({})).await.expect(200);
    let claimed = changes(&clinic.staff, &before, Some(&tag)).await.expect(200);
    assert_eq!(claimed["count"], 2);
    assert!(claimed["latest_at"].as_str() > two["latest_at"].as_str());

    let later = changes(&clinic.staff, &hours_ahead(&world, 1), None).await.expect(200);
    assert_eq!(later["count"], 0);
}

#[tokio::test]
async fn a_time_is_required_and_only_staff_may_ask() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (query, pointer) in [("", "/since"), ("?since=today", "/since"), ("?since=2026-01-01", "/since")] {
        let answer = clinic.staff.get(&format!("/v1/follow-ups/changes{query}")).await;
        assert_eq!((answer.status, answer.pointers()), (400, vec![pointer.to_owned()]), "{query}: {}", answer.text);
    }
    assert_eq!(changes(&clinic.intake, "2026-01-01T00:00:00Z", None).await.status, 403);
}
