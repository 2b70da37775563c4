//! Authorization: the matrix of the served document, and what each caller sees of other clinics' data.

mod callers;
mod examples;
mod requests;
mod ways_in;

use std::time::{Duration, Instant};

use sarcoscreen::app::access::credentials::revoke;
use sarcoscreen::domain::access::actor::Role;
use serde_json::json;

use crate::world::{Answer, User, World, fit};

use callers::{Callers, claims, trusting};
pub(crate) use requests::{Operation, Rows, call, operations, ready, request, request_with};

async fn send(user: &User, operation: &Operation, rows: &Rows) -> Answer {
    user.send(request(user, operation, rows)).await
}

#[tokio::test]
async fn every_operation_responds_to_every_caller_as_documented() {
    let (world, issuer, signer) = trusting().await;
    let clinic = world.clinic("One").await;
    let callers = Callers::of(&world, &clinic, &issuer, &signer).await;
    let bases = [world.base.clone()];
    for operation in operations(&world).await {
        callers.try_operation(&world, &clinic, &operation, &bases).await;
    }
}

#[tokio::test]
async fn rows_of_another_clinic_respond_exactly_like_missing_rows() {
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
    assert_eq!(compared, 33);
    // A search by the exact reference does not find the other clinic's subject either.
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
    // A browser key cannot read anything, not even its own submissions.
    let own = clinic.browser.submit(&json!({"answers": fit()})).await;
    clinic.browser.get(own.header("location")).await.expect(403);
}

#[tokio::test]
async fn a_revocation_affects_a_key_in_use_within_five_seconds() {
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
        assert!(asked < Duration::from_secs(5), "still accepted {asked:?} after its revocation");
    }
    // Other credentials keep working, and the revocation is permanent.
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    user.get("/v1/follow-ups").await.expect(401);
    assert!(revoke(&world.app, clinic.id.into(), id.into()).await.is_err());
}

#[tokio::test]
async fn authentication_precedes_all_other_checks() {
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
        ("DELETE", "/v1/submissions/no-id"),
    ];
    for (index, (method, path)) in requests.into_iter().enumerate() {
        // New keys, so that nothing about them is cached.
        let unknown = world.holder(Some(&format!("sk_{index:013}_{}", "A".repeat(43))));
        assert_eq!(unknown.send(unknown.request(method, path)).await.status, 401, "{path}");
        let browser = world.user(clinic.id, Role::Browser, None).await;
        assert_eq!(browser.send(browser.request(method, path)).await.status, 403, "{path}");
    }
    let unknown = world.holder(Some(&format!("sk_{}_{}", "c".repeat(13), "A".repeat(43))));
    let request = unknown.request("POST", "/v1/submissions").header("idempotency-key", "a b").body("{");
    assert_eq!(unknown.send(request).await.status, 401);
}

/// A response without the headers that are specific to one request.
fn masked(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let named = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !named.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status, headers, answer.text.replace(answer.header("x-request-id"), "-"))
}
