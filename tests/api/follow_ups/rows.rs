//! A row of the worklist says who the person is, and why to call.

use serde_json::{Value, json};

use super::{Colleague, act};
use crate::world::{Clinic, User, World, frail};

const NAME: &str = "Ana Ruiz";

/// A frail person with a reference who wants to be called in Spanish, but answered in English.
async fn ana(clinic: &Clinic) -> Value {
    let subject = json!({
        "reference": "R-1", "reference_system": "urn:ward-3",
        "contact": {"name": NAME, "telephone": "+34 600 111 222", "channel": "telephone", "language": "es"},
        "consent": {"to_contact": true, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"},
    });
    clinic.intake.submit(&json!({"answers": frail(), "subject": subject})).await.expect(201)
}

async fn items(user: &User, query: &str) -> Vec<Value> {
    user.get(&format!("/v1/follow-ups?{query}")).await.expect(200)["items"].as_array().unwrap().clone()
}

async fn in_spanish(user: &User) -> Value {
    let answer = user.send(user.request("GET", "/v1/follow-ups").header("accept-language", "es-MX, en;q=0.5")).await;
    assert_eq!(answer.header("content-language"), "es");
    assert!(answer.header("vary").starts_with("Accept-Language"));
    answer.expect(200)
}

/// The text of the reason of a kind and id.
fn text(item: &Value, kind: &str, id: &str) -> String {
    let reasons = item["reasons"].as_array().unwrap();
    let found = reasons.iter().filter(|reason| reason["kind"] == kind && reason["id"] == id).collect::<Vec<_>>();
    assert_eq!(found.len(), 1, "{kind} {id}: {reasons:?}");
    found[0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_row_says_who_and_why_in_the_language_of_the_reader() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let colleague = Colleague::of(&world, &clinic).await;
    ana(&clinic).await;
    let row = items(&clinic.staff, "").await.remove(0);
    for (field, wanted) in [
        ("reference", json!("R-1")),
        ("reference_system", json!("urn:ward-3")),
        ("contact_allowed", json!(true)),
        ("name", json!(NAME)),
        ("channel", json!("telephone")),
        ("language", json!("es")),
        ("age_band", json!("80-89")),
        ("origin", json!("system")),
        ("assignee_name", json!(null)),
    ] {
        assert_eq!(row[field], wanted, "{field}");
    }
    assert_eq!(text(&row, "instrument", "sarc_f"), "SARC-F");
    let spanish = in_spanish(&clinic.staff).await;
    let (english, spanish) = (row["reasons"].as_array().unwrap(), spanish["items"][0]["reasons"].as_array().unwrap());
    let ids = |reasons: &[Value]| reasons.iter().map(|reason| reason["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(english), ids(spanish));
    assert!(english.iter().chain(spanish).all(|reason| !reason["text"].as_str().unwrap().is_empty()));
    assert!(english != spanish, "no reason has a text of its own in Spanish");

    let case = format!("/v1/follow-ups/{}", row["id"].as_str().unwrap());
    act(&colleague.user, &case, "claim", 1, &json!({})).await.expect(200);
    assert_eq!(items(&clinic.staff, "").await[0]["assignee_name"], "staff");
}

#[tokio::test]
async fn reasons_and_care_level_are_those_of_all_submissions() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = ana(&clinic).await;
    let mut later = frail();
    later["muscle_pain"] = json!(true);
    let body = json!({"answers": later, "subject": {"reference": "R-1", "reference_system": "urn:ward-3"}});
    let second = clinic.intake.submit(&body).await.expect(201);
    assert_eq!(first["follow_up"]["id"], second["follow_up"]["id"]);
    let third = clinic.staff.submit(&json!({"answers": frail(), "subject": body["subject"]})).await.expect(201);
    assert_eq!(first["follow_up"]["id"], third["follow_up"]["id"]);

    let row = items(&clinic.staff, "").await.remove(0);
    assert_eq!((&row["origin"], &row["name"]), (&json!("staff"), &json!(NAME)));
    text(&row, "instrument", "sarc_f");
    assert!(!text(&row, "red_flag", "muscle_pain").is_empty());
    assert_eq!(row["care_level"], second["assessment"]["care_level"]);
}

#[tokio::test]
async fn without_consent_no_contact_data_is_shown_and_none_is_filtered_by() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = ana(&clinic).await;
    clinic.browser.submit(&json!({"answers": frail()})).await.expect(201);
    assert_eq!(items(&clinic.staff, "language=es").await.len(), 1);
    assert_eq!(items(&clinic.staff, "language=en").await.len(), 1);
    assert_eq!(items(&clinic.staff, "origin=self_reported").await.len(), 1);
    assert_eq!(items(&clinic.staff, "origin=staff").await.len(), 0);

    let subject = format!("/v1/subjects/{}", receipt["subject_id"].as_str().unwrap());
    let version = clinic.staff.get(&subject).await.expect(200)["version"].to_string();
    let withdrawn = json!({"to_contact": false, "text_version": "1", "given_at": "2026-01-02T00:00:00Z"});
    let request = clinic.staff.request("PUT", &format!("{subject}/consent"));
    clinic.staff.send(request.header("if-match", format!("\"{version}\"")).json(&withdrawn)).await.expect(200);

    assert_eq!(items(&clinic.staff, "language=es").await.len(), 0);
    assert_eq!(items(&clinic.staff, "language=en").await.len(), 2);
    let all = items(&clinic.staff, "").await;
    let row = all.iter().find(|item| item["reference"] == "R-1").unwrap();
    assert_eq!(row["contact_allowed"], false);
    assert!(row["name"].is_null() && row["channel"].is_null());
    assert_eq!(row["language"], "en");
}

#[tokio::test]
async fn a_page_is_one_entry_of_the_audit_log() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    ana(&clinic).await;
    items(&clinic.staff, "").await;
    let entries = clinic.admin.get("/v1/audit-entries?action=follow_ups_listed").await.expect(200);
    assert_eq!(entries["items"].as_array().unwrap().len(), 1);
}
