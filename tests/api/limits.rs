//! Limits: on what a credential and a clinic may ask, and on trying keys that do not work.

use sarcoscreen::app::limits::Rates;
use sarcoscreen::domain::actor::Role;
use sqlx::Executor as _;

use crate::world::{Answer, User, World};

async fn limited(per_credential: u32, per_clinic: u32) -> World {
    held(World::built(|_| {}, |app| app.with_rates(Rates { per_credential, per_clinic })).await)
}

/// A service behind a proxy at the address that every test comes from.
async fn behind_a_proxy() -> World {
    held(World::with(|settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()]).await)
}

/// The world with its clock stopped: what a limit gives back depends on no machine's speed.
fn held(world: World) -> World {
    world.clock.hold();
    world
}

async fn ask(user: &User) -> Answer {
    user.get("/v1/follow-ups").await
}

async fn ask_from(user: &User, address: &str) -> Answer {
    user.send(user.request("GET", "/v1/follow-ups").header("x-forwarded-for", address)).await
}

/// A key of the right form that nobody has.
fn unknown(world: &World, number: usize) -> User {
    world.holder(Some(&format!("sk_{number:013}_{}", "A".repeat(43))))
}

/// The user's key with another secret behind its prefix.
fn forged(world: &World, user: &User) -> User {
    world.holder(Some(&format!("{}{}", &user.key.as_ref().unwrap()[..17], "A".repeat(43))))
}

#[tokio::test]
async fn a_credential_that_asks_too_much_waits_and_another_at_the_same_address_does_not() {
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
async fn a_clinic_has_a_limit_too_of_which_a_limited_credential_eats_nothing() {
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
async fn every_answer_to_somebody_signed_in_tells_the_limits_and_no_other_does() {
    let world = limited(100, 100).await;
    let clinic = world.clinic("One").await;
    let told = async |user: &User, path: &str| {
        let answer = user.get(path).await;
        (answer.status, answer.header("ratelimit").is_empty(), answer.header("ratelimit-policy").is_empty())
    };
    assert_eq!(told(&clinic.staff, "/v1/follow-ups").await, (200, false, false));
    assert_eq!(told(&clinic.staff, "/v1/follow-ups/none").await, (404, false, false));
    assert_eq!(told(&clinic.staff, "/v1/follow-ups?limit=0").await, (400, false, false));
    assert_eq!(told(&clinic.browser, "/v1/follow-ups").await, (403, false, false));
    assert_eq!(told(&world.holder(None), "/v1/follow-ups").await, (401, true, true));
    assert_eq!(told(&world.holder(None), "/v1/questionnaire").await, (200, true, true));
    let unlimited = World::new().await;
    let clinic = unlimited.clinic("One").await;
    assert_eq!(told(&clinic.staff, "/v1/follow-ups").await, (200, true, true));
}

#[tokio::test]
async fn ten_wrong_secrets_shut_the_prefix_out_at_that_address_for_a_minute() {
    let world = behind_a_proxy().await;
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    for _ in 0..10 {
        ask_from(&wrong, "192.0.2.1").await.expect(401);
    }
    for user in [&wrong, &clinic.staff] {
        let refused = ask_from(user, "192.0.2.1").await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "60"), "{}", refused.text);
    }
    ask_from(&clinic.admin, "192.0.2.1").await.expect(200);
    ask_from(&clinic.staff, "192.0.2.2").await.expect(200);
    ask_from(&wrong, "192.0.2.2").await.expect(401);
    world.clock.advance(61);
    ask_from(&wrong, "192.0.2.1").await.expect(401);
    ask_from(&clinic.staff, "192.0.2.1").await.expect(200);
}

#[tokio::test]
async fn who_is_shut_out_costs_no_look_up() {
    let world = behind_a_proxy().await;
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    for _ in 0..10 {
        ask_from(&wrong, "192.0.2.1").await.expect(401);
    }
    for number in 0..60 {
        ask_from(&unknown(&world, number), "192.0.2.1").await.expect(401);
    }
    // From now on whoever is looked up gets 500.
    world.connect().await.execute("alter table credentials rename to credentials_away").await.unwrap();
    ask_from(&clinic.admin, "192.0.2.2").await.expect(500);
    for user in [clinic.staff, unknown(&world, 1000), world.holder(Some("garbage"))] {
        ask_from(&user, "192.0.2.1").await.expect(429);
    }
}

#[tokio::test]
async fn trying_unknown_prefixes_shuts_the_address_out_but_nobody_whose_key_worked() {
    let world = behind_a_proxy().await;
    let clinic = world.clinic("One").await;
    ask_from(&clinic.staff, "192.0.2.1").await.expect(200);
    for number in 0..60 {
        ask_from(&unknown(&world, number), "192.0.2.1").await.expect(401);
    }
    let refused = ask_from(&unknown(&world, 60), "192.0.2.1").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    ask_from(&world.holder(Some("garbage")), "192.0.2.1").await.expect(429);
    ask_from(&clinic.staff, "192.0.2.1").await.expect(200);
    ask_from(&clinic.admin, "192.0.2.1").await.expect(429);
    ask_from(&clinic.admin, "192.0.2.2").await.expect(200);
    // It worked elsewhere meanwhile, so it is trusted here too.
    ask_from(&clinic.admin, "192.0.2.1").await.expect(200);
    world.clock.advance(61);
    ask_from(&unknown(&world, 61), "192.0.2.1").await.expect(401);
}

#[tokio::test]
async fn of_two_clients_behind_one_address_the_bad_one_never_stops_the_good_one() {
    let world = held(World::new().await);
    let clinic = world.clinic("One").await;
    ask(&clinic.staff).await.expect(200);
    let wrong = forged(&world, &clinic.admin);
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
    assert_eq!(futures_util::future::join(bad, good).await, (90 + 140, 150));
}

#[tokio::test]
async fn nobody_escapes_by_making_up_addresses() {
    let world = held(World::new().await);
    let clinic = world.clinic("One").await;
    let wrong = forged(&world, &clinic.staff);
    for number in 0..10 {
        ask_from(&wrong, &format!("192.0.2.{number}")).await.expect(401);
    }
    ask_from(&wrong, "192.0.2.99").await.expect(429);
}
