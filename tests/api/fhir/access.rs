//! Every FHIR interaction by role, and requests outside the list of interactions.

use sarcoscreen::domain::access::actor::Role;
use sarcoscreen::http::fhir::INTERACTIONS;
use serde_json::{Value, json};

use super::{response, search};
use crate::world::{Answer, Clinic, User, World, frail};

/// The ids of a submission, its follow-up, its subject and an audit entry.
type Ids = (String, String, String, String);

/// A flagged submission and what it made.
async fn seeded(clinic: &Clinic, reference: &str) -> Ids {
    let body = json!({"answers": frail(), "subject": {"reference": reference}});
    let receipt = clinic.intake.submit(&body).await.expect(201);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id = text(&receipt["id"]);
    let stored = clinic.intake.get(&format!("/v1/submissions/{id}")).await.expect(200);
    let audit = clinic.admin.get("/v1/audit-entries?action=submission_created").await.expect(200);
    (id, text(&receipt["follow_up"]["id"]), text(&stored["subject_id"]), text(&audit["items"][0]["id"]))
}

async fn send(user: &User, method: &str, path: &str, ids: &Ids) -> Answer {
    let id = match path.split('/').nth(2).unwrap_or_default() {
        "Questionnaire" => "2026.3".to_owned(),
        "CodeSystem" => "answers".to_owned(),
        "ValueSet" => "stair-difficulty".to_owned(),
        "Observation" => format!("{}-score", ids.0),
        "QuestionnaireResponse" | "RiskAssessment" => ids.0.clone(),
        "Patient" => ids.2.clone(),
        "AuditEvent" => ids.3.clone(),
        _ => ids.1.clone(),
    };
    let request = user.request(method, &path.replace("{id}", &id).replace("{version}", "1"));
    user.send(match (method, path) {
        (_, path) if path.ends_with("_search") => search(user, path, &[("_count", "5")]),
        ("POST", "/fhir" | "/fhir/") => request.json(&json!({"resourceType": "Bundle", "type": "batch"})),
        ("POST", path) if path.ends_with("$populate") => request.json(&json!({"resourceType": "Parameters",
            "parameter": [{"name": "canonical", "valueCanonical": "urn:sarcoscreen:questionnaire"}]})),
        ("POST", _) => {
            let mut body = response(&frail());
            body["subject"] = json!({"identifier": {"value": "R-2"}});
            request.json(&body)
        }
        ("PUT", "/fhir/QuestionnaireResponse/{id}") => {
            let mut body = response(&frail());
            body["id"] = json!(id);
            body["status"] = json!("amended");
            request.header("if-match", "W/\"1\"").json(&body)
        }
        ("PUT", _) => {
            let body = json!({"resourceType": "Task", "id": id, "status": "requested"});
            request.header("if-match", "W/\"1\"").json(&body)
        }
        _ => request,
    })
    .await
}

#[tokio::test]
async fn every_interaction_enforces_its_role_and_hides_rows_from_other_clinics() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let ids = seeded(&clinic, "R-1").await;
    let users = [
        (None, world.holder(None)),
        (Some(Role::Browser), clinic.browser.clone()),
        (Some(Role::Intake), clinic.intake.clone()),
        (Some(Role::Staff), clinic.staff.clone()),
        (Some(Role::Admin), clinic.admin.clone()),
    ];
    for one in INTERACTIONS {
        let corrects = one.path == "/fhir/QuestionnaireResponse/{id}" && one.method == "PUT";
        for (role, user) in &users {
            // A submission is corrected once, and a correction gives the task of its subject a new version.
            let ids = if corrects { seeded(&clinic, &format!("R-{role:?}")).await } else { ids.clone() };
            let answer = send(user, one.method.as_str(), one.path, &ids).await;
            let creates = one.path == "/fhir/QuestionnaireResponse" && one.method == "POST";
            let fine = if creates || corrects { 201 } else { 200 };
            let wanted = match (one.least, role) {
                (Some(_), None) => 401,
                (Some(least), Some(role)) if *role < least => 403,
                _ => fine,
            };
            assert_eq!(answer.status, wanted, "{} {} as {role:?}: {}", one.method, one.path, answer.text);
            assert_eq!(answer.header("content-type"), "application/fhir+json");
        }
        if one.path.contains("{id}") && one.action.is_some() {
            let foreign = send(&other.admin, one.method.as_str(), one.path, &ids).await.expect(404);
            assert_eq!(foreign["issue"][0]["code"], "not-found");
        }
    }
}

#[tokio::test]
async fn an_intake_system_sees_only_its_own_submissions_in_searches() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let ids = seeded(&clinic, "R-1").await;
    let another = world.user(clinic.id, Role::Intake, None).await;
    another.get(&format!("/fhir/RiskAssessment/{}", ids.0)).await.expect(404);
    for kind in ["QuestionnaireResponse", "RiskAssessment", "Observation"] {
        let path = format!("/fhir/{kind}");
        assert!(another.get(&path).await.expect(200)["entry"].is_null(), "{kind}");
        assert!(clinic.intake.get(&path).await.expect(200)["entry"].is_array(), "{kind}");
    }
}

#[tokio::test]
async fn unsupported_requests_get_an_operation_outcome() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let path = "/fhir/Task/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d";
    for (method, path, status, code) in [
        ("GET", "/fhir/Medication/1", 404, "not-found"),
        ("GET", "/fhir/Nothing", 404, "not-found"),
        ("DELETE", path, 405, "processing"),
        ("GET", "/fhir/Task/not-an-id", 404, "not-found"),
        ("GET", "/fhir/Task?focus=me", 400, "invalid"),
        ("GET", "/fhir/Task?status:not=requested", 400, "invalid"),
        ("GET", "/fhir/Task/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d/_history/first", 404, "not-found"),
        ("GET", "/fhir/Observation?_count=-1", 400, "value"),
        ("GET", "/fhir/Observation?date=lately", 400, "invalid"),
        ("GET", "/fhir/Observation?_cursor=none", 400, "invalid"),
        ("PUT", path, 428, "required"),
    ] {
        let answer = clinic.staff.send(clinic.staff.request(method, path)).await;
        let outcome = answer.expect(status);
        assert_eq!(outcome["issue"][0]["code"], code, "{method} {path}: {outcome}");
    }
    let xml = clinic.staff.request("GET", "/fhir/Task").header("accept", "application/fhir+xml");
    clinic.staff.send(xml).await.expect(406);
    let plain = clinic.staff.request("GET", "/fhir/Task").header("accept", "application/json");
    assert_eq!(clinic.staff.send(plain).await.header("content-type"), "application/json");
    let text = clinic.intake.request("POST", "/fhir/QuestionnaireResponse").header("content-type", "text/plain");
    clinic.intake.send(text.body("{}")).await.expect(415);
    // Refusals are audited too.
    let refused = "select count(*) from audit_entries where outcome <> 'success' and action = 'follow_up_read'";
    assert!(world.count(refused).await >= 2);
}
