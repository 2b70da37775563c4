//! Hundreds of random sequences of submissions, commands, merges and undone merges against the service: the stored history
//! replays to the stored follow-ups.

#[path = "../../contract/replay.rs"]
mod history;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use sarcoscreen::domain::clinics::DueHours;
use sarcoscreen::domain::follow_ups::{Closing, FlaggedSubmission, FollowUp};
use sarcoscreen::domain::ids::{FollowUpId, SubmissionId};
use sarcoscreen::domain::screening::assessment::Assessment;
use sarcoscreen::domain::submissions::stored::StoredSubmission;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::model::{Dice, seed_of_run};
use super::{Colleague, act, hours_ahead};
use crate::world::{Clinic, World, fit, frail};
use history::{Version, replay};

const SEQUENCES: usize = 240;
const STEPS: usize = 14;
/// Sequences that run at the same time.
const LANES: usize = 12;

/// The subjects of a sequence, and the merges that can be undone.
struct Sequence<'a> {
    clinic: &'a Clinic,
    staff: &'a [Colleague],
    appointment_at: &'a str,
    name: String,
    subjects: Vec<String>,
    undo: Vec<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Answers of each urgency; the last ones are not flagged.
fn answers(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => {
            let mut urgent = frail();
            urgent["new_breathing_trouble_or_chest_pain"] = json!(true);
            urgent
        }
        1 | 2 => json!({"age": 62, "activity": "moderate", "falls_past_year": 4, "stair_difficulty": "a_lot_or_unable",
            "medications": []}),
        3 => frail(),
        _ => fit(),
    }
}

impl Sequence<'_> {
    async fn run(mut self, mut dice: Dice) {
        for index in 0..3 {
            let receipt = self.submit(index, answers(&mut dice)).await;
            self.subjects.push(text(&receipt["subject_id"]));
        }
        for _ in 0..STEPS {
            match dice.below(10) {
                0..=2 => drop(self.submit(dice.below(3), answers(&mut dice)).await),
                3..=6 => self.command(&mut dice).await,
                7 | 8 => self.merge(dice.below(3), dice.below(3)).await,
                _ => self.undo_merge().await,
            }
        }
    }

    async fn submit(&self, index: usize, answers: Value) -> Value {
        let reference = format!("{}-{index}", self.name);
        let body = json!({"answers": answers, "subject": {"reference": reference}});
        self.clinic.intake.submit(&body).await.expect(201)
    }

    /// A random command on a random follow-up of a random subject, on its current version.
    async fn command(&self, dice: &mut Dice) {
        let states = "open,assigned,contacted,booked,closed";
        let list = format!("/v1/follow-ups?subject_id={}&state={states}", self.subjects[dice.below(3)]);
        let page = self.clinic.staff.get(&list).await.expect(200);
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            return;
        }
        let case = &items[dice.below(items.len())];
        let holder = self.staff.iter().find(|one| case["assignee"] == one.id.as_str());
        let by = holder.filter(|_| dice.below(4) > 0).unwrap_or(&self.staff[dice.below(self.staff.len())]);
        let (command, body) = match dice.below(11) {
            0 | 1 => ("claim", json!({})),
            2 => ("release", json!({})),
            3 => ("reassign", json!({"to": self.staff[dice.below(self.staff.len())].id})),
            4 => ("contact", json!({"reached": dice.below(2) == 0})),
            5 => ("book", json!({"appointment_at": self.appointment_at})),
            6 => ("unbook", json!({})),
            7 => (
                "close",
                json!({"outcome": "attended", "diagnosis": "possible", "grip_strength_kg": 1 + dice.below(49)}),
            ),
            8 => ("close", json!({"outcome": "not_needed", "not_needed_reason": "other"})),
            9 => ("reopen", json!({})),
            _ => ("notes", json!({"note": "n"})),
        };
        let path = format!("/v1/follow-ups/{}", text(&case["id"]));
        let answer = act(&by.user, &path, command, case["version"].as_i64().unwrap(), &body).await;
        assert!([200, 409].contains(&answer.status), "{}", answer.text);
    }

    async fn merge(&mut self, kept: usize, merged: usize) {
        let (staff, path) = (&self.clinic.staff, format!("/v1/subjects/{}", self.subjects[kept]));
        let tag = staff.get(&path).await.header("etag").to_owned();
        let request = staff.request("POST", &format!("{path}/merge")).header("if-match", tag);
        let answer = staff.send(request.json(&json!({"merged": self.subjects[merged]}))).await;
        assert!([200, 409, 422].contains(&answer.status), "{}", answer.text);
        if answer.status == 200 {
            self.undo.push(format!("{path}/merges/{}/undo", text(&answer.json()["id"])));
        }
    }

    async fn undo_merge(&mut self) {
        if let Some(path) = self.undo.pop() {
            self.clinic.staff.send(self.clinic.staff.request("POST", &path)).await.expect(200);
        }
    }
}

/// All rows of a query, each as one JSON value.
async fn rows(world: &World, sql: &'static str) -> Vec<Value> {
    sqlx::query_scalar(sql).fetch_all(&mut world.connect().await).await.unwrap()
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// The data that each flagged submission adds to a follow-up, recalculated from its stored assessment.
async fn submissions(world: &World) -> BTreeMap<SubmissionId, FlaggedSubmission> {
    let rows = rows(world, "select to_jsonb(s) from submissions s where flagged").await;
    let flagged = rows.iter().map(|row| {
        let assessment: Assessment = read(&row["assessment"]);
        let (urgency, received_at) = (assessment.urgency.unwrap(), read::<Timestamp>(&row["received_at"]));
        FlaggedSubmission {
            submission_id: read(&row["submission_id"]),
            received_at,
            by: read(&row["credential_id"]),
            // The id of the stored follow-up. A submission that joins a follow-up proposes another id, which is not stored.
            follow_up_id: read(&row["follow_up_id"]),
            urgency,
            due_at: received_at + SignedDuration::from_hours(DueHours::SUGGESTED.hours_for(urgency).into()),
            band: assessment.band_at_least,
            findings: assessment.findings.iter().map(|finding| finding.rule.to_string()).collect(),
            positive_instruments: StoredSubmission::positive_instruments(&assessment).map(str::to_owned).collect(),
        }
    });
    flagged.map(|flagged| (flagged.submission_id, flagged)).collect()
}

/// The history of each follow-up.
async fn histories(world: &World) -> BTreeMap<FollowUpId, Vec<Version>> {
    let mut histories = BTreeMap::<_, Vec<Version>>::new();
    for row in rows(world, "select to_jsonb(e) from follow_up_events e order by follow_up_id, version").await {
        let version = Version {
            version: read(&row["version"]),
            kind: read(&row["command"]),
            at: read(&row["at"]),
            by: read(&row["credential_id"]),
            submission_id: read(&row["submission_id"]),
            reached: read(&row["reached"]),
            after: read(&row["after"]),
        };
        histories.entry(read(&row["follow_up_id"])).or_default().push(version);
    }
    histories
}

/// The columns of a follow-up, except its clinic and the time of its last change.
pub(crate) fn columns(case: &FollowUp) -> Value {
    let closed = case.state.closed();
    let closing = closed.map(|(closing, _)| closing);
    let (diagnosis, grip_strength_g, five_chair_stands_ms) = closing.map_or((None, None, None), Closing::results);
    json!({
        "follow_up_id": case.follow_up_id, "subject_id": case.subject_id, "state": case.state.name(),
        "urgency": case.urgency.rank(), "assignee": case.state.assignee(), "attempts": case.attempts,
        "missed_appointments": case.missed_appointments, "flagged_at": case.flagged_at, "due_at": case.due_at,
        "appointment_at": case.state.appointment_at(), "outcome": closing.map(Closing::outcome),
        "not_needed_reason": closing.and_then(Closing::reason), "diagnosis": diagnosis,
        "grip_strength_g": grip_strength_g, "five_chair_stands_ms": five_chair_stands_ms,
        "closed_at": closed.map(|(_, at)| at), "last_received_at": case.last_received_at, "band": case.band,
        "findings": case.findings, "positive_instruments": case.positive_instruments, "flagged": case.flagged,
        "corrected_at": case.corrected_at, "row_version": case.version,
    })
}

/// The same row with all times in one format.
pub(crate) fn spelled(mut row: Value) -> Value {
    for (name, value) in row.as_object_mut().unwrap() {
        if name.ends_with("_at") && !value.is_null() {
            *value = json!(read::<Timestamp>(value));
        }
    }
    row
}

/// Replays the history of each follow-up and compares the result with its row. Returns the number of versions of each kind.
pub(crate) async fn replayed(world: &World) -> BTreeMap<&'static str, usize> {
    let (flagged, histories) = (submissions(world).await, histories(world).await);
    let stored = rows(world, "select to_jsonb(f) - array['clinic_id', 'updated_at'] from follow_ups f").await;
    assert_eq!(stored.len(), histories.len(), "each follow-up has a history");
    let mut kinds = BTreeMap::<&'static str, usize>::new();
    for row in stored {
        let history = &histories[&read::<FollowUpId>(&row["follow_up_id"])];
        let replayed = replay(history, &|submission| flagged[&submission].clone());
        assert_eq!(spelled(row), spelled(columns(&replayed)));
        for version in history {
            *kinds.entry(version.kind.as_str()).or_default() += 1;
        }
    }
    println!("{} follow-ups replayed: {kinds:?}", histories.len());
    kinds
}

#[tokio::test]
async fn hundreds_of_random_sequences_replay_from_the_stored_history() {
    let seed = seed_of_run();
    println!("seed {seed}; set SARCOSCREEN_TEST_SEED to run it again");
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let staff = join_all((0..3).map(|_| Colleague::of(&world, &clinic))).await;
    let appointment_at = hours_ahead(&world, 48);
    let lane = |lane: usize| {
        let (clinic, staff, appointment_at) = (&clinic, &staff[..], &*appointment_at);
        async move {
            for index in (lane..SEQUENCES).step_by(LANES) {
                let (name, subjects, undo) = (format!("S-{index}"), Vec::new(), Vec::new());
                let sequence = Sequence { clinic, staff, appointment_at, name, subjects, undo };
                sequence.run(Dice(seed.wrapping_add(index as u64))).await;
            }
        }
    };
    join_all((0..LANES).map(lane)).await;

    let kinds = replayed(&world).await;
    assert!(["open", "join", "claim", "close", "merge", "unmerge"].iter().all(|kind| kinds[kind] >= 20), "{kinds:?}");
    let crossing = "select count(*) from submissions s join follow_ups f using (clinic_id, follow_up_id)
        where s.subject_id <> f.subject_id";
    assert_eq!(world.count(crossing).await, 0);
}
