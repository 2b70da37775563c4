//! Who may do what: the matrix read from the document that the server serves, and what everybody sees of others.

use std::time::{Duration, Instant};

use sarcoscreen::app::ambient::{Ambient as _, System, after};
use sarcoscreen::app::credentials::revoke;
use sarcoscreen::domain::actor::Role;
use serde_json::{Value, json};

use crate::world::{Answer, Clinic, User, World, fit, frail};

/// An operation of the document.
struct Operation {
    id: String,
    method: String,
    path: String,
    /// The least role; none where it is public.
    least: Option<Role>,
}

/// Rows of a clinic that a path can name.
struct Rows {
    submission: String,
    follow_up: String,
    subject: String,
}

impl Rows {
    async fn of(clinic: &Clinic) -> Self {
        let receipt = clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-1"}})).await;
        let receipt = receipt.expect(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            submission: text(&receipt["id"]),
            follow_up: text(&receipt["follow_up"]["id"]),
            subject: text(&receipt["subject_id"]),
        }
    }

    fn unknown() -> Self {
        let id = || "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".to_owned();
        Self { submission: id(), follow_up: id(), subject: id() }
    }
}

/// How each operation is called and what it answers when all is well. A new operation needs a line here.
fn call(operation: &Operation, rows: &Rows) -> (String, Option<Value>, u16) {
    let (parameter, body, status) = match &*operation.id {
        "get_questionnaire" | "list_rule_tables" | "get_conformance" | "list_submissions" | "list_follow_ups"
        | "get_liveness" | "get_readiness" => (None, None, 200),
        "get_rule_table" => (Some("2026.1"), None, 200),
        "create_score" => (None, Some(json!({"answers": fit()})), 200),
        "create_submission" => (None, Some(json!({"answers": fit()})), 201),
        "get_submission" | "get_submission_assessment" => (Some(&*rows.submission), None, 200),
        "get_follow_up" => (Some(&*rows.follow_up), None, 200),
        "search_subjects" => (None, Some(json!({"reference": "R-1"})), 200),
        "list_subject_submissions" => (Some(&*rows.subject), None, 200),
        other => panic!("no request for the operation {other}: add one to this table"),
    };
    let path = match (operation.path.split_once('{'), parameter) {
        (Some((before, rest)), Some(parameter)) => {
            format!("{before}{parameter}{}", rest.split_once('}').unwrap().1)
        }
        (None, None) => operation.path.clone(),
        _ => panic!("the request for {} does not fit its path {}", operation.id, operation.path),
    };
    (path, body, status)
}

async fn send(user: &User, operation: &Operation, rows: &Rows) -> Answer {
    let (path, body, _) = call(operation, rows);
    let request = user.request(&operation.method, &path);
    user.send(if let Some(body) = body { request.json(&body) } else { request }).await
}

async fn operations(world: &World) -> Vec<Operation> {
    let document = world.holder(None).get("/openapi.json").await.expect(200);
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let security = operation["security"].as_array().unwrap_or_else(|| panic!("{id} says nothing of security"));
            assert_eq!(security.len(), 1, "{id}");
            let scopes = security[0].get("key").map(|scopes| scopes.as_array().unwrap().clone());
            assert!(scopes.is_some() || security[0] == json!({}), "{id}");
            let least = scopes.map(|scopes| {
                assert_eq!(scopes.len(), 1, "{id}");
                Role::parse(scopes[0].as_str().unwrap()).unwrap()
            });
            found.push(Operation { id, method: method.to_uppercase(), path: path.clone(), least });
        }
    }
    assert!(found.iter().any(|operation| operation.least.is_none()));
    assert!(found.iter().any(|operation| operation.least == Some(Role::Staff)));
    found
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

#[tokio::test]
async fn every_operation_answers_everybody_as_the_document_says() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let rows = Rows::of(&clinic).await;
    let strangers = strangers(&world, &clinic).await;
    let roles = [
        (Role::Browser, &clinic.browser),
        (Role::Intake, &clinic.intake),
        (Role::Staff, &clinic.staff),
        (Role::Admin, &clinic.admin),
    ];
    for operation in operations(&world).await {
        let (_, _, fine) = call(&operation, &rows);
        for (name, stranger) in &strangers {
            let answer = send(stranger, &operation, &rows).await;
            let wanted = if operation.least.is_some() { 401 } else { fine };
            assert_eq!(answer.status, wanted, "{} as {name}: {}", operation.id, answer.text);
            assert_eq!(answer.header("www-authenticate"), if wanted == 401 { "Bearer" } else { "" });
        }
        for (role, user) in roles {
            let answer = send(user, &operation, &rows).await;
            let wanted = if operation.least.is_none_or(|least| role >= least) { fine } else { 403 };
            assert_eq!(answer.status, wanted, "{} as {}: {}", operation.id, role.as_str(), answer.text);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_clinic_answers_exactly_like_what_does_not_exist() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let rows = Rows::of(&clinic).await;
    let mut compared = 0;
    for operation in operations(&world).await {
        let (_, _, fine) = call(&operation, &rows);
        if !operation.path.contains("{id}") {
            send(&other.admin, &operation, &rows).await.expect(fine);
            continue;
        }
        compared += 1;
        send(&clinic.admin, &operation, &rows).await.expect(fine);
        for foreigner in [&other.staff, &other.admin] {
            let foreign = send(foreigner, &operation, &rows).await;
            let unknown = send(foreigner, &operation, &Rows::unknown()).await;
            assert_eq!(foreign.status, 404, "{}: {}", operation.id, foreign.text);
            assert_eq!(masked(&foreign), masked(&unknown), "{}", operation.id);
        }
    }
    assert_eq!(compared, 4);
    // Not even a search by the very reference finds the other clinic's person.
    let found = other.staff.post("/v1/subjects/search", &json!({"reference": "R-1"})).await.expect(200);
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn an_intake_system_sees_only_its_own_submissions() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let rows = Rows::of(&clinic).await;
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
    ];
    for (index, (method, path)) in requests.into_iter().enumerate() {
        // Never seen before, so that nothing is remembered of them.
        let unknown = world.holder(Some(&format!("sk_{}_{}", "b".repeat(13), index.to_string().repeat(43))));
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
