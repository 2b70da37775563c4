//! What a client that searches by `status` or `_lastUpdated` sees of a correction.

use serde_json::{Value, json};

use crate::follow_ups::act;
use crate::world::{Clinic, User, World, fit, frail};

async fn submit(clinic: &Clinic, answers: Value) -> Value {
    clinic.intake.submit(&json!({"answers": answers})).await.expect(201)
}

async fn correct(user: &User, corrected: &Value, answers: Value) -> Value {
    user.submit(&json!({"answers": answers, "supersedes": corrected["id"]})).await.expect(201)
}

/// The ids of the resources of a page.
async fn found(user: &User, search: &str) -> Vec<Value> {
    let page = user.get(&format!("/fhir/{search}")).await.expect(200);
    let entries = page["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].clone()).collect()
}

#[tokio::test]
async fn a_flag_is_inactive_when_no_submission_that_counts_is_flagged() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let flagged = submit(&clinic, frail()).await;
    let corrected = submit(&clinic, frail()).await;
    let closed = submit(&clinic, frail()).await;
    let id = |receipt: &Value| receipt["follow_up"]["id"].clone();
    let correction = correct(&clinic.intake, &corrected, fit()).await;
    let path = format!("/v1/follow-ups/{}", id(&closed).as_str().unwrap());
    let reason = json!({"outcome": "not_needed", "not_needed_reason": "other"});
    act(&clinic.staff, &path, "close", 1, &reason).await.expect(200);
    let flag = async |receipt: &Value| {
        clinic.staff.get(&format!("/fhir/Flag/{}", id(receipt).as_str().unwrap())).await.expect(200)
    };
    assert_eq!(flag(&flagged).await["status"], "active");
    assert_eq!(flag(&closed).await["status"], "inactive");
    let ended = flag(&corrected).await;
    assert_eq!((&ended["status"], &ended["meta"]["versionId"]), (&json!("inactive"), &json!("2")));
    assert_eq!(ended["period"]["end"], correction["received_at"]);
    let all = [id(&flagged), id(&corrected), id(&closed)];
    for (status, wanted) in [
        ("active", &all[..1]),
        ("inactive", &all[1..]),
        ("active,inactive", &all[..]),
        ("active&status=inactive", &all[..0]),
        ("entered-in-error", &all[..0]),
    ] {
        assert_eq!(found(&clinic.staff, &format!("Flag?status={status}")).await, wanted, "{status}");
    }
    // The work on it is not done.
    assert_eq!(found(&clinic.staff, "Task?status=requested").await, all[..2]);
    // Flagged answers make it active again.
    correct(&clinic.intake, &correction, frail()).await;
    assert_eq!(flag(&corrected).await["status"], "active");
}
