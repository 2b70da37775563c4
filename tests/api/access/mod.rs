//! Who may do what: the matrix read from the document that the server serves, and what everybody sees of others.

mod examples;
mod requests;

use std::time::{Duration, Instant};

use sarcoscreen::app::ambient::{Ambient as _, System, after};
use sarcoscreen::app::credentials::revoke;
use sarcoscreen::domain::actor::Role;
use sarcoscreen::http::Settings;
use serde_json::{Value, json};

use crate::tokens::issuer::{Issuer, Signer};
use crate::world::{Answer, Clinic, User, World, fit};

pub(crate) use requests::{Operation, Rows, call, operations, ready, request, request_with};

/// A service that takes tokens and listens behind a proxy, with its issuer and the key that the issuer signs with.
async fn trusting() -> (World, Issuer, Signer) {
    let signer = Signer::ed("key");
    let issuer = Issuer::start(&[&signer]);
    let policy = issuer.policy();
    let proxy = |settings: &mut Settings| settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let world = World::built(proxy, |app| app.with_tokens(policy).unwrap()).await;
    (world, issuer, signer)
}

/// The claims of somebody with one of the issuer's roles, from now for some seconds.
fn claims(world: &World, issuer: &Issuer, role: &str, clinic: &str, seconds: i64) -> Value {
    let now = world.clock.now().as_second();
    json!({"iss": issuer.name, "aud": "sarcoscreen", "sub": format!("{role} of {clinic}"), "iat": now.min(now + seconds),
           "exp": now + seconds, "role": role, "clinic": clinic})
}

/// Everybody whose key does not work, by name.
async fn strangers(world: &World, clinic: &Clinic) -> Vec<(&'static str, User)> {
    let soon = after(System.now(), Duration::from_mins(1));
    let expired = world.user(clinic.id, Role::Admin, Some(soon)).await;
    expired.get("/v1/submissions").await.expect(200);
    let (revoked, id) = world.user_with_id(clinic.id, Role::Admin, None).await;
    revoke(&world.app, clinic.id.into(), id.into()).await.unwrap();
    world.clock.advance(61);
    let unknown = format!("sk_{}_{}", "a".repeat(13), "A".repeat(43));
    let real = clinic.admin.key.clone().unwrap();
    let forged = format!("{}{}", &real[..17], "A".repeat(43));
    assert_eq!(forged.len(), real.len());
    vec![
        ("nobody", world.holder(None)),
        ("garbage", world.holder(Some("garbage"))),
        ("a well-formed unknown key", world.holder(Some(&unknown))),
        ("a known prefix with another secret", world.holder(Some(&forged))),
        ("a key without its last character", world.holder(Some(&real[..real.len() - 1]))),
        ("an expired key", expired),
        ("a revoked key", revoked),
    ]
}

async fn send(user: &User, operation: &Operation, rows: &Rows) -> Answer {
    user.send(request(user, operation, rows)).await
}

#[tokio::test]
async fn every_operation_answers_everybody_as_the_document_says() {
    let (world, issuer, signer) = trusting().await;
    let clinic = world.clinic("One").await;
    let mut strangers = strangers(&world, &clinic).await;
    let token = |signer: &Signer, role, seconds| {
        world.holder(Some(&signer.token(&claims(&world, &issuer, role, "One", seconds))))
    };
    strangers.push(("an expired token", token(&signer, "lead", -31)));
    strangers.push(("a token of another issuer", token(&Signer::ed("key"), "lead", 1_000_000)));
    strangers.push(("a token without a role of ours", token(&signer, "cook", 3600)));
    let intake = clinic.intake.key.clone();
    let roles = [
        (Role::Browser, clinic.browser.clone()),
        (Role::Intake, clinic.intake.clone()),
        (Role::Staff, clinic.staff.clone()),
        (Role::Admin, clinic.admin.clone()),
        (Role::Intake, token(&signer, "system", 1_000_000)),
        (Role::Staff, token(&signer, "nurse", 1_000_000)),
        (Role::Admin, token(&signer, "lead", 1_000_000)),
    ];
    for operation in operations(&world).await {
        let (_, _, fine) = call(&operation, &Rows::unknown());
        let rows = Rows::of(&world, &clinic).await;
        for (name, stranger) in &strangers {
            let answer = send(stranger, &operation, &rows).await;
            let wanted = if operation.least.is_some() { 401 } else { fine };
            assert_eq!(answer.status, wanted, "{} as {name}: {}", operation.id, answer.text);
            assert_eq!(answer.header("www-authenticate"), if wanted == 401 { "Bearer" } else { "" });
        }
        for (role, user) in &roles {
            let (role, user) = (*role, user);
            let holder = if role >= Role::Staff { user } else { &roles[2].1 };
            let rows = ready(&world, &clinic, holder, &operation, &rows).await;
            let answer = send(user, &operation, &rows).await;
            let wanted = match operation.least {
                Some(least) if role < least => 403,
                // Another intake system than the one that submitted.
                _ if operation.id == "get_submission" && role == Role::Intake && user.key != intake => 404,
                _ => fine,
            };
            assert_eq!(answer.status, wanted, "{} as {}: {}", operation.id, role.as_str(), answer.text);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_clinic_answers_exactly_like_what_does_not_exist() {
    let (world, issuer, signer) = trusting().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let rows = Rows::of(&world, &clinic).await;
    let lead = world.holder(Some(&signer.token(&claims(&world, &issuer, "lead", "Two", 1_000_000))));
    let mut compared = 0;
    for operation in operations(&world).await {
        let (_, _, fine) = call(&operation, &rows);
        if !operation.path.contains("{id}") {
            let rows = ready(&world, &other, &other.admin, &operation, &rows).await;
            assert_eq!(send(&other.admin, &operation, &rows).await.status, fine, "{}", operation.id);
            continue;
        }
        compared += 1;
        let rows = ready(&world, &clinic, &clinic.admin, &operation, &rows).await;
        send(&clinic.admin, &operation, &rows).await.expect(fine);
        let may = |role: Role| operation.least.is_none_or(|least| role >= least);
        for foreigner in [&other.staff, &other.admin, &lead].into_iter().skip(usize::from(!may(Role::Staff))) {
            let foreign = send(foreigner, &operation, &rows).await;
            let unknown = send(foreigner, &operation, &Rows::unknown()).await;
            assert_eq!(foreign.status, 404, "{}: {}", operation.id, foreign.text);
            assert_eq!(masked(&foreign), masked(&unknown), "{}", operation.id);
        }
    }
    assert_eq!(compared, 32);
    // Not even a search by the very reference finds the other clinic's person.
    let found = other.staff.post("/v1/subjects/search", &json!({"reference": "R-1"})).await.expect(200);
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn an_intake_system_sees_only_its_own_submissions() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let rows = Rows::of(&world, &clinic).await;
    let path = format!("/v1/submissions/{}", rows.submission);
    let another = world.user(clinic.id, Role::Intake, None).await;
    let hidden = another.get(&path).await;
    let unknown = another.get(&format!("/v1/submissions/{}", Rows::unknown().submission)).await;
    assert_eq!(hidden.status, 404);
    assert_eq!(masked(&hidden), masked(&unknown));
    clinic.intake.get(&path).await.expect(200);
    clinic.staff.get(&path).await.expect(200);
    // A browser reads nothing back, not even its own.
    let own = clinic.browser.submit(&json!({"answers": fit()})).await;
    clinic.browser.get(own.header("location")).await.expect(403);
}

#[tokio::test]
async fn a_revocation_acts_within_five_seconds_on_a_key_in_use() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (user, id) = world.user_with_id(clinic.id, Role::Staff, None).await;
    user.get("/v1/follow-ups").await.expect(200);
    revoke(&world.app, clinic.id.into(), id.into()).await.unwrap();
    let revoked = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    loop {
        pace.tick().await;
        let asked = revoked.elapsed();
        let status = user.get("/v1/follow-ups").await.status;
        if status == 401 {
            break;
        }
        assert_eq!(status, 200);
        assert!(asked < Duration::from_secs(5), "still let in {asked:?} after its revocation");
    }
    // Nobody else is let down, and it stays so.
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    user.get("/v1/follow-ups").await.expect(401);
    assert!(revoke(&world.app, clinic.id.into(), id.into()).await.is_err());
}

#[tokio::test]
async fn who_calls_is_settled_before_anything_else_of_the_request() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let requests = [
        ("GET", "/v1/submissions/no-id"),
        ("GET", "/v1/submissions/no-id/assessments?rule_table="),
        ("GET", "/v1/submissions?limit=none"),
        ("GET", "/v1/follow-ups/no-id"),
        ("GET", "/v1/follow-ups?limit=none"),
        ("GET", "/v1/subjects/no-id/submissions?limit=none"),
        ("GET", "/v1/credentials?limit=none"),
        ("DELETE", "/v1/credentials/no-id"),
        ("POST", "/v1/credentials/no-id/rotate"),
        ("PUT", "/v1/subjects/no-id/contact"),
        ("PUT", "/v1/subjects/no-id/consent"),
        ("POST", "/v1/subjects/no-id/merge"),
        ("POST", "/v1/subjects/no-id/merges/no-id/undo"),
        ("DELETE", "/v1/subjects/no-id"),
    ];
    for (index, (method, path)) in requests.into_iter().enumerate() {
        // Never seen before, so that nothing is remembered of them.
        let unknown = world.holder(Some(&format!("sk_{index:013}_{}", "A".repeat(43))));
        assert_eq!(unknown.send(unknown.request(method, path)).await.status, 401, "{path}");
        let browser = world.user(clinic.id, Role::Browser, None).await;
        assert_eq!(browser.send(browser.request(method, path)).await.status, 403, "{path}");
    }
    let unknown = world.holder(Some(&format!("sk_{}_{}", "c".repeat(13), "A".repeat(43))));
    let request = unknown.request("POST", "/v1/submissions").header("idempotency-key", "a b").body("{");
    assert_eq!(unknown.send(request).await.status, 401);
}

/// Everything of an answer but what names the one request.
fn masked(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let named = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status, headers, answer.text.replace(answer.header("x-request-id"), "-"))
}
