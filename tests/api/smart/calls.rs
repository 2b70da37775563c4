//! Calls with access tokens: who acts, which scopes permit what, and when a token stops working.

use std::sync::Arc;

use sarcoscreen::app::access::credentials::revoke;
use sarcoscreen::domain::access::actor::Role;
use serde_json::{Value, json};

use super::{PUBLIC, System, world};
use crate::fhir::{response, search};
use crate::world::{app, frail, serve_with};

/// A response of a subject, as a submission.
fn submission() -> Value {
    let mut body = response(&frail());
    body["subject"] = json!({"identifier": {"value": "R-1"}});
    body
}

#[tokio::test]
async fn a_system_gets_a_token_and_calls_with_it() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let scope = "system/QuestionnaireResponse.crs system/RiskAssessment.rs";
    let answer = system.ask(&system.assertion(), scope).await;
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let granted = answer.expect(200);
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("bearer"), &json!(300)));
    assert_eq!(granted["scope"], scope);
    let holder = world.holder(Some(granted["access_token"].as_str().unwrap()));
    let stored = holder.post("/fhir/QuestionnaireResponse", &submission()).await.expect(201);
    let id = stored["id"].as_str().unwrap();
    holder.get(&format!("/fhir/QuestionnaireResponse/{id}")).await.expect(200);
    let found = holder.get("/fhir/RiskAssessment").await.expect(200);
    assert_eq!(found["entry"].as_array().unwrap().len(), 1);
    // The system acts under its own credential, which admins see.
    let listed = clinic.admin.get("/v1/credentials").await.expect(200);
    let own = listed["items"].as_array().unwrap().iter().find(|one| one["display_name"] == "Record system").unwrap();
    assert_eq!((&own["role"], &own["key_prefix"]), (&json!("intake"), &Value::Null));
    assert_eq!(own["id"], system.id.credential_id.to_string());
    let rotated = format!("/v1/credentials/{}/rotate", system.id.credential_id);
    clinic.admin.post(&rotated, &json!({})).await.expect(409);
}

#[tokio::test]
async fn a_scope_permits_only_its_type_and_its_interactions() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    clinic.intake.post("/fhir/QuestionnaireResponse", &submission()).await.expect(201);
    let system = System::new(&world, clinic.id, Role::Staff).await;
    let tasks = system.holder("system/Task.rs").await;
    let found = tasks.get("/fhir/Task").await.expect(200);
    let task = found["entry"][0]["resource"].clone();
    let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
    tasks.get(&path).await.expect(200);
    let posted = tasks.send(search(&tasks, "/fhir/Task/_search", &[("_count", "5")])).await;
    posted.expect(200);
    for (method, path, needed) in [
        ("PUT", &*path, "system/Task.u"),
        ("GET", "/fhir/Flag", "system/Flag.s"),
        ("GET", "/fhir/QuestionnaireResponse", "system/QuestionnaireResponse.s"),
        ("POST", "/fhir/QuestionnaireResponse", "system/QuestionnaireResponse.c"),
        ("POST", "/fhir/Questionnaire/$populate", "system/Questionnaire.r"),
    ] {
        let refused = tasks.send(tasks.request(method, path).json(&task)).await.expect(403);
        assert_eq!(refused["issue"][0]["code"], "forbidden");
        assert!(refused["issue"][0]["diagnostics"].as_str().unwrap().contains(needed), "{method} {path}: {refused}");
    }
    // A batch checks each entry.
    let get = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let batch = json!({"resourceType": "Bundle", "type": "batch", "entry": [get("Task"), get("Flag")]});
    let answer = tasks.post("/fhir", &batch).await.expect(200);
    let statuses: Vec<&str> =
        answer["entry"].as_array().unwrap().iter().map(|entry| entry["response"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["200", "403"]);
    // A refusal of a known system is audited.
    let refused = "select count(*) from audit_entries where outcome = 'refused' and action like 'submission%'";
    assert!(world.count(refused).await >= 1);
    let every = system.holder("system/*.rs").await;
    every.get("/fhir/Flag").await.expect(200);
    every.post("/fhir/QuestionnaireResponse", &submission()).await.expect(403);
}

#[tokio::test]
async fn a_role_limits_the_scopes_that_are_granted() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Intake).await;
    let granted = system.ask(&system.assertion(), "system/Task.rus system/Observation.read openid").await.expect(200);
    assert_eq!(granted["scope"], "system/Observation.rs");
    // A wildcard gives no more than the role.
    let every = system.holder("system/*.rs").await;
    every.get("/fhir/Observation").await.expect(200);
    every.get("/fhir/Task").await.expect(403);
    let refused = system.ask(&system.assertion(), "system/Task.rs").await.expect(400);
    assert_eq!(refused["error"], "invalid_scope");
}

#[tokio::test]
async fn a_token_is_for_fhir_only_and_ends() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Admin).await;
    let holder = system.holder("system/*.rs").await;
    holder.get("/fhir/Task").await.expect(200);
    holder.get("/v1/follow-ups").await.expect(401);
    holder.post("/cds-services/muscle-loss", &json!({})).await.expect(401);
    let changed = {
        let key = holder.key.clone().unwrap();
        let (content, signature) = key.rsplit_once('.').unwrap();
        let other = if content.ends_with('A') { 'B' } else { 'A' };
        world.holder(Some(&format!("{}{other}.{signature}", &content[..content.len() - 1])))
    };
    changed.get("/fhir/Task").await.expect(401);
    // Other instances accept the token, also during a rotation of the master key.
    for bytes in [&[7_u8][..], &[8, 7]] {
        let other = app(&world.database, Arc::clone(&world.clock) as _, bytes, None);
        let other = other.with_backend_clients(PUBLIC);
        other.prepare().await.unwrap();
        let (base, server) = serve_with(other, |settings| settings.public_url = Some(PUBLIC.to_owned()));
        holder.at(&base).get("/fhir/Task").await.expect(200);
        server.stop(false).await;
    }
    world.clock.advance(299);
    holder.get("/fhir/Task").await.expect(200);
    world.clock.advance(1);
    holder.get("/fhir/Task").await.expect(401);
}

#[tokio::test]
async fn a_revoked_system_gets_no_token_and_its_tokens_stop_working() {
    let world = world().await;
    let clinic = world.clinic("One").await;
    let system = System::new(&world, clinic.id, Role::Staff).await;
    let before = system.holder("system/Task.rs").await;
    revoke(&world.app, clinic.id.into(), system.id.credential_id).await.unwrap();
    // The token was not used before, so its credential is not cached.
    before.get("/fhir/Task").await.expect(401);
    assert_eq!(system.ask(&system.assertion(), "system/Task.rs").await.expect(401)["error"], "invalid_client");
    let other = System::new(&world, clinic.id, Role::Staff).await;
    world.suspend(&clinic, true).await;
    let suspended = other.ask(&other.assertion(), "system/Task.rs").await.expect(403);
    assert_eq!(suspended["error"], "unauthorized_client");
}
