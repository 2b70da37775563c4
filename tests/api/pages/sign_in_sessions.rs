//! How sessions of staff end, and that their cookie means nothing to the APIs. Rows are shifted in time; no test waits.

use std::ops::ControlFlow;
use std::time::Duration;

use jiff::SignedDuration;
use sarcoscreen::app::access::credentials::{By, revoke, rotate};
use sarcoscreen::app::ambient::Ambient as _;
use sarcoscreen::app::subjects::retention;
use sarcoscreen::domain::access::actor::Role;
use sqlx::{AssertSqlSafe, Executor as _};

use super::sign_in::{Browser, SIGN_IN, entries, key, sessions};
use crate::world::{Clinic, World, serve};

/// A browser of a member of staff who is signed in. The clock is held, so that times do not depend on the machine.
async fn signed_in() -> (World, Clinic, Browser) {
    let world = World::new().await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    let mut browser = Browser::new(&world);
    assert_eq!(browser.sign_in(&key(&clinic.staff)).await.status, 303);
    (world, clinic, browser)
}

/// Moves the stored times of all sessions into the past.
pub(super) async fn shift(world: &World, started: &str, last_used: &str) {
    let sql = format!(
        "update staff_sessions set started_at = started_at - interval '{started}', \
         last_used_at = last_used_at - interval '{last_used}'"
    );
    world.connect().await.execute(AssertSqlSafe(sql)).await.unwrap();
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour_without_use() {
    let (world, _, mut browser) = signed_in().await;
    shift(&world, "1 hour", "29 minutes 59 seconds").await;
    assert!(browser.is_signed_in().await);
    // That was a use, so the half hour begins again.
    shift(&world, "0", "29 minutes 59 seconds").await;
    assert!(browser.is_signed_in().await);
    shift(&world, "0", "30 minutes").await;
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_session_ends_ten_hours_after_it_began() {
    let (world, _, mut browser) = signed_in().await;
    shift(&world, "9 hours 59 minutes 59 seconds", "0").await;
    assert!(browser.is_signed_in().await);
    shift(&world, "1 second", "0").await;
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_page_that_looks_for_news_by_itself_does_not_keep_a_session() {
    let (world, _, mut browser) = signed_in().await;
    shift(&world, "1 hour", "20 minutes").await;
    let used = "select extract(epoch from max(last_used_at))::bigint from staff_sessions";
    let before = world.count(used).await;
    // The news of the worklist, in a browser that does not state who sends a request.
    assert_eq!(browser.get("/staff/changes").await.status, 200);
    assert_eq!(world.count(used).await, before);
    for (destination, is_kept) in [("empty", true), ("document", false)] {
        let answer = browser.send(browser.request("GET", SIGN_IN).header("sec-fetch-dest", destination)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(world.count(used).await == before, is_kept, "{destination}");
    }
}

#[tokio::test]
async fn a_session_ends_at_once_with_its_credential() {
    let (world, clinic, mut browser) = signed_in().await;
    let sql = "select credential_id from staff_sessions";
    let id: uuid::Uuid = sqlx::query_scalar(sql).fetch_one(&mut world.connect().await).await.unwrap();
    revoke(&world.app, clinic.id.into(), id.into()).await.unwrap();
    assert!(!browser.is_signed_in().await);
    let soon = world.clock.now().checked_add(SignedDuration::from_secs(60)).unwrap();
    let temporary = world.user(clinic.id, Role::Staff, Some(soon)).await;
    browser.sign_in(&key(&temporary)).await;
    assert!(browser.is_signed_in().await);
    world.clock.advance(61);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_session_ends_with_the_key_that_began_it() {
    let (world, clinic, mut browser) = signed_in().await;
    let sql = "select credential_id from staff_sessions";
    let id: uuid::Uuid = sqlx::query_scalar(sql).fetch_one(&mut world.connect().await).await.unwrap();
    let turn = async |overlap| rotate(&world.app, By::Operator(clinic.id.into()), id.into(), overlap).await.unwrap().1;
    let second = turn(Duration::from_mins(1)).await;
    assert!(browser.is_signed_in().await, "both keys work");
    world.clock.advance(61);
    assert!(!browser.is_signed_in().await, "the first key does not work any more");
    browser.sign_in(&second).await;
    assert!(browser.is_signed_in().await);
    turn(Duration::ZERO).await;
    assert!(!browser.is_signed_in().await);
}

/// The web form has no key and is no person of the issuer, so it cannot begin a session. Its role ends one that it would have.
#[tokio::test]
async fn no_session_acts_as_the_web_form() {
    let (world, clinic, mut browser) = signed_in().await;
    let id = clinic.id;
    let form = format!(
        "insert into credentials (clinic_id, credential_id, sender_id, role, display_name, created_at, web_form) \
         values ('{id}', '{id}', '{id}', 'browser', 'Web form', now(), true)"
    );
    let moved = format!("update staff_sessions set credential_id = '{id}', key_prefix = null");
    let mut owner = world.connect().await;
    for sql in [form, moved] {
        owner.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    assert_eq!(browser.get("/staff").await.status, 403);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_cookie_that_was_altered_or_moved_names_no_session() {
    let (world, _, mut browser) = signed_in().await;
    let cookie = browser.cookies[0].1.clone();
    for place in [0, 30, 106] {
        let other = if cookie.as_bytes()[place] == b'A' { "E" } else { "A" };
        let mut altered = cookie.clone();
        altered.replace_range(place..=place, other);
        browser.cookies[0].1 = altered;
        assert!(!browser.is_signed_in().await, "{place}");
    }
    for other in ["", "a", &cookie[1..], &format!("{cookie}A"), &"-".repeat(107)] {
        browser.cookies[0].1 = other.to_owned();
        assert!(!browser.is_signed_in().await, "{other}");
    }
    let (base, server) = serve(world.app.clone());
    let mut elsewhere = Browser::at(&base);
    elsewhere.cookies = vec![(browser.cookies[0].0.clone(), cookie)];
    assert!(elsewhere.is_signed_in().await, "each instance knows the session");
    server.stop(false).await;
}

#[tokio::test]
async fn a_cookie_means_nothing_outside_the_pages() {
    let (world, clinic, mut browser) = signed_in().await;
    let before = entries(&world, &clinic).await;
    for path in ["/v1/me", "/v1/follow-ups", "/v1/staff", "/v1/submissions", "/fhir/Task"] {
        for site in ["same-origin", "cross-site"] {
            let answer = browser.send(browser.request("GET", path).header("sec-fetch-site", site)).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (401, ""), "{path}");
        }
    }
    let next = browser.request("POST", "/v1/follow-ups/next").header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(next).await.status, 401);
    assert_eq!(entries(&world, &clinic).await, before);
    // A key means nothing to the pages, except in the form.
    let staff = clinic.staff.get("/staff/sign-in?lang=en").await;
    assert!(!staff.text.contains("You are signed in as"));
}

#[tokio::test]
async fn retention_deletes_sessions_that_are_over() {
    let (world, clinic, mut browser) = signed_in().await;
    shift(&world, "0", "30 minutes").await;
    browser.sign_in(&key(&clinic.admin)).await;
    assert_eq!(sessions(&world).await, 2);
    retention::run(&world.app, |_| ControlFlow::Continue(())).await.unwrap();
    assert_eq!(sessions(&world).await, 1);
    assert!(browser.is_signed_in().await);
}
