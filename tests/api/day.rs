//! A day at a clinic: every flagged subject is called by one member of staff, nothing is lost, and everything is audited.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::join_all;
use sarcoscreen::app::audit::sealing::seal;
use serde_json::{Value, json};

use crate::audit::verification::attack_in_turn;
use crate::audit::verified;
use crate::follow_ups::{Colleague, act, hours_ahead};
use crate::world::{Clinic, World, frail};

const FLAGGED: usize = 200;
const STAFF: usize = 4;
const ATTACKS: usize = 50;

/// The commands that one member of staff sent for a follow-up, in order, beginning with the claim.
struct Handled {
    case: String,
    by: String,
    commands: Vec<&'static str>,
    outcome: &'static str,
}

/// Submits for a different subject each time, a few concurrently, as in a busy clinic.
async fn flag(clinic: &Clinic) {
    for chunk in (0..FLAGGED).collect::<Vec<_>>().chunks(8) {
        let submit = |number: &usize| {
            let body = json!({"answers": frail(), "subject": {"reference": format!("DAY-{number}")}});
            async move { clinic.intake.submit(&body).await.expect(201) }
        };
        let receipts = join_all(chunk.iter().map(submit)).await;
        assert!(receipts.iter().all(|receipt| receipt["follow_up"]["joined"] == false));
    }
}

/// The commands after the claim; every third subject is reached only at the second attempt.
fn course(world: &World, turn: usize) -> (Vec<(&'static str, Value)>, &'static str) {
    let attempt = |reached: bool| ("contact", json!({"reached": reached, "note": "called in the morning"}));
    let book = ("book", json!({"appointment_at": hours_ahead(world, 24 * 7)}));
    let close = |body: Value| ("close", body);
    let attended = json!({"outcome": "attended", "diagnosis": "probable", "grip_strength_kg": 15.5});
    let mut steps = Vec::new();
    if turn.is_multiple_of(3) {
        steps.push(attempt(false));
    }
    match turn % 4 {
        0 => {
            steps.extend([attempt(true), close(json!({"outcome": "declined"}))]);
            (steps, "declined")
        }
        1 => {
            steps.extend([attempt(false), close(json!({"outcome": "unreachable"}))]);
            (steps, "unreachable")
        }
        _ => {
            steps.extend([attempt(true), book, close(attended)]);
            (steps, "attended")
        }
    }
}

/// Takes follow-ups until none is left.
async fn work(world: &World, colleague: &Colleague) -> Vec<Handled> {
    let mut handled = Vec::new();
    loop {
        let key = format!("{}-{}", colleague.id, handled.len());
        let next = colleague.user.request("POST", "/v1/follow-ups/next").header("idempotency-key", key);
        let answer = colleague.user.send(next).await;
        if answer.status == 204 {
            return handled;
        }
        let case = answer.expect(200);
        let path = format!("/v1/follow-ups/{}", case["id"].as_str().unwrap());
        let mut version = case["version"].as_i64().unwrap();
        let (steps, outcome) = course(world, handled.len());
        let mut commands = vec!["claim"];
        for (command, body) in steps {
            let after = act(&colleague.user, &path, command, version, &body).await.expect(200);
            version = after["version"].as_i64().unwrap();
            commands.push(command);
        }
        handled.push(Handled { case: path, by: colleague.id.clone(), commands, outcome });
    }
}

/// The history of a follow-up matches the commands and their senders, version by version.
async fn check_history(colleague: &Colleague, handled: &Handled) -> usize {
    let history = colleague.user.get(&format!("{}/history", handled.case)).await.expect(200);
    let events = history["items"].as_array().unwrap();
    let commands: Vec<&str> = events.iter().map(|event| event["command"].as_str().unwrap()).collect();
    assert_eq!(commands[0], "open");
    assert_eq!(commands[1..], handled.commands[..]);
    for (version, event) in (1..).zip(events) {
        assert_eq!(event["version"], version);
        let wanted = if version == 1 { None } else { Some(handled.by.as_str()) };
        assert!(wanted.is_none() || event["by"]["credential_id"].as_str() == wanted);
        assert_eq!(event["note"].is_string(), event["command"] == "contact");
    }
    assert_eq!(events[events.len() - 1]["after"]["outcome"], handled.outcome);
    events.len()
}

/// Number of successful audit entries for each staff action.
async fn audited_actions(world: &World) -> BTreeMap<String, i64> {
    let sql = "select action, count(*) from audit_entries where outcome = 'success' and action like 'follow_up_%'
               and action not like '%_read' group by 1";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut world.connect().await).await.unwrap();
    rows.into_iter().collect()
}

#[tokio::test]
async fn four_staff_work_through_two_hundred_flagged_submissions_and_every_step_is_audited() {
    let world = World::new().await;
    let (clinic, other) = (world.clinic("One").await, world.clinic("Two").await);
    flag(&clinic).await;
    flag_one(&other).await;
    let colleagues = join_all((0..STAFF).map(|_| Colleague::of(&world, &clinic))).await;
    let begun = Instant::now();
    let handled = join_all(colleagues.iter().map(|colleague| work(&world, colleague))).await;
    let took = begun.elapsed();
    let each: Vec<usize> = handled.iter().map(Vec::len).collect();
    let handled: Vec<Handled> = handled.into_iter().flatten().collect();
    let cases: std::collections::BTreeSet<&str> = handled.iter().map(|one| one.case.as_str()).collect();
    assert_eq!((handled.len(), cases.len()), (FLAGGED, FLAGGED), "a follow-up was handled twice or not at all");

    let mut heads = seal(&world.app).await.unwrap();
    let mut versions = 0;
    for (number, one) in handled.iter().enumerate() {
        versions += check_history(&colleagues[0], one).await;
        if number.is_multiple_of(20) {
            heads.extend(seal(&world.app).await.unwrap());
        }
    }
    let open = colleagues[0].user.get("/v1/follow-ups").await.expect(200);
    assert_eq!(open["items"], json!([]));
    let audit_counts = audited_actions(&world).await;
    let done = |command: &str| handled.iter().flat_map(|one| &one.commands).filter(|one| **one == command).count();
    for (action, command) in [
        ("follow_up_taken", "claim"),
        ("follow_up_contacted", "contact"),
        ("follow_up_booked", "book"),
        ("follow_up_closed", "close"),
    ] {
        assert_eq!(audit_counts.get(action).copied(), i64::try_from(done(command)).ok(), "{action}");
    }
    heads.extend(seal(&world.app).await.unwrap());
    other.staff.get("/v1/follow-ups").await.expect(200);
    clinic.staff.get("/v1/follow-ups").await.expect(200);
    let (all, broken) = verified(&world, &heads).await;
    assert_eq!(broken, []);
    println!(
        "{FLAGGED} cases by {STAFF} people ({each:?}) in {took:.1?}: each once, {versions} versions, {} entries in {} \
         seals verified, breaks 0",
        all.entries, all.seals
    );
    assert_eq!(attack_in_turn(&world, clinic.id, other.id, &heads, ATTACKS).await, ATTACKS);
}

async fn flag_one(clinic: &Clinic) {
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
}
