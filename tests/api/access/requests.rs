//! The operations of the served document, the request for each, and the rows that its path can identify.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sarcoscreen::app::ambient::{Ambient as _, after};
use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::domain::audit::AuditAction;
use sarcoscreen::http::audit_actions;
use serde_json::{Value, json};

use crate::world::{Clinic, User, World, fit, frail};

pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The client address, different for each operation so that failed authentications of one do not lock out the next.
    address: String,
    /// The minimum role; none for public operations.
    pub(crate) least: Option<Role>,
    /// Whether it requires `If-Match`.
    versioned: bool,
    /// The audit action; none for operations that are not audited.
    pub(crate) action: Option<AuditAction>,
    /// The example body of the document; null if there is none.
    pub(crate) example: Value,
}

/// Rows of a clinic that a path can identify.
#[derive(Clone)]
pub(crate) struct Rows {
    pub(crate) submission: String,
    follow_up: String,
    pub(crate) subject: String,
    /// A credential to which a follow-up can be assigned.
    colleague: String,
    /// A time one hour ahead.
    soon: String,
    credential: String,
    spare_credential: String,
    /// Another subject, for merges.
    other: String,
    merge: String,
    webhook: String,
    spare_webhook: String,
}

/// Registers a webhook and returns its id.
async fn new_webhook(clinic: &Clinic) -> String {
    let body = json!({"url": "https://clinic.example/hooks", "events": ["ping"]});
    let webhook = clinic.admin.post("/v1/webhooks", &body).await.expect(201);
    webhook["id"].as_str().unwrap().to_owned()
}

impl Rows {
    pub(crate) async fn of(world: &World, clinic: &Clinic) -> Self {
        Self::named(world, clinic, "R-1").await
    }

    /// New rows, so that each has version 1.
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
        // The number of webhooks of a clinic is limited, so the first two are reused; no test deletes them.
        let there = clinic.admin.get("/v1/webhooks").await.expect(200);
        let webhook = async |place: usize| match &there["items"][place]["id"] {
            Value::Null => new_webhook(clinic).await,
            id => text(id),
        };
        Self {
            webhook: webhook(0).await,
            spare_webhook: webhook(1).await,
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
            webhook: id(),
            spare_webhook: id(),
        }
    }
}

/// The request for each operation and its success status. A new operation needs a line here.
pub(crate) fn call(operation: &Operation, rows: &Rows) -> (String, Option<Value>, u16) {
    let (parameter, body, status) = match &*operation.id {
        "take_next_follow_up" => (None, None, 200),
        _ if operation.method == "GET" && !operation.path.contains('{') => (None, None, 200),
        "get_rule_table" => (Some("2026.1"), None, 200),
        "create_score" => (None, Some(json!({"answers": fit()})), 200),
        "create_submission_batch" => (None, Some(json!({"items": [{"submission": {"answers": fit()}}]})), 200),
        "create_submission" => (None, Some(json!({"answers": fit()})), 201),
        "get_submission" | "get_submission_assessment" => (Some(&*rows.submission), None, 200),
        "delete_submission" => (Some(&*rows.submission), None, 204),
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
        "close_follow_up" => {
            (Some(&*rows.follow_up), Some(json!({"outcome": "not_needed", "not_needed_reason": "other"})), 200)
        }
        "close_self_reported_follow_ups" => {
            (None, Some(json!({"ids": [rows.follow_up], "not_needed_reason": "entered_in_error"})), 200)
        }
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
        other => webhook_call(other, rows),
    };
    let path = match (operation.path.split_once('{'), parameter) {
        (Some((before, rest)), Some(parameter)) => {
            let rest = rest.split_once('}').unwrap().1.replace("{merge_id}", &rows.merge);
            format!("{before}{parameter}{rest}")
        }
        (None, None) if operation.id == "count_follow_up_changes" => {
            format!("{}?since=2026-01-01T00:00:00Z", operation.path)
        }
        (None, None) => operation.path.clone(),
        _ => panic!("the request for {} does not fit its path {}", operation.id, operation.path),
    };
    (path, body, status)
}

/// The same for operations on webhooks.
fn webhook_call<'a>(operation: &str, rows: &'a Rows) -> (Option<&'a str>, Option<Value>, u16) {
    match operation {
        "list_webhooks" => (None, None, 200),
        "create_webhook" => {
            (None, Some(json!({"url": "https://clinic.example/hooks", "events": ["subject.erased"]})), 201)
        }
        "get_webhook" | "list_webhook_deliveries" => (Some(&*rows.webhook), None, 200),
        "update_webhook" => (Some(&*rows.webhook), Some(json!({"description": "d"})), 200),
        "rotate_webhook_secret" => (Some(&*rows.webhook), Some(json!({})), 200),
        "ping_webhook" => (Some(&*rows.webhook), None, 202),
        "redeliver_webhook_deliveries" => {
            (Some(&*rows.webhook), Some(json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})), 202)
        }
        "delete_webhook" => (Some(&*rows.spare_webhook), None, 204),
        other => panic!("no request for the operation {other}: add one to this table"),
    }
}

/// Commands that prepare a new follow-up for the command under test.
fn before(operation: &Operation) -> &'static [&'static str] {
    match &*operation.id {
        "release_follow_up" | "contact_follow_up" | "book_follow_up" | "close_follow_up" => &["claim"],
        "unbook_follow_up" | "mark_follow_up_not_attended" => &["claim", "book"],
        "reopen_follow_up" => &["close"],
        _ => &[],
    }
}

/// The rows for an operation: commands get a new follow-up that `holder` has moved into the required state, changes of
/// subjects get new subjects, the deletion of a webhook gets a new webhook, and that of a submission a new one without a
/// follow-up, whose subject has others. Other operations use `rows`.
pub(crate) async fn ready(world: &World, clinic: &Clinic, holder: &User, operation: &Operation, rows: &Rows) -> Rows {
    if operation.method != "GET" && operation.path.starts_with("/v1/subjects/{id}") {
        return Rows::fresh(world, clinic, operation).await;
    }
    if operation.id == "delete_webhook" {
        return Rows { spare_webhook: new_webhook(clinic).await, ..rows.clone() };
    }
    if operation.id == "delete_submission" {
        let body = json!({"answers": fit(), "subject": {"reference": "R-1"}});
        let receipt = clinic.intake.submit(&body).await.expect(201);
        return Rows { submission: receipt["id"].as_str().unwrap().to_owned(), ..rows.clone() };
    }
    if operation.method != "POST" || !operation.path.starts_with("/v1/follow-ups") {
        return rows.clone();
    }
    let receipt = clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    let id = receipt["follow_up"]["id"].as_str().unwrap().to_owned();
    for (index, command) in before(operation).iter().enumerate() {
        let body = match *command {
            "book" => json!({"appointment_at": soon(world)}),
            "close" => json!({"outcome": "not_needed", "not_needed_reason": "other"}),
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

pub(crate) fn request(user: &User, operation: &Operation, rows: &Rows) -> reqwest::RequestBuilder {
    let (_, body, _) = call(operation, rows);
    request_with(user, operation, rows, body)
}

/// Like `request`, with another body.
pub(crate) fn request_with(
    user: &User,
    operation: &Operation,
    rows: &Rows,
    body: Option<Value>,
) -> reqwest::RequestBuilder {
    let (path, ..) = call(operation, rows);
    let mut request = user.request(&operation.method, &path).header("x-forwarded-for", &operation.address);
    if operation.versioned {
        request = request.header("if-match", format!("\"{}\"", before(operation).len() + 1));
    }
    if let Some(body) = body { request.json(&body) } else { request }
}

pub(crate) async fn operations(world: &World) -> Vec<Operation> {
    let document = world.holder(None).get("/openapi.json").await.expect(200);
    let (actions, mut found) = (audit_actions(), Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let security = operation["security"].as_array().unwrap_or_else(|| panic!("{id} has no security"));
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
            let action = actions.get(&format!("{method} {path}")).copied();
            let example = operation["requestBody"]["content"]["application/json"]["example"].clone();
            found.push(Operation { id, method, path: path.clone(), address, least, versioned, action, example });
        }
    }
    assert!(found.iter().any(|operation| operation.least.is_none()));
    assert!(found.iter().any(|operation| operation.least == Some(Role::Staff)));
    found
}
