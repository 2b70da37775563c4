//! Every kind of caller by every way to authenticate, and callers whose credentials are invalid.

use std::sync::Arc;
use std::time::Duration;

use sarcoscreen::app::access::credentials::revoke;
use sarcoscreen::app::ambient::{Ambient as _, System, after};
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::http::Settings;
use serde_json::{Value, json};

use super::{Operation, Rows, call, ready, send};
use crate::tokens::issuer::{Issuer, Signer};
use crate::world::{Clinic, User, World, app, serve_with};

fn behind_a_proxy(settings: &mut Settings) {
    settings.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

/// A service that accepts tokens and is behind a proxy, with its issuer and the signing key of the issuer.
pub(super) async fn trusting() -> (World, Issuer, Signer) {
    let signer = Signer::ed("key");
    let issuer = Issuer::start(&[&signer]);
    let policy = issuer.policy();
    let world = World::built(behind_a_proxy, |app| app.with_tokens(policy).unwrap()).await;
    (world, issuer, signer)
}

/// Claims with one of the issuer's roles, valid from now for some seconds.
pub(super) fn claims(world: &World, issuer: &Issuer, role: &str, clinic: &str, seconds: i64) -> Value {
    let now = world.clock.now().as_second();
    json!({"iss": issuer.name, "aud": "sarcoscreen", "sub": format!("{role} of {clinic}"), "iat": now.min(now + seconds),
           "exp": now + seconds, "role": role, "clinic": clinic})
}

/// Callers whose key does not work, by name.
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
        ("no key", world.holder(None)),
        ("garbage", world.holder(Some("garbage"))),
        ("a well-formed unknown key", world.holder(Some(&unknown))),
        ("a known prefix with another secret", world.holder(Some(&forged))),
        ("a key without its last character", world.holder(Some(&real[..real.len() - 1]))),
        ("an expired key", expired),
        ("a revoked key", revoked),
    ]
}

/// Another instance of that service, with empty caches.
pub(super) async fn instance(world: &World, issuer: &Issuer) -> (String, actix_web::dev::ServerHandle) {
    let app = app(&world.database, Arc::clone(&world.clock) as _, &[7], Some(world.erasure_log.clone()));
    let app = app.with_tokens(issuer.policy()).unwrap();
    app.prepare().await.unwrap();
    serve_with(app, behind_a_proxy)
}

/// Callers of a clinic.
pub(super) struct Callers {
    /// Valid callers by role: first the four with keys, then those with tokens of the issuer.
    pub(super) known: Vec<(Role, User)>,
    /// Callers whose key or token does not work.
    pub(super) strangers: Vec<(&'static str, User)>,
}

impl Callers {
    pub(super) async fn of(world: &World, clinic: &Clinic, issuer: &Issuer, signer: &Signer) -> Self {
        let mut strangers = strangers(world, clinic).await;
        let token = |signer: &Signer, role, seconds| {
            world.holder(Some(&signer.token(&claims(world, issuer, role, "One", seconds))))
        };
        strangers.push(("an expired token", token(signer, "lead", -31)));
        strangers.push(("a token of another issuer", token(&Signer::ed("key"), "lead", 1_000_000)));
        strangers.push(("a token without a role of ours", token(signer, "cook", 3600)));
        let known = vec![
            (Role::Browser, clinic.browser.clone()),
            (Role::Intake, clinic.intake.clone()),
            (Role::Staff, clinic.staff.clone()),
            (Role::Admin, clinic.admin.clone()),
            (Role::Intake, token(signer, "system", 1_000_000)),
            (Role::Staff, token(signer, "nurse", 1_000_000)),
            (Role::Admin, token(signer, "lead", 1_000_000)),
        ];
        Self { known, strangers }
    }

    /// Every caller sends the operation, alternating between the instances.
    pub(super) async fn try_operation(&self, world: &World, clinic: &Clinic, operation: &Operation, bases: &[String]) {
        let mut next = bases.iter().cycle();
        let mut somewhere = |user: &User| user.at(next.next().unwrap());
        let (_, _, fine) = call(operation, &Rows::unknown());
        let rows = Rows::of(world, clinic).await;
        for (name, stranger) in &self.strangers {
            let answer = send(&somewhere(stranger), operation, &rows).await;
            let wanted = if operation.least.is_some() { 401 } else { fine };
            assert_eq!(answer.status, wanted, "{} as {name}: {}", operation.id, answer.text);
            assert_eq!(answer.header("www-authenticate"), if wanted == 401 { "Bearer" } else { "" });
        }
        for (role, user) in &self.known {
            let (role, user) = (*role, &somewhere(user));
            let holder = if role >= Role::Staff { user } else { &self.known[2].1 };
            let rows = ready(world, clinic, holder, operation, &rows).await;
            let answer = send(user, operation, &rows).await;
            let wanted = match operation.least {
                Some(least) if role < least => 403,
                // An intake system cannot read the submission of another one.
                _ if operation.id == "get_submission" && role == Role::Intake && user.key != clinic.intake.key => 404,
                _ => fine,
            };
            assert_eq!(answer.status, wanted, "{} as {}: {}", operation.id, role.as_str(), answer.text);
        }
    }
}
