//! The database roles of the service can only append to the audit log; requests that cannot be audited fail.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::world::{World, frail};

#[tokio::test]
async fn the_roles_of_the_service_can_only_append_to_the_audit_log() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    sarcoscreen::app::audit::sealing::seal(&world.app).await.unwrap();
    let mut connection = world.connect().await;
    let mut denied = 0;
    for (role, tables) in [
        ("sarcoscreen_app", &["audit_entries", "audit_pending", "audit_seals", "audit_tombstones"][..]),
        ("sarcoscreen_writer", &["audit_entries", "audit_pending", "audit_seals", "audit_tombstones"]),
        ("sarcoscreen_auth", &["audit_entries", "audit_pending", "audit_seals", "audit_tombstones"]),
        ("sarcoscreen_jobs", &["audit_entries", "audit_seals", "audit_tombstones"]),
    ] {
        // Tries it even with the setting under which the owner prunes.
        let id = clinic.id;
        let tie = format!("set role {role}; set sarcoscreen.clinic_id = '{id}'; set sarcoscreen.audit_prune = '{id}'");
        connection.execute(AssertSqlSafe(tie)).await.unwrap();
        for table in tables {
            for sql in ["update {} set clinic_id = clinic_id", "delete from {}", "truncate {}"] {
                let sql = sql.replace("{}", table);
                let error = connection.execute(AssertSqlSafe(sql.clone())).await.unwrap_err();
                let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
                assert_eq!(code.as_deref(), Some("42501"), "{role}: {sql}: {error}");
                denied += 1;
            }
        }
        connection.execute("reset role").await.unwrap();
    }
    println!("permission denied {denied} of {denied}");
    assert_eq!(denied, 45);
}

#[tokio::test]
async fn requests_that_cannot_be_audited_fail_without_effect() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let submission = json!({"answers": frail(), "subject": {"reference": "R-1"}});
    let receipt = clinic.intake.submit(&submission).await.expect(201);
    let id = |name: &str| receipt[name].as_str().unwrap().to_owned();
    let mut connection = world.connect().await;
    // These callers are cached, so only the audit log fails.
    clinic.browser.get("/v1/follow-ups").await.expect(403);
    clinic.admin.get("/v1/audit-entries").await.expect(200);
    let rows = world.count("select count(*) from submissions").await;
    let full = "alter table audit_entries add constraint audit_entries_full check (false) not valid";
    connection.execute(full).await.unwrap();
    for path in [
        "/v1/follow-ups".to_owned(),
        format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap()),
        "/v1/submissions".to_owned(),
        format!("/v1/submissions/{}", id("id")),
        format!("/v1/submissions/{}/assessments", id("id")),
        format!("/v1/subjects/{}/submissions", id("subject_id")),
        "/v1/audit-entries".to_owned(),
        // Errors for missing rows or missing permission are not returned either.
        "/v1/follow-ups/no-id".to_owned(),
    ] {
        let answer = clinic.admin.get(&path).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text);
        assert!(!answer.text.contains(&id("subject_id")), "{path}");
    }
    let found = clinic.staff.post("/v1/subjects/search", &json!({"reference": "R-1"})).await;
    assert_eq!(found.status, 503, "{}", found.text);
    // Within a minute after an entry of its kind a refusal is only counted; this is the first after it.
    world.clock.advance(60);
    assert_eq!(clinic.browser.get("/v1/follow-ups").await.status, 503);
    assert!(clinic.intake.submit(&submission).await.status >= 500);
    assert_eq!(world.count("select count(*) from submissions").await, rows);
    connection.execute("alter table audit_entries drop constraint audit_entries_full").await.unwrap();
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    clinic.browser.get("/v1/follow-ups").await.expect(403);
}

#[tokio::test]
async fn a_service_without_insert_rights_on_the_audit_log_returns_no_data() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    let mut connection = world.connect().await;
    connection.execute("revoke insert on audit_entries from sarcoscreen_app, sarcoscreen_writer").await.unwrap();
    let answer = clinic.staff.get("/v1/follow-ups").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    connection.execute("grant insert on audit_entries to sarcoscreen_app, sarcoscreen_writer").await.unwrap();
    clinic.staff.get("/v1/follow-ups").await.expect(200);
}
