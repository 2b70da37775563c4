//! Rate limits of a credential, a clinic and a visitor's address, and the lock-out after failed authentications.

use sarcoscreen::app::access::limits::Rates;
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::http::Settings;
use serde_json::json;
use sqlx::Executor as _;

use crate::world::{Answer, User, World, fit};

/// A service with limits and a held clock: otherwise a quota that refills during the test would allow more.
async fn limited(per_credential: u32, per_clinic: u32) -> World {
    with_budgets(Rates { per_credential, per_clinic, ..Rates::default() }).await
}

/// A service behind a proxy at the address of all tests.
async fn behind_a_proxy() -> World {
    with_budgets(Rates::default()).await
}

async fn ask(user: &User) -> Answer {
    user.get("/v1/follow-ups").await
}

async fn ask_from(user: &User, address: &str) -> Answer {
    user.send(user.request("GET", "/v1/follow-ups").header("x-forwarded-for", address)).await
}

/// A well-formed key that does not exist.
fn unknown(world: &World, number: usize) -> User {
    world.holder(Some(&format!("sk_{number:013}_{}", "A".repeat(43))))
}

/// The user's key with another secret after its prefix.
fn forged(world: &World, user: &User) -> User {
    world.holder(Some(&format!("{}{}", &user.key.as_ref().unwrap()[..17], "A".repeat(43))))
}

#[tokio::test]
async fn a_rate_limited_credential_does_not_affect_another_at_the_same_address() {
    let world = limited(5, 0).await;
    let clinic = world.clinic("One").await;
    for left in [4, 3, 2, 1, 0] {
        let answer = ask(&clinic.staff).await;
        assert_eq!(answer.header("ratelimit-policy"), "\"credential\";q=5;w=60");
        assert_eq!(answer.header("ratelimit"), format!("\"credential\";r={left};t={}", (5 - left) * 12));
        answer.expect(200);
    }
    let refused = ask(&clinic.staff).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "12"));
    assert_eq!(refused.header("ratelimit"), "\"credential\";r=0;t=60");
    assert_eq!(refused.json()["type"], "/docs/problems#too_many_requests");
    ask(&clinic.admin).await.expect(200);
    ask(&world.user(clinic.id, Role::Staff, None).await).await.expect(200);
    world.clock.advance(12);
    ask(&clinic.staff).await.expect(200);
    ask(&clinic.staff).await.expect(429);
}

#[tokio::test]
async fn a_rate_limited_credential_does_not_use_up_the_limit_of_its_clinic() {
    let world = limited(3, 5).await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    for status in [200, 200, 200, 429, 429, 429, 429] {
        ask(&clinic.staff).await.expect(status);
    }
    let answer = ask(&clinic.admin).await;
    assert_eq!(answer.header("ratelimit-policy"), "\"credential\";q=3;w=60, \"clinic\";q=5;w=60");
    assert_eq!(answer.header("ratelimit"), "\"credential\";r=2;t=20, \"clinic\";r=1;t=48");
    ask(&clinic.admin).await.expect(200);
    let refused = ask(&clinic.admin).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "12"));
    ask(&other.staff).await.expect(200);
}

#[tokio::test]
async fn only_responses_to_authenticated_callers_contain_rate_limits() {
    let world = limited(100, 100).await;
    let clinic = world.clinic("One").await;
    let limits_of = async |user: &User, path: &str| {
        let answer = user.get(path).await;
        (answer.status, answer.header("ratelimit").is_empty(), answer.header("ratelimit-policy").is_empty())
    };
    assert_eq!(limits_of(&clinic.staff, "/v1/follow-ups").await, (200, false, false));
    assert_eq!(limits_of(&clinic.staff, "/v1/follow-ups/none").await, (404, false, false));
    assert_eq!(limits_of(&clinic.staff, "/v1/follow-ups?limit=0").await, (400, false, false));
    assert_eq!(limits_of(&clinic.browser, "/v1/follow-ups").await, (403, false, false));
    assert_eq!(limits_of(&world.holder(None), "/v1/follow-ups").await, (401, true, true));
    assert_eq!(limits_of(&world.holder(None), "/v1/questionnaire").await, (200, true, true));
    let unlimited = World::new().await;
    let clinic = unlimited.clinic("One").await;
    assert_eq!(limits_of(&clinic.staff, "/v1/follow-ups").await, (200, true, true));
}

#[tokio::test]
async fn an_address_is_locked_out_after_sixty_failures_in_a_minute() {
    let world = behind_a_proxy().await;
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    for number in 0..30 {
        ask_from(&wrong, "192.0.2.1").await.expect(401);
        ask_from(&unknown(&world, number), "192.0.2.1").await.expect(401);
    }
    for user in [wrong.clone(), unknown(&world, 60), world.holder(Some("garbage")), world.holder(Some("a.b.c"))] {
        let refused = ask_from(&user, "192.0.2.1").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"), "{}", refused.text);
    }
    ask_from(&wrong, "192.0.2.2").await.expect(401);
    // A request without a key does not count as a failed attempt.
    ask_from(&world.holder(None), "192.0.2.1").await.expect(401);
    world.clock.advance(1);
    ask_from(&wrong, "192.0.2.1").await.expect(401);
    ask_from(&wrong, "192.0.2.1").await.expect(429);
}

#[tokio::test]
async fn failures_at_an_address_or_prefix_do_not_lock_out_a_valid_key() {
    let world = behind_a_proxy().await;
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    let mut statuses = Vec::new();
    for number in 0..50 {
        statuses.push(ask_from(&wrong, "192.0.2.1").await.status);
        statuses.push(ask_from(&unknown(&world, number), "192.0.2.1").await.status);
    }
    assert_eq!((statuses[59], statuses[99]), (401, 429));
    // None of these keys was used in this process before.
    for user in [&clinic.staff, &clinic.admin, &clinic.intake, &clinic.browser] {
        let status = ask_from(user, "192.0.2.1").await.status;
        assert!([200, 403].contains(&status), "{status}");
    }
    ask_from(&wrong, "192.0.2.1").await.expect(429);
}

#[tokio::test]
async fn a_prefix_is_looked_up_once_for_any_number_of_secrets() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let nothing = unknown(&world, 1);
    ask(&clinic.staff).await.expect(200);
    ask(&nothing).await.expect(401);
    // From now on a database query for a credential fails.
    world.connect().await.execute("alter table credentials rename to credentials_away").await.unwrap();
    ask(&clinic.admin).await.expect(500);
    ask(&forged(&world, &clinic.staff)).await.expect(401);
    ask(&world.holder(Some(&nothing.key.clone().unwrap().replace('A', "B")))).await.expect(401);
    ask(&world.holder(Some("sk_garbage"))).await.expect(401);
}

#[tokio::test]
async fn a_bad_client_does_not_lock_out_a_good_one_at_the_same_address() {
    let world = behind_a_proxy().await;
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    let bad = async {
        let mut refused = 0;
        for number in 0..150 {
            refused += usize::from(ask(&unknown(&world, number)).await.status == 429);
            refused += usize::from(ask(&wrong).await.status == 429);
        }
        refused
    };
    let good = async {
        let mut served = 0;
        for _ in 0..150 {
            served += usize::from(ask(&clinic.staff).await.status == 200);
        }
        served
    };
    let (refused, served) = futures_util::future::join(bad, good).await;
    assert_eq!((refused, served), (240, 150));
}

#[tokio::test]
async fn failures_are_counted_by_real_address_not_by_claimed_address() {
    let world = World::new().await;
    world.clock.hold();
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    for number in 0..60 {
        ask_from(&wrong, &format!("192.0.2.{number}")).await.expect(401);
    }
    ask_from(&wrong, "192.0.2.99").await.expect(429);
}

/// Submissions and scores of a browser key from an address.
async fn submit_from(user: &User, address: &str) -> Answer {
    let request = user.request("POST", "/v1/submissions").header("x-forwarded-for", address);
    user.send(request.json(&json!({"answers": fit()}))).await
}

async fn score_from(user: &User, address: &str) -> Answer {
    let request = user.request("POST", "/v1/scores").header("x-forwarded-for", address);
    user.send(request.json(&json!({"answers": fit()}))).await
}

/// A service behind a proxy with budgets for the addresses of visitors.
async fn with_budgets(rates: Rates) -> World {
    let proxy = |settings: &mut Settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let world = World::built(proxy, |app| app.with_rates(rates)).await;
    world.clock.hold();
    world
}

#[tokio::test]
async fn a_visitor_has_separate_budgets_for_scores_and_submissions_and_spares_the_sites_quota() {
    let world = with_budgets(Rates {
        per_credential: 20,
        per_clinic: 0,
        submissions_per_address: 2,
        scores_per_address: 3,
        address_factors: vec![("203.0.113.7/32".parse().unwrap(), 3)],
    })
    .await;
    let clinic = world.clinic("One").await;
    for left in [1, 0] {
        let answer = submit_from(&clinic.browser, "192.0.2.1").await;
        assert_eq!(answer.header("ratelimit-policy"), "\"address\";q=2;w=60, \"credential\";q=20;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"address\";r={left};")), "{answer:?}");
        answer.expect(201);
    }
    for _ in 0..30 {
        let refused = submit_from(&clinic.browser, "192.0.2.1").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "30"), "{}", refused.text);
        assert_eq!(refused.header("ratelimit"), "\"address\";r=0;t=60");
        assert_eq!(refused.json()["type"], "/docs/problems#too_many_requests");
    }
    for status in [200, 200, 200, 429] {
        score_from(&clinic.browser, "192.0.2.1").await.expect(status);
    }
    // A forbidden request of a browser key counts like a score, so it cannot use up the quota of the site either.
    ask_from(&clinic.browser, "192.0.2.1").await.expect(429);
    // Only accepted requests reduce the quota of the site: another visitor is served.
    let other = submit_from(&clinic.browser, "192.0.2.2").await;
    assert!(other.header("ratelimit").contains("\"credential\";r=14;"), "{}", other.header("ratelimit"));
    other.expect(201);
    // A waiting room with a factor, an intake system, and staff.
    for status in [201, 201, 201, 201, 201, 201, 429] {
        submit_from(&clinic.browser, "203.0.113.7").await.expect(status);
    }
    for user in [&clinic.intake, &clinic.intake, &clinic.intake, &clinic.staff] {
        submit_from(user, "192.0.2.1").await.expect(201);
    }
    world.clock.advance(30);
    submit_from(&clinic.browser, "192.0.2.1").await.expect(201);
    submit_from(&clinic.browser, "192.0.2.1").await.expect(429);
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_network_share_a_budget() {
    let world = with_budgets(Rates { submissions_per_address: 2, ..Rates::default() }).await;
    let clinic = world.clinic("One").await;
    for (last, status) in [("1", 201), ("2", 201), ("ffff:3", 429)] {
        submit_from(&clinic.browser, &format!("2001:db8:0:1::{last}")).await.expect(status);
    }
    submit_from(&clinic.browser, "2001:db8:0:2::1").await.expect(201);
}
