//! The audit log as admins of a clinic read it.

use serde_json::{Value, json};

use super::fresh_id;
use crate::world::{User, World, frail};

async fn actions(admin: &User, query: &str) -> Vec<String> {
    let page = admin.get(&format!("/v1/audit-entries?{query}")).await.expect(200);
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn admins_search_the_audit_log_and_their_reads_are_audited() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let body = json!({"answers": frail(), "subject": {"reference": "R-1"}});
    let receipt = clinic.intake.submit(&body).await.expect(201);
    let (id, subject) = (receipt["id"].as_str().unwrap(), receipt["subject_id"].as_str().unwrap());
    clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-2"}})).await.expect(201);
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    let request = fresh_id().to_string();
    let path = format!("/v1/submissions/{id}");
    clinic.staff.send(clinic.staff.request("GET", &path).header("x-request-id", &request)).await.expect(200);
    clinic.browser.get("/v1/follow-ups").await.expect(403);
    other.staff.get("/v1/follow-ups").await.expect(200);
    clinic.staff.get("/v1/audit-entries").await.expect(403);

    let admin = &clinic.admin;
    let by_subject = actions(admin, &format!("subject_id={subject}")).await;
    assert_eq!(by_subject, ["submission_read", "follow_ups_listed", "submission_created"]);
    assert_eq!(actions(admin, &format!("resource_id={id}")).await, ["submission_read", "submission_created"]);
    assert_eq!(actions(admin, &format!("request_id={request}")).await, ["submission_read"]);
    assert_eq!(actions(admin, "outcome=refused").await, ["audit_entries_listed", "follow_ups_listed"]);
    assert_eq!(actions(admin, "action=submission_created").await.len(), 2);
    assert_eq!(actions(admin, "to=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(actions(admin, "action=audit_entries_listed&outcome=success").await.len(), 6);

    let listed = admin.get("/v1/audit-entries?action=submission_read").await.expect(200);
    let item = &listed["items"][0];
    assert_eq!((&item["credential_name"], &item["resource_id"]), (&json!("staff"), &json!(id)));
    assert_eq!((&item["subject_ids"], &item["occurrences"]), (&json!([subject]), &json!(1)));
    let credential = item["credential_id"].as_str().unwrap();
    let of_staff = actions(admin, &format!("credential_id={credential}")).await;
    assert_eq!(of_staff, ["audit_entries_listed", "submission_read", "follow_ups_listed"]);
    // Entries of operators have no credential; entries of other clinics and of the system are not visible.
    let minted = admin.get("/v1/audit-entries?action=credential_minted").await.expect(200);
    assert_eq!(minted["items"].as_array().unwrap().len(), 4);
    assert_eq!(minted["items"][0]["credential_id"], Value::Null);
}

#[tokio::test]
async fn pages_of_the_audit_log_are_complete_and_cursors_belong_to_their_filters() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for _ in 0..12 {
        clinic.staff.get("/v1/follow-ups").await.expect(200);
    }
    let (mut seen, mut query) = (Vec::new(), "action=follow_ups_listed&limit=5".to_owned());
    loop {
        let page = clinic.admin.get(&format!("/v1/audit-entries?{query}")).await.expect(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| {
            let at: jiff::Timestamp = item["at"].as_str().unwrap().parse().unwrap();
            (at, item["id"].as_str().unwrap().to_owned())
        }));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("action=follow_ups_listed&limit=5&cursor={cursor}");
        clinic.admin.get(&format!("/v1/audit-entries?limit=5&cursor={cursor}")).await.expect(400);
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.is_sorted_by(|one, next| one > next), "not newest first: {seen:?}");
    clinic.admin.get("/v1/audit-entries?action=nonsense").await.expect(400);
    clinic.admin.get("/v1/audit-entries?limit=201").await.expect(400);
}
