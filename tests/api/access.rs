//! Who may do what: the matrix read from the document that the server serves, and what everybody sees of others.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sarcoscreen::app::ambient::{Ambient as _, System, after};
use sarcoscreen::app::credentials::revoke;
use sarcoscreen::domain::actor::Role;
use sarcoscreen::http::Settings;
use serde_json::{Value, json};

use crate::tokens::issuer::{Issuer, Signer};
use crate::world::{Answer, Clinic, User, World, fit, frail};

/// An operation of the document.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Where it is called from: an address of its own, so that failures of one do not shut the next one out.
    address: String,
    /// The least role; none where it is public.
    pub(crate) least: Option<Role>,
    /// Whether it changes the version that its caller saw.
    versioned: bool,
}

/// Rows of a clinic that a path can name.
#[derive(Clone)]
pub(crate) struct Rows {
    submission: String,
    follow_up: String,
    pub(crate) subject: String,
    /// Somebody who can be given a case.
    colleague: String,
    /// An hour ahead.
    soon: String,
    credential: String,
    spare_credential: String,
    /// Somebody else, for what concerns two.
    other: String,
    merge: String,
}

impl Rows {
    pub(crate) async fn of(world: &World, clinic: &Clinic) -> Self {
        Self::named(world, clinic, "R-1").await
    }

    /// Rows that no operation has changed yet, so that each is in its first version.
    async fn fresh(world: &World, clinic: &Clinic, operation: &Operation) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let reference = format!("F-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut rows = Self::named(world, clinic, &reference).await;
        if operation.id == "undo_subject_merge" {
            let merge = format!("/v1/subjects/{}/merge", rows.subject);
            let request = clinic.staff.request("POST", &merge).header("if-match", "\"1\"");
            let merge = clinic.staff.send(request.json(&json!({"merged": rows.other}))).await.expect(200);
            merge["id"].as_str().unwrap().clone_into(&mut rows.merge);
        }
        rows
    }

    async fn named(world: &World, clinic: &Clinic, reference: &str) -> Self {
        let subject = |reference: &str| json!({"answers": frail(), "subject": {"reference": reference}});
        let receipt = clinic.intake.submit(&subject(reference)).await.expect(201);
        let other = clinic.intake.submit(&subject(&format!("{reference}-other"))).await.expect(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let credential = async || world.user_with_id(clinic.id, Role::Intake, None).await.1.to_string();
        Self {
            credential: credential().await,
            spare_credential: credential().await,
            submission: text(&receipt["id"]),
            follow_up: text(&receipt["follow_up"]["id"]),
            subject: text(&receipt["subject_id"]),
            colleague: world.user_with_id(clinic.id, Role::Staff, None).await.1.to_string(),
            soon: soon(world),
            other: text(&other["subject_id"]),
            merge: Self::unknown().merge,
        }
    }

    pub(crate) fn unknown() -> Self {
        let id = || "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".to_owned();
        Self {
            submission: id(),
            follow_up: id(),
            subject: id(),
            colleague: id(),
            soon: "2027-01-01T00:00:00Z".into(),
            credential: id(),
            spare_credential: id(),
            other: id().replace("6071", "6072"),
            merge: id(),
        }
    }
}

/// How each operation is called and what it answers when all is well. A new operation needs a line here.
pub(crate) fn call(operation: &Operation, rows: &Rows) -> (String, Option<Value>, u16) {
    let (parameter, body, status) = match &*operation.id {
        "get_questionnaire"
        | "list_rule_tables"
        | "get_conformance"
        | "list_submissions"
        | "list_follow_ups"
        | "list_credentials"
        | "get_liveness"
        | "get_readiness"
        | "get_stats"
        | "get_follow_up_export"
        | "get_submission_export"
        | "list_audit_entries"
        | "take_next_follow_up" => (None, None, 200),
        "get_rule_table" => (Some("2026.1"), None, 200),
        "create_score" => (None, Some(json!({"answers": fit()})), 200),
        "create_submission" => (None, Some(json!({"answers": fit()})), 201),
        "get_submission" | "get_submission_assessment" => (Some(&*rows.submission), None, 200),
        "get_follow_up"
        | "list_follow_up_history"
        | "claim_follow_up"
        | "release_follow_up"
        | "unbook_follow_up"
        | "mark_follow_up_not_attended"
        | "reopen_follow_up" => (Some(&*rows.follow_up), None, 200),
        "reassign_follow_up" => (Some(&*rows.follow_up), Some(json!({"to": rows.colleague})), 200),
        "contact_follow_up" => (Some(&*rows.follow_up), Some(json!({"reached": true})), 200),
        "book_follow_up" => (Some(&*rows.follow_up), Some(json!({"appointment_at": rows.soon})), 200),
        "close_follow_up" => (Some(&*rows.follow_up), Some(json!({"outcome": "not_needed", "reason": "other"})), 200),
        "note_follow_up" => (Some(&*rows.follow_up), Some(json!({"note": "n"})), 200),
        "search_subjects" => (None, Some(json!({"reference": "R-1"})), 200),
        "create_credential" => (None, Some(json!({"role": "intake", "display_name": "Another"})), 201),
        "rotate_credential" => (Some(&*rows.credential), Some(json!({})), 200),
        "revoke_credential" => (Some(&*rows.spare_credential), None, 204),
        "list_subject_submissions"
        | "get_subject"
        | "list_subject_history"
        | "export_subject"
        | "undo_subject_merge" => (Some(&*rows.subject), None, 200),
        "replace_subject_contact" => (Some(&*rows.subject), Some(json!({"name": "Ana"})), 200),
        "replace_subject_consent" => {
            let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-02T03:04:05Z"});
            (Some(&*rows.subject), Some(consent), 200)
        }
        "merge_subjects" => (Some(&*rows.subject), Some(json!({"merged": rows.other})), 200),
        "delete_subject" => (Some(&*rows.subject), None, 204),
        other => panic!("no request for the operation {other}: add one to this table"),
    };
    let path = match (operation.path.split_once('{'), parameter) {
        (Some((before, rest)), Some(parameter)) => {
            let rest = rest.split_once('}').unwrap().1.replace("{merge_id}", &rows.merge);
            format!("{before}{parameter}{rest}")
        }
        (None, None) => operation.path.clone(),
        _ => panic!("the request for {} does not fit its path {}", operation.id, operation.path),
    };
    (path, body, status)
}

/// What is done with a fresh case before a command on it is tried.
fn before(operation: &Operation) -> &'static [&'static str] {
    match &*operation.id {
        "release_follow_up" | "contact_follow_up" | "book_follow_up" => &["claim"],
        "unbook_follow_up" | "mark_follow_up_not_attended" => &["claim", "book"],
        "reopen_follow_up" => &["close"],
        _ => &[],
    }
}

/// The rows for a command: a fresh case of the clinic that takes it from its holder, or a fresh person. Other operations
/// take any rows.
pub(crate) async fn ready(world: &World, clinic: &Clinic, holder: &User, operation: &Operation, rows: &Rows) -> Rows {
    if operation.method != "GET" && operation.path.starts_with("/v1/subjects/{id}") {
        return Rows::fresh(world, clinic, operation).await;
    }
    if operation.method != "POST" || !operation.path.starts_with("/v1/follow-ups") {
        return rows.clone();
    }
    let receipt = clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap().to_owned();
    for (index, command) in before(operation).iter().enumerate() {
        let body = match *command {
            "book" => json!({"appointment_at": soon(world)}),
            "close" => json!({"outcome": "not_needed", "reason": "other"}),
            _ => json!({}),
        };
        let request = holder.request("POST", &format!("/v1/follow-ups/{id}/{command}"));
        let seen = format!("\"{}\"", index + 1);
        holder.send(request.header("if-match", seen).json(&body)).await.expect(200);
    }
    if operation.id == "mark_follow_up_not_attended" {
        world.clock.advance(2 * 3600);
    }
    Rows { follow_up: id, soon: soon(world), ..rows.clone() }
}

fn soon(world: &World) -> String {
    after(world.clock.now(), Duration::from_hours(1)).to_string()
}

async fn send(user: &User, operation: &Operation, rows: &Rows) -> Answer {
    user.send(request(user, operation, rows)).await
}

pub(crate) fn request(user: &User, operation: &Operation, rows: &Rows) -> reqwest::RequestBuilder {
    let (path, body, _) = call(operation, rows);
    let mut request = user.request(&operation.method, &path).header("x-forwarded-for", &operation.address);
    if operation.versioned {
        request = request.header("if-match", format!("\"{}\"", before(operation).len() + 1));
    }
    if let Some(body) = body { request.json(&body) } else { request }
}

pub(crate) async fn operations(world: &World) -> Vec<Operation> {
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
            let address = format!("192.0.2.{}", found.len() + 1);
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            let versioned = parameters.any(|parameter| parameter["name"] == "If-Match");
            let method = method.to_uppercase();
            found.push(Operation { id, method, path: path.clone(), address, least, versioned });
        }
    }
    assert!(found.iter().any(|operation| operation.least.is_none()));
    assert!(found.iter().any(|operation| operation.least == Some(Role::Staff)));
    found
}

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
    assert_eq!(compared, 25);
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
