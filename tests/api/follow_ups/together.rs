//! Self-reported follow-ups are found by their origin and closed together.

use serde_json::{Value, json};

use super::{Colleague, act, open};
use crate::world::{Clinic, World, frail};

const NOTE: &str = "Invented answers of one afternoon";
/// A wave of invented submissions.
const WAVE: usize = 300;

/// The ids of the follow-ups whose submissions are all self-reported.
async fn self_reported(clinic: &Clinic) -> Vec<Value> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            clinic.staff.get(&format!("/v1/follow-ups?origin=self_reported&limit=200{cursor}")).await.expect(200);
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { return ids };
        cursor = format!("&cursor={next}");
    }
}

async fn closings(clinic: &Clinic) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let path = format!("/v1/audit-entries?action=follow_up_closed&limit=200{cursor}");
        let page = clinic.admin.get(&path).await.expect(200);
        count += page["items"].as_array().unwrap().len();
        let Some(next) = page["next_cursor"].as_str() else { return count };
        cursor = format!("&cursor={next}");
    }
}

fn refused(answer: &Value, id: &Value) -> String {
    let all = answer["refused"].as_array().unwrap();
    all.iter().find(|one| one["id"] == *id).unwrap()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wave_of_self_reported_follow_ups_is_closed_together_and_each_is_audited() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let colleague = Colleague::of(&world, &clinic).await;
    for _ in 0..WAVE {
        open(&clinic).await;
    }
    let of_a_system = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201)["follow_up"]["id"].clone();
    let claimed = open(&clinic).await;
    act(&colleague.user, &claimed, "claim", 1, &json!({})).await.expect(200);
    let claimed = json!(claimed.rsplit('/').next().unwrap());

    let mut ids = self_reported(&clinic).await;
    assert_eq!(ids.len(), WAVE + 1);
    assert!(ids.contains(&claimed) && !ids.contains(&of_a_system));

    let unknown = json!("0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071");
    ids.extend([of_a_system.clone(), unknown.clone(), ids[0].clone()]);
    let body = json!({"ids": ids, "not_needed_reason": "entered_in_error", "note": NOTE});
    let answer = clinic.staff.post("/v1/follow-ups/close", &body).await.expect(200);
    assert_eq!(answer["closed"].as_array().unwrap().len(), WAVE);
    assert_eq!(answer["refused"].as_array().unwrap().len(), 3);
    assert!(refused(&answer, &of_a_system).contains("not self-reported"));
    assert!(refused(&answer, &claimed).contains("another user is the assignee"));
    assert!(refused(&answer, &unknown).contains("no such follow-up"));
    assert_eq!(closings(&clinic).await, WAVE);
    assert_eq!(self_reported(&clinic).await, [claimed]);

    let first = answer["closed"][0]["id"].as_str().unwrap();
    let history = clinic.staff.get(&format!("/v1/follow-ups/{first}/history")).await.expect(200);
    let last = &history["items"][1];
    assert_eq!((&last["command"], &last["note"]), (&json!("close"), &json!(NOTE)));
    assert_eq!(last["after"]["not_needed_reason"], "entered_in_error");
    assert_eq!(last["version"], answer["closed"][0]["version"]);

    let again = clinic.staff.post("/v1/follow-ups/close", &body).await.expect(200);
    assert_eq!((again["closed"].as_array().unwrap().len(), again["refused"].as_array().unwrap().len()), (0, WAVE + 3));
    assert_eq!(closings(&clinic).await, WAVE);
}

#[tokio::test]
async fn follow_ups_of_another_clinic_are_not_closed() {
    let world = World::new().await;
    let (one, other) = (world.clinic("One").await, world.clinic("Other").await);
    open(&one).await;
    let ids = self_reported(&one).await;
    let body = json!({"ids": ids, "not_needed_reason": "other"});
    let answer = other.staff.post("/v1/follow-ups/close", &body).await.expect(200);
    assert!(refused(&answer, &ids[0]).contains("no such follow-up"));
    assert_eq!(self_reported(&one).await, ids);
}

#[tokio::test]
async fn the_ids_and_the_reason_are_required() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let id = "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    for (body, pointer) in [
        (json!({"not_needed_reason": "other"}), "/ids"),
        (json!({"ids": [], "not_needed_reason": "other"}), "/ids"),
        (json!({"ids": vec![id; 501], "not_needed_reason": "other"}), "/ids"),
        (json!({"ids": [id]}), "/not_needed_reason"),
        (json!({"ids": [id], "not_needed_reason": "merged"}), "/not_needed_reason"),
        (json!({"ids": [id], "not_needed_reason": "other", "note": ""}), "/note"),
    ] {
        let answer = clinic.staff.post("/v1/follow-ups/close", &body).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec![pointer.to_owned()]), "{}", answer.text);
    }
}
