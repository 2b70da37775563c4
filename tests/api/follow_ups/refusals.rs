//! Refused commands: without a version, with another version, in the wrong state, by another assignee, or with a faulty
//! body.

use sarcoscreen::domain::access::actor::Role;
use serde_json::{Value, json};

use super::{Colleague, act, hours_ahead, open};
use crate::world::World;

const COMMANDS: [&str; 10] =
    ["claim", "release", "reassign", "contact", "book", "unbook", "did-not-attend", "close", "reopen", "notes"];

#[tokio::test]
async fn every_command_needs_if_match() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let nurse = Colleague::of(&world, &clinic).await;
    let case = open(&clinic).await;
    let staff = &clinic.staff;
    act(staff, &case, "notes", 1, &json!({"note": "moves on"})).await.expect(200);
    for command in COMMANDS {
        let body = match command {
            "reassign" => json!({"to": nurse.id}),
            "contact" => json!({"reached": true}),
            "book" => json!({"appointment_at": hours_ahead(&world, 1)}),
            "close" => json!({"outcome": "declined"}),
            "notes" => json!({"note": "x"}),
            _ => json!({}),
        };
        let post = |path: &str| staff.request("POST", &format!("{path}/{command}")).json(&body);
        let missing = staff.send(post(&case)).await.expect(428);
        assert_eq!(missing["type"], "/docs/problems#precondition_required");
        for stale in [1, 3, 999_999_999] {
            assert_eq!(act(staff, &case, command, stale, &body).await.expect(412)["type"], "/docs/problems#stale");
        }
        for tag in ["2", "W/\"2\"", "*", "\"\"", "\"-2\"", "\"2\", \"3\"", "\"99999999999\""] {
            assert_eq!(staff.send(post(&case).header("if-match", tag)).await.status, 400, "{command} {tag}");
        }
        let unknown = "/v1/follow-ups/0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        staff.send(post(unknown).header("if-match", "\"1\"")).await.expect(404);
    }
    assert_eq!(staff.get(&case).await.expect(200)["version"], 2);
}

#[tokio::test]
async fn a_refusal_says_why_in_a_sentence_and_changes_nothing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let nurse = Colleague::of(&world, &clinic).await;
    let case = open(&clinic).await;
    let refused = async |user, command: &str, version, body: Value| {
        let problem = act(user, &case, command, version, &body).await.expect(409);
        assert_eq!(problem["type"], "/docs/problems#conflict");
        problem["detail"].as_str().unwrap().to_owned()
    };
    let detail = refused(&clinic.staff, "contact", 1, json!({"reached": true})).await;
    assert_eq!(detail, "the follow-up has no assignee; claim it first");
    let detail = refused(&clinic.staff, "close", 1, json!({"outcome": "declined"})).await;
    assert_eq!(detail, "a follow-up without an assignee can only be closed as not needed");
    act(&nurse.user, &case, "claim", 1, &json!({})).await.expect(200);
    let detail = refused(&clinic.staff, "contact", 2, json!({"reached": true})).await;
    assert_eq!(detail, "another user is the assignee of the follow-up; reassign it to take it over");
    let detail = refused(&nurse.user, "close", 2, json!({"outcome": "unreachable"})).await;
    assert!(detail.starts_with("no contact attempt is recorded"), "{detail}");
    let shown = clinic.staff.get(&case).await.expect(200);
    assert_eq!((&shown["version"], &shown["state"]), (&json!(2), &json!("assigned")));
    assert_eq!(world.count("select count(*) from follow_up_events").await, 2);
}

#[tokio::test]
async fn a_follow_up_is_only_assigned_to_credentials_that_can_work_on_it() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    let case = open(&clinic).await;
    let id = async |clinic_id, role| world.user_with_id(clinic_id, role, None).await.1.to_string();
    let soon = sarcoscreen::app::ambient::after(
        sarcoscreen::app::ambient::Ambient::now(&*world.clock),
        std::time::Duration::from_mins(1),
    );
    let (_, expired) = world.user_with_id(clinic.id, Role::Staff, Some(soon)).await;
    let (_, revoked) = world.user_with_id(clinic.id, Role::Staff, None).await;
    sarcoscreen::app::access::credentials::revoke(&world.app, clinic.id.into(), revoked.into()).await.unwrap();
    world.clock.advance(61);
    for to in [
        id(clinic.id, Role::Browser).await,
        id(clinic.id, Role::Intake).await,
        id(other.id, Role::Staff).await,
        "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".to_owned(),
        expired.to_string(),
        revoked.to_string(),
    ] {
        let answer = act(&clinic.staff, &case, "reassign", 1, &json!({"to": to})).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/to".to_owned()]), "{}", answer.text);
    }
    let (staff, admin) = (id(clinic.id, Role::Staff).await, id(clinic.id, Role::Admin).await);
    act(&clinic.staff, &case, "reassign", 1, &json!({"to": staff})).await.expect(200);
    act(&clinic.staff, &case, "reassign", 2, &json!({"to": admin})).await.expect(200);
    // Reassignment to oneself takes over a follow-up: the caller is then its assignee.
    let nurse = Colleague::of(&world, &clinic).await;
    act(&nurse.user, &case, "reassign", 3, &json!({"to": nurse.id})).await.expect(200);
    act(&nurse.user, &case, "reassign", 4, &json!({"to": nurse.id})).await.expect(409);
    act(&nurse.user, &case, "contact", 4, &json!({"reached": true})).await.expect(200);
}

/// Commands with a faulty body, and the expected pointers.
fn faulty_bodies() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        ("claim", json!({"notes": "x"}), &["/notes"]),
        ("claim", json!({"note": ""}), &["/note"]),
        ("claim", json!({"note": " \n"}), &["/note"]),
        ("claim", json!({"note": "a\u{7}"}), &["/note"]),
        ("claim", json!({"note": "x".repeat(2001)}), &["/note"]),
        ("claim", json!([]), &[""]),
        ("reassign", json!({}), &["/to"]),
        ("reassign", json!({"to": "me"}), &["/to"]),
        ("contact", json!({"note": 1}), &["/note", "/reached"]),
        ("book", json!({"appointment_at": "tomorrow"}), &["/appointment_at"]),
        ("book", json!({"appointment_at": "2026-12-01T10:00:00"}), &["/appointment_at"]),
        ("notes", json!({}), &["/note"]),
        ("notes", json!({"note": null}), &["/note"]),
        ("close", json!({}), &["/outcome"]),
        ("close", json!({"outcome": "not_needed"}), &["/not_needed_reason"]),
        ("close", json!({"outcome": "not_needed", "not_needed_reason": "merged"}), &["/not_needed_reason"]),
        ("close", json!({"outcome": "declined", "not_needed_reason": "other"}), &["/not_needed_reason"]),
        (
            "close",
            json!({"outcome": "declined", "grip_strength_kg": 1, "diagnosis": "none"}),
            &["/diagnosis", "/grip_strength_kg"],
        ),
        (
            "close",
            json!({"outcome": "attended", "grip_strength_kg": 0.024, "five_chair_stands_s": 2.99}),
            &["/five_chair_stands_s", "/grip_strength_kg"],
        ),
        (
            "close",
            json!({"outcome": "attended", "grip_strength_kg": 100.1, "five_chair_stands_s": 300.01}),
            &["/five_chair_stands_s", "/grip_strength_kg"],
        ),
    ]
}

#[tokio::test]
async fn a_command_body_has_all_required_fields_and_no_others() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let case = open(&clinic).await;
    let (past, far) = (hours_ahead(&world, -1), hours_ahead(&world, 2 * 365 * 24 + 1));
    for (command, body, places) in faulty_bodies() {
        let answer = act(&clinic.staff, &case, command, 1, &body).await;
        let mut pointers = answer.pointers();
        pointers.sort();
        assert_eq!(
            (answer.status, pointers),
            (422, places.iter().map(|p| (*p).to_owned()).collect()),
            "{}",
            answer.text
        );
    }
    // The body may be missing, with or without its content type.
    let claim = clinic.staff.request("POST", &format!("{case}/claim")).header("if-match", "\"1\"");
    clinic.staff.send(claim).await.expect(200);
    let release = clinic.staff.request("POST", &format!("{case}/release")).header("if-match", "\"2\"");
    clinic.staff.send(release.header("content-type", "application/json")).await.expect(200);
    let null = clinic.staff.request("POST", &format!("{case}/claim")).header("if-match", "\"3\"");
    clinic.staff.send(null.json(&Value::Null)).await.expect(200);
    act(&clinic.staff, &case, "release", 4, &Value::Null).await.expect(200);
    let text = clinic.staff.request("POST", &format!("{case}/claim")).header("if-match", "\"5\"").body("{}");
    clinic.staff.send(text).await.expect(415);
    act(&clinic.staff, &case, "claim", 5, &json!({"note": "x".repeat(2000)})).await.expect(200);
    for at in [past, far] {
        let answer = act(&clinic.staff, &case, "book", 6, &json!({"appointment_at": at})).await;
        assert_eq!((answer.status, answer.pointers()), (422, vec!["/appointment_at".to_owned()]), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_follow_up_is_not_reopened_while_the_subject_has_another_open_one() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let submit = async || {
        let body = json!({"answers": crate::world::frail(), "subject": {"reference": "R-1"}});
        let receipt = clinic.intake.submit(&body).await.expect(201);
        format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap())
    };
    let first = submit().await;
    let not_needed = json!({"outcome": "not_needed", "not_needed_reason": "other"});
    act(&clinic.staff, &first, "close", 1, &not_needed).await.expect(200);
    let second = submit().await;
    assert_ne!(first, second);
    let problem = act(&clinic.staff, &first, "reopen", 2, &json!({})).await.expect(409);
    assert_eq!(problem["detail"], "another follow-up of this subject is open");
    act(&clinic.staff, &second, "close", 1, &not_needed).await.expect(200);
    act(&clinic.staff, &first, "reopen", 2, &json!({})).await.expect(200);
}
