//! A follow-up from opening to closing, and its history.

use serde_json::{Value, json};
use sqlx::Executor as _;

use super::{Colleague, act, hours_ahead, open};
use crate::world::{Clinic, World, frail};

/// A command, its body and the next state.
type Step = (&'static str, Value, &'static str);

/// A path through every command; the missed appointment is an hour ahead.
fn steps(world: &World, nurse: &Colleague) -> Vec<Step> {
    vec![
        ("claim", json!({}), "assigned"),
        ("contact", json!({"reached": false, "note": "no answer"}), "assigned"),
        ("contact", json!({"reached": true}), "contacted"),
        ("book", json!({"appointment_at": hours_ahead(world, 1)}), "booked"),
        ("did-not-attend", json!({}), "contacted"),
        ("book", json!({"appointment_at": hours_ahead(world, 48)}), "booked"),
        ("unbook", json!({"note": "asked for another day"}), "contacted"),
        ("book", json!({"appointment_at": hours_ahead(world, 72)}), "booked"),
        ("notes", json!({"note": "brings a list of medicines"}), "booked"),
        (
            "close",
            json!({"outcome": "attended", "diagnosis": "probable", "grip_strength_kg": 14.5, "five_chair_stands_s": 17.25}),
            "closed",
        ),
        ("reopen", json!({}), "open"),
        ("reassign", json!({"to": nurse.id}), "assigned"),
        ("release", json!({}), "open"),
        ("close", json!({"outcome": "not_needed", "not_needed_reason": "already_in_care"}), "closed"),
    ]
}

/// The history shows the opening, then each command with its body and its result.
async fn check_history(clinic: &Clinic, case: &str, nurse: &Colleague, steps: &[Step], answers: &[Value]) {
    let history = clinic.staff.get(&format!("{case}/history")).await.expect(200);
    let items = history["items"].as_array().unwrap();
    assert_eq!(items.len(), 15);
    assert_eq!((&items[0]["command"], &items[0]["by"]["display_name"]), (&json!("open"), &json!("browser")));
    assert!(items[0]["submission_id"].is_string());
    for (index, (command, body, _)) in steps.iter().enumerate() {
        let item = &items[index + 1];
        let name = command.replace('-', "_").replace("notes", "note");
        assert_eq!((&item["command"], &item["version"]), (&json!(name), &json!(index + 2)));
        assert_eq!(item["by"], json!({"credential_id": nurse.id, "display_name": "staff"}));
        assert_eq!((&item["note"], &item["reached"]), (&body["note"], &body["reached"]));
        assert_eq!(item["after"], answers[index], "{command}");
    }
}

#[tokio::test]
async fn a_follow_up_passes_through_all_states_and_its_history_shows_every_step() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let nurse = Colleague::of(&world, &clinic).await;
    let case = open(&clinic).await;
    let steps = steps(&world, &nurse);
    let mut answers = Vec::new();
    for (seen, (command, body, state)) in (1..).zip(&steps) {
        if *command == "did-not-attend" {
            act(&nurse.user, &case, command, seen, body).await.expect(409);
            world.clock.advance(2 * 3600);
        }
        let answer = act(&nurse.user, &case, command, seen, body).await;
        assert_eq!(answer.header("etag"), format!("\"{}\"", seen + 1), "{command}: {}", answer.text);
        let answer = answer.expect(200);
        assert_eq!((&answer["state"], &answer["version"]), (&json!(state), &json!(seen + 1)), "{command}");
        answers.push(answer);
    }
    let closed = &answers[9];
    assert_eq!((&closed["attempts"], &closed["missed_appointments"]), (&json!(2), &json!(1)));
    assert_eq!((&closed["outcome"], &closed["diagnosis"]), (&json!("attended"), &json!("probable")));
    assert_eq!((&closed["grip_strength_kg"], &closed["five_chair_stands_s"]), (&json!(14.5), &json!(17.25)));
    assert!(
        closed["closed_at"].is_string()
            && closed["appointment_at"].is_string()
            && closed["not_needed_reason"].is_null()
    );
    let reopened = &answers[10];
    for cleared in ["outcome", "diagnosis", "grip_strength_kg", "closed_at", "appointment_at", "assignee"] {
        assert_eq!(reopened[cleared], Value::Null, "{cleared}");
    }
    assert_eq!((&answers[11]["assignee"], &answers[12]["assignee"]), (&json!(nurse.id), &Value::Null));
    let shown = clinic.admin.get(&case).await;
    assert_eq!(shown.header("etag"), "\"15\"");
    let shown = shown.expect(200);
    for (name, value) in answers[13].as_object().unwrap() {
        assert_eq!(shown[name], *value, "{name}");
    }
    check_history(&clinic, &case, &nurse, &steps, &answers).await;
    let actions: Vec<String> = sqlx::query_scalar(
        "select action from audit_entries where action like 'follow_up_%' and outcome = 'success' order by audit_entry_id",
    )
    .fetch_all(&mut world.connect().await)
    .await
    .unwrap();
    let verbs = "claimed contacted contacted booked missed booked unbooked booked noted closed reopened reassigned released \
                 closed read history_read";
    let wanted: Vec<String> = verbs.split_whitespace().map(|verb| format!("follow_up_{verb}")).collect();
    assert_eq!(actions, wanted);
}

#[tokio::test]
async fn a_note_is_encrypted_and_opens_only_in_its_own_row() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let case = open(&clinic).await;
    let text = "Prefers mornings, neighbour 4711";
    act(&clinic.staff, &case, "notes", 1, &json!({"note": text})).await.expect(200);
    act(&clinic.staff, &case, "notes", 2, &json!({"note": "second"})).await.expect(200);
    let sealed: Vec<u8> = sqlx::query_scalar("select note_sealed from follow_up_events where version = 2")
        .fetch_one(&mut world.connect().await)
        .await
        .unwrap();
    assert!(sealed.len() > text.len() && !sealed.windows(4).any(|part| part == b"4711"));
    let history = format!("{case}/history");
    assert_eq!(clinic.staff.get(&history).await.expect(200)["items"][1]["note"], text);
    let moved = "update follow_up_events t set note_sealed = s.note_sealed from follow_up_events s
                 where t.version = 3 and s.version = 2";
    world.connect().await.execute(moved).await.unwrap();
    assert!(!clinic.staff.get(&history).await.text.contains("4711"));
    // The history is immutable, even for the owner.
    for sql in ["update follow_up_events set after = '{}'", "update follow_up_events set credential_id = null"] {
        assert!(world.connect().await.execute(sql).await.is_err());
    }
}

#[tokio::test]
async fn a_follow_up_shows_contact_data_only_with_consent() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let contact = json!({"name": "Ana García", "telephone": "+34 600 111 222"});
    for (consent, allowed) in [(None, false), (Some(false), false), (Some(true), true)] {
        let mut body = json!({"answers": frail(), "subject": {"contact": contact}});
        if let Some(to_contact) = consent {
            body["subject"]["consent"] =
                json!({"to_contact": to_contact, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"});
        }
        let receipt = clinic.browser.submit(&body).await.expect(201);
        let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
        let shown = clinic.staff.get(&case).await;
        assert_eq!(shown.text.contains("600 111 222"), allowed, "{consent:?}");
        let shown = shown.expect(200);
        assert_eq!(shown["contact_allowed"], allowed);
        assert_eq!(shown["contact"]["name"], if allowed { contact["name"].clone() } else { Value::Null });
        // Neither the list nor the response of a command shows it.
        let claimed = act(&clinic.staff, &case, "claim", 1, &json!({})).await;
        assert!(!claimed.text.contains("600 111 222"));
    }
    assert!(!clinic.staff.get("/v1/follow-ups").await.text.contains("600 111 222"));
    // Without contact data nothing is shown, even with consent.
    let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"});
    let body = json!({"answers": frail(), "subject": {"consent": consent}});
    let receipt = clinic.browser.submit(&body).await.expect(201);
    let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
    let shown = clinic.staff.get(&case).await.expect(200);
    assert_eq!((&shown["contact_allowed"], &shown["contact"]), (&json!(true), &Value::Null));
}
