//! The audit log as `AuditEvent`, for admins.

use serde_json::{Value, json};

use super::ids;
use crate::audit::fresh_id;
use crate::world::{World, frail};

#[tokio::test]
async fn an_admin_searches_the_audit_log() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-1"}})).await.expect(201);
    let id = receipt["id"].as_str().unwrap();
    let stored = clinic.staff.get(&format!("/v1/submissions/{id}")).await.expect(200);
    let subject = stored["subject_id"].as_str().unwrap();
    clinic.intake.get("/fhir/Task").await.expect(403);
    let find = async |query: &str| clinic.admin.get(&format!("/fhir/AuditEvent?{query}")).await.expect(200);
    let created = find(&format!("entity=QuestionnaireResponse/{id}&action=C")).await;
    let event: &Value = &created["entry"][0]["resource"];
    assert_eq!(ids(&created).len(), 1);
    assert_eq!(event["subtype"][0]["code"], "submission_created");
    assert_eq!((&event["action"], &event["outcome"]), (&json!("C"), &json!("0")));
    assert_eq!(event["agent"][0]["requestor"], true);
    let what = |entry: &Value| entry["what"]["reference"].as_str().unwrap().to_owned();
    let entities: Vec<String> = event["entity"].as_array().unwrap().iter().map(what).collect();
    assert_eq!(entities, [format!("QuestionnaireResponse/{id}"), format!("Patient/{subject}")]);
    let agent = event["agent"][0]["who"]["identifier"]["value"].as_str().unwrap();
    let event_id = event["id"].as_str().unwrap();
    let read = clinic.admin.get(&format!("/fhir/AuditEvent/{event_id}")).await.expect(200);
    assert_eq!(read, *event);
    for (query, least, most) in [
        (format!("_id={event_id}"), 1, 1),
        (format!("_id={event_id},{}", fresh_id()), 1, 1),
        ("subtype=submission_created,submission_read".to_owned(), 2, 2),
        ("subtype=urn:sarcoscreen:audit-action|submission_read".to_owned(), 1, 1),
        ("subtype=never".to_owned(), 0, 0),
        (format!("patient={subject}"), 2, 2),
        (format!("patient=Patient/{subject}&subtype=submission_created"), 1, 1),
        ("patient.identifier=R-1&subtype=submission_created".to_owned(), 1, 1),
        (format!("agent={agent}&action=C"), 1, 1),
        (format!("agent=urn:sarcoscreen:credential|{agent}&action=C"), 1, 1),
        ("outcome=4".to_owned(), 1, 1),
        ("outcome=8".to_owned(), 0, 0),
        ("date=eb2000".to_owned(), 0, 0),
        ("date=ge2000&subtype=submission_created".to_owned(), 1, 1),
        ("date=2000,ge2001&subtype=submission_created".to_owned(), 1, 1),
        ("_count=1".to_owned(), 1, 1),
        ("action=R&_sort=-date".to_owned(), 1, 50),
    ] {
        let found = ids(&find(&query).await).len();
        assert!((least..=most).contains(&found), "{query}: {found}");
    }
    clinic.staff.get("/fhir/AuditEvent").await.expect(403);
    clinic.admin.get("/fhir/AuditEvent?site=x").await.expect(400);
    let actions = clinic.admin.get("/fhir/CodeSystem/audit-actions").await.expect(200);
    let known = actions["concept"].as_array().unwrap().iter().any(|one| one["code"] == "submission_created");
    assert!(known, "{actions}");
}
