//! The authorization matrix on two instances, after a restart, and for a suspended clinic: with keys, with tokens of the
//! issuer, and with tokens of a CDS client.

use std::time::{Duration, Instant};

use sarcoscreen::http::fhir::INTERACTIONS;
use serde_json::json;

use super::callers::{Callers, instance, trusting};
use super::{Operation, Rows, call, operations, send};
use crate::cds_hooks::{SERVICE, call as hook};
use crate::world::User;

/// Paths of FHIR and CDS Hooks, with a method that needs no body.
fn other_paths() -> Vec<(&'static str, String)> {
    let fhir = INTERACTIONS.iter().filter(|one| one.least.is_some());
    let fhir = fhir.map(|one| (one.method.as_str(), one.path.replace("{id}", "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071")));
    let hooks = [("POST", SERVICE.to_owned()), ("POST", format!("{SERVICE}/feedback"))];
    fhir.chain(hooks).collect()
}

#[tokio::test]
async fn the_matrix_holds_on_two_instances_and_after_a_restart() {
    let (world, issuer, signer) = trusting().await;
    let clinic = world.clinic("One").await;
    let callers = Callers::of(&world, &clinic, &issuer, &signer).await;
    let (second, server) = instance(&world, &issuer).await;
    let bases = [world.base.clone(), second];
    let all = operations(&world).await;
    let (before, after): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(index, _)| index % 2 == 0);
    for (_, operation) in &before {
        callers.try_operation(&world, &clinic, operation, &bases).await;
    }
    server.stop(true).await;
    let bases = [world.base.clone(), instance(&world, &issuer).await.0];
    for (_, operation) in &after {
        callers.try_operation(&world, &clinic, operation, &bases).await;
    }
}

#[tokio::test]
async fn a_suspended_clinic_refuses_every_credential_and_other_clinics_are_unaffected() {
    let (world, issuer, signer) = trusting().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let callers = Callers::of(&world, &clinic, &issuer, &signer).await;
    let operations = operations(&world).await;
    // From here on the users of the issuer have credentials, except for the nurse.
    for (_, user) in [&callers.known[4], &callers.known[6]] {
        user.get("/v1/submissions").await;
    }
    world.suspend(&clinic, true).await;
    let (base, _server) = instance(&world, &issuer).await;
    for (role, user) in &callers.known {
        let user = user.at(&base);
        closed(&user, &operations).await;
        assert_eq!(world.count("select count(*) from credentials where issuer_subject_hash is not null").await, 2);
        for (method, path) in other_paths() {
            let answer = user.send(user.request(method, &path)).await;
            assert_eq!(answer.status, 403, "{method} {path} as {}: {}", role.as_str(), answer.text);
            let text = if path.starts_with("/fhir") { "suspended" } else { "clinic_suspended" };
            assert!(answer.text.contains(text), "{}", answer.text);
        }
    }
    for (name, stranger) in &callers.strangers {
        let answer = stranger.at(&base).get("/v1/submissions").await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text);
    }
    other.staff.at(&base).get("/v1/submissions").await.expect(200);
    // The instance that has cached the clinic notices within seconds.
    let suspended = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    while clinic.admin.get("/v1/follow-ups").await.status != 403 {
        pace.tick().await;
        assert!(suspended.elapsed() < Duration::from_secs(5));
    }
    world.suspend(&clinic, false).await;
    let (base, _server) = instance(&world, &issuer).await;
    for (role, user) in &callers.known {
        let wanted = if *role == sarcoscreen::domain::access::actor::Role::Browser { 403 } else { 200 };
        assert_eq!(user.at(&base).post(SERVICE, &hook(&json!({"responses": null}))).await.status, wanted);
    }
}

/// Every operation that needs a credential refuses one of a suspended clinic; public operations respond.
async fn closed(user: &User, operations: &[Operation]) {
    for operation in operations {
        let rows = Rows::unknown();
        let answer = send(user, operation, &rows).await;
        if operation.least.is_none() {
            assert_eq!(answer.status, call(operation, &rows).2, "{}", operation.id);
        } else {
            assert_eq!(answer.expect(403)["type"], "/docs/problems#clinic_suspended", "{}", operation.id);
        }
    }
}
