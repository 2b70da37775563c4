//! How submissions affect a follow-up: its due time, and the data that it collects.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqlx::Executor as _;

use super::act;
use crate::world::{Clinic, World, frail};

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Submits a flagged form of one subject with an urgency; returns the receipt.
async fn submit(clinic: &Clinic, urgency: &str) -> Value {
    let mut answers = match urgency {
        "routine" => {
            json!({"age": 62, "activity": "moderate", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
            "medications": []})
        }
        _ => frail(),
    };
    if urgency == "today" {
        answers["new_breathing_trouble_or_chest_pain"] = json!(true);
    }
    let receipt = clinic.intake.submit(&json!({"answers": answers, "subject": {"reference": "R-1"}})).await.expect(201);
    assert_eq!(receipt["assessment"]["flagged"], true);
    receipt
}

#[tokio::test]
async fn the_due_time_follows_the_clinic_hours_and_moves_earlier_with_higher_urgency() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let hours = |count| SignedDuration::from_hours(count);
    let opened = submit(&clinic, "routine").await;
    let case = format!("/v1/follow-ups/{}", opened["follow_up"]["id"].as_str().unwrap());
    let due = async || instant(&clinic.staff.get(&case).await.expect(200)["due_at"]);
    let first = instant(&opened["received_at"]);
    assert_eq!(due().await, first + hours(720));
    // The same urgency does not change the due time.
    world.clock.advance(3600);
    submit(&clinic, "routine").await;
    assert_eq!(due().await, first + hours(720));
    let week = submit(&clinic, "this_week").await;
    assert_eq!(due().await, instant(&week["received_at"]) + hours(168));
    // A higher urgency never delays an earlier due time.
    let today = async || {
        let sql = "update follow_ups set urgency = 2, due_at = now() - interval '30 days'";
        world.connect().await.execute(sql).await.unwrap();
        let before = due().await;
        submit(&clinic, "today").await;
        (before, due().await)
    };
    let (before, after) = today().await;
    assert_eq!(before, after);
    assert_eq!(clinic.staff.get(&case).await.expect(200)["overdue"], true);
    // A lower urgency changes neither.
    submit(&clinic, "routine").await;
    let shown = clinic.staff.get(&case).await.expect(200);
    assert_eq!((instant(&shown["due_at"]), &shown["urgency"]), (before, &json!("today")));
}

#[tokio::test]
async fn a_follow_up_collects_the_bands_findings_and_instruments_of_its_submissions() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let opened = submit(&clinic, "routine").await;
    let case = format!("/v1/follow-ups/{}", opened["follow_up"]["id"].as_str().unwrap());
    let before = clinic.staff.get(&case).await.expect(200);
    assert_eq!(before["band"], opened["assessment"]["band_at_least"]);
    world.clock.advance(60);
    let joined = submit(&clinic, "this_week").await;
    let after = clinic.staff.get(&case).await.expect(200);
    assert_eq!((&after["band"], &joined["assessment"]["band_at_least"]), (&json!("high"), &json!("high")));
    assert_eq!(after["last_received_at"], joined["received_at"]);
    assert_eq!(after["flagged_at"], before["flagged_at"]);
    let union = |part: &str| -> Vec<String> {
        let ids = [&opened, &joined].into_iter().flat_map(|receipt| {
            if part == "findings" {
                receipt["assessment"]["findings"].as_array().unwrap().iter().map(|f| f["rule"].clone()).collect()
            } else {
                let all = receipt["assessment"]["instruments"].as_array().unwrap().iter();
                all.filter(|one| one["outcome"] == "positive").map(|one| one["id"].clone()).collect::<Vec<_>>()
            }
        });
        let mut ids: Vec<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    assert_eq!(after["positive_instruments"], json!(union("instruments")));
    for finding in union("findings") {
        let listed = clinic.staff.get(&format!("/v1/follow-ups?finding={finding}")).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{finding}");
    }
    // The history contains both, with the submission and the credential that sent it.
    let history = clinic.staff.get(&format!("{case}/history")).await.expect(200);
    let items = history["items"].as_array().unwrap();
    let shown = |index: usize| (items[index]["command"].clone(), items[index]["submission_id"].clone());
    assert_eq!((shown(0), shown(1)), ((json!("open"), opened["id"].clone()), (json!("join"), joined["id"].clone())));
    assert_eq!(items[1]["after"]["positive_instruments"], after["positive_instruments"]);
    // A joined follow-up keeps its state and its assignee.
    act(&clinic.staff, &case, "claim", 2, &json!({})).await.expect(200);
    submit(&clinic, "today").await;
    let held = clinic.staff.get(&case).await.expect(200);
    assert_eq!((&held["state"], &held["urgency"], &held["version"]), (&json!("assigned"), &json!("today"), &json!(4)));
}
