//! Random submissions, commands, merges and undone merges: a subject has at most one open follow-up, a submission's follow-up
//! is one of its subject, and the follow-ups equal a replay of their history.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sarcoscreen::domain::access::actor::{Actor, Role};
use sarcoscreen::domain::follow_ups::{
    Change, Closing, Diagnosis, FlaggedSubmission, FollowUp, FollowUpCommand, FollowUpState, NotNeededReason, Undo,
    decide, join, merge, open, unmerge,
};
use sarcoscreen::domain::ids::{ClinicId, CredentialId, EventId, FollowUpId, MergeId, SubjectId, SubmissionId};
use sarcoscreen::domain::screening::rule_table::Band;
use sarcoscreen::domain::screening::urgency::Urgency;
use sarcoscreen::domain::subjects::history::SubjectMerge;
use sarcoscreen::domain::webhooks::Event;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::replay::{Version, replay};

const SUBJECTS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Submit { subject: usize, urgency: usize, band: usize, finding: usize },
    Command { case: usize, by: u128, command: FollowUpCommand },
    Merge { kept: usize, merged: usize },
    Undo { merge: usize },
}

/// A clinic in memory.
#[derive(Default)]
struct Clinic {
    ids: u128,
    minutes: i64,
    merged_into: BTreeMap<SubjectId, SubjectId>,
    cases: BTreeMap<FollowUpId, FollowUp>,
    history: BTreeMap<FollowUpId, Vec<Value>>,
    /// Each flagged submission with its subject and its follow-up.
    submissions: BTreeMap<SubmissionId, (FlaggedSubmission, SubjectId, FollowUpId)>,
    /// Each merge with the version of the follow-up that it closed.
    merges: Vec<(SubjectMerge, Option<i32>)>,
    /// Submissions of subjects whose open follow-up was later closed by a command.
    settled: BTreeSet<SubmissionId>,
}

fn subject(index: usize) -> SubjectId {
    SubjectId(Uuid::from_u128(0xa00 + (index % SUBJECTS) as u128))
}

impl Clinic {
    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(0x1000 + self.ids)
    }

    fn now(&self) -> Timestamp {
        "2026-03-01T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(self.minutes)
    }

    fn step(&mut self, step: &Step) {
        self.minutes += 7;
        match step {
            Step::Submit { subject, urgency, band, finding } => self.submit(*subject, *urgency, *band, *finding),
            Step::Command { case, by, command } => self.command(*case, *by, command),
            Step::Merge { kept, merged } => self.merge(subject(*kept), subject(*merged)),
            Step::Undo { merge } => self.undo(*merge),
        }
        for (_, of, case) in self.submissions.values() {
            assert_eq!(self.cases[case].subject_id, *of);
        }
        for index in 0..SUBJECTS {
            let of_subject = subject(index);
            let open = self.cases.values().filter(|case| case.subject_id == of_subject && !case.state.is_closed());
            let open: Vec<_> = open.collect();
            assert!(open.len() <= 1);
            let unsettled =
                self.submissions.iter().filter(|(id, (_, of, _))| *of == of_subject && !self.settled.contains(id));
            for (id, (flagged, ..)) in unsettled {
                let case = open.first().unwrap_or_else(|| panic!("{id:?} is flagged and has no open follow-up"));
                assert!(case.urgency <= flagged.urgency && case.band >= flagged.band);
                assert!(flagged.findings.iter().all(|finding| case.findings.contains(finding)));
                assert!(flagged.positive_instruments.iter().all(|one| case.positive_instruments.contains(one)));
            }
        }
    }

    fn submit(&mut self, index: usize, urgency: usize, band: usize, finding: usize) {
        let named = subject(index);
        let of = self.merged_into.get(&named).copied().unwrap_or(named);
        let flagged = FlaggedSubmission {
            submission_id: SubmissionId(self.id()),
            received_at: self.now(),
            by: CredentialId(Uuid::from_u128(9)),
            follow_up_id: FollowUpId(self.id()),
            urgency: Urgency::ALL[urgency],
            due_at: self.now() + SignedDuration::from_hours([24, 168, 720][urgency]),
            band: Band::ALL[band],
            findings: vec![format!("rule_{finding}"), "rule_0".to_owned()],
            positive_instruments: vec![format!("instrument_{}", finding % 2)],
        };
        let change = match self.cases.values().find(|case| case.subject_id == of && !case.state.is_closed()) {
            Some(case) => join(case, &flagged).unwrap(),
            None => open(of, &flagged),
        };
        let case = change.after.follow_up_id;
        self.keep(change);
        self.submissions.insert(flagged.submission_id, (flagged, of, case));
    }

    fn command(&mut self, case: usize, by: u128, command: &FollowUpCommand) {
        let Some(case) = self.cases.values().nth(case % self.cases.len().max(1)) else { return };
        let credential_id = CredentialId(Uuid::from_u128(by));
        let (clinic_id, sender_id) = (ClinicId(Uuid::nil()), credential_id.0.into());
        let actor = Actor { clinic_id, credential_id, sender_id, role: Role::Staff, request_id: None };
        let Ok(change) = decide(case, command, &actor, self.now()) else { return };
        // Like the unique index: a follow-up cannot be reopened if its subject has another open one.
        let opens = case.state.is_closed() && !change.after.state.is_closed();
        let another = |one: &FollowUp| one.subject_id == case.subject_id && !one.state.is_closed();
        if opens && self.cases.values().any(another) {
            return;
        }
        if change.moved && change.after.state.is_closed() {
            let of_subject = self.submissions.iter().filter(|(_, (_, of, _))| *of == case.subject_id);
            self.settled.extend(of_subject.map(|(id, _)| *id));
        }
        self.keep(change);
    }

    fn merge(&mut self, kept: SubjectId, merged: SubjectId) {
        let taken = |subject| self.merged_into.contains_key(&subject);
        let has_merged = self.merged_into.values().any(|into| *into == merged);
        if kept == merged || taken(kept) || taken(merged) || has_merged {
            return;
        }
        let at = self.now();
        let result = merge(&self.both(kept, merged), kept, merged, None, at).unwrap();
        for change in result.changes {
            self.keep(change);
        }
        let mut submission_ids = Vec::new();
        for (id, (_, of, _)) in self.submissions.iter_mut().filter(|(_, (_, of, _))| *of == merged) {
            *of = kept;
            submission_ids.push(*id);
        }
        self.merged_into.insert(merged, kept);
        let closed_version = result.closed.map(|(_, version)| version);
        let merge = SubjectMerge {
            merge_id: MergeId(self.id()),
            kept,
            merged,
            merged_at: at,
            submission_ids,
            follow_up_ids: result.moved,
            closed_follow_up: result.closed.map(|(id, _)| id),
            undone_at: None,
        };
        self.merges.push((merge, closed_version));
    }

    fn undo(&mut self, index: usize) {
        if self.merges.is_empty() {
            return;
        }
        let (merge, closed_version) = self.merges.swap_remove(index % self.merges.len());
        for id in &merge.submission_ids {
            self.submissions.get_mut(id).unwrap().1 = merge.merged;
        }
        let of_kept = self.submissions.values().filter(|(_, of, _)| *of == merge.kept).map(|(_, _, case)| *case);
        let joined: Vec<FollowUpId> = of_kept.collect();
        let spare: Vec<FollowUpId> = merge.follow_up_ids.iter().map(|_| FollowUpId(self.id())).collect();
        let state_before = |id: FollowUpId, version: i32| {
            let before = &self.history[&id][usize::try_from(version).unwrap() - 2];
            serde_json::from_value::<FollowUpState>(before["after"]["state"].clone()).unwrap()
        };
        let closed = merge.closed_follow_up.zip(closed_version);
        let closed = closed.map(|(id, version)| (id, state_before(id, version)));
        let (kept, merged, moved) = (merge.kept, merge.merged, &*merge.follow_up_ids);
        let of_kept = self.merges.iter().filter(|(later, _)| later.kept == kept && later.merged_at >= merge.merged_at);
        let later =
            of_kept.filter_map(|(later, version)| Some((later.closed_follow_up?, later.merged_at, (*version)?)));
        let mut later: Vec<_> = later.map(|(id, at, version)| (id, at, state_before(id, version))).collect();
        later.sort_by_key(|(_, at, _)| *at);
        let undo = Undo { kept, merged, moved, closed, joined: &joined, later: &later, shared: &[], spare: &spare };
        let result = unmerge(&self.both(kept, merged), &undo, None, self.now()).unwrap();
        for change in result.changes.into_iter().chain(result.reopened) {
            self.keep(change);
        }
        for (of, copy) in result.copies {
            let of_kept = self.submissions.values_mut().filter(|(_, subject, _)| *subject == merge.kept);
            of_kept.filter(|(_, _, case)| *case == of).for_each(|(_, _, case)| *case = copy);
        }
        self.merged_into.remove(&merge.merged);
    }

    fn both(&self, one: SubjectId, other: SubjectId) -> Vec<FollowUp> {
        self.cases.values().filter(|case| [one, other].contains(&case.subject_id)).cloned().collect()
    }

    /// Stores a change as the store does: it must apply to the current version, and adds a JSON row to the history.
    fn keep(&mut self, change: Change) {
        let before = self.cases.get(&change.after.follow_up_id);
        assert_eq!(before.map(|case| case.version), change.before);
        let moved = before.is_some_and(|case| case.state.name() != change.after.state.name());
        let event = Event::of_change(EventId(Uuid::nil()), &change);
        assert_eq!(
            event.map(|event| event.subject_id),
            (moved || change.submission_id.is_some()).then_some(Some(change.after.subject_id))
        );
        let row = json!({
            "version": change.after.version, "command": change.kind, "at": change.at, "by": change.by,
            "submission_id": change.submission_id, "reached": change.reached, "after": change.after,
        });
        self.history.entry(change.after.follow_up_id).or_default().push(row);
        self.cases.insert(change.after.follow_up_id, change.after);
    }
}

fn version(row: &Value) -> Version {
    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }
    Version {
        version: read(&row["version"]),
        kind: read(&row["command"]),
        at: read(&row["at"]),
        by: read(&row["by"]),
        submission_id: read(&row["submission_id"]),
        reached: read(&row["reached"]),
        after: read(&row["after"]),
    }
}

fn command() -> impl Strategy<Value = FollowUpCommand> {
    let soon: Timestamp = "2026-06-01T10:00:00.000001Z".parse().unwrap();
    let attended = (0..4_usize, proptest::option::of(0..100_000_i32), proptest::option::of(1_000..300_000_i32));
    prop_oneof![
        3 => Just(FollowUpCommand::Claim),
        1 => Just(FollowUpCommand::Release),
        1 => (1..=3_u128).prop_map(|to| FollowUpCommand::Reassign { to: CredentialId(Uuid::from_u128(to)) }),
        2 => any::<bool>().prop_map(|reached| FollowUpCommand::Contact { reached }),
        2 => Just(FollowUpCommand::Book { appointment_at: soon }),
        1 => Just(FollowUpCommand::Unbook),
        1 => Just(FollowUpCommand::DidNotAttend),
        2 => attended.prop_map(|(diagnosis, grip_strength_g, five_chair_stands_ms)| {
            let diagnosis = Diagnosis::ALL.get(diagnosis).copied();
            FollowUpCommand::Close(Closing::Attended { diagnosis, grip_strength_g, five_chair_stands_ms })
        }),
        1 => Just(FollowUpCommand::Close(Closing::Unreachable)),
        1 => Just(FollowUpCommand::Close(Closing::NotNeeded { reason: NotNeededReason::Other })),
        2 => Just(FollowUpCommand::Reopen),
        1 => Just(FollowUpCommand::Note),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..SUBJECTS, 0..3_usize, 0..3_usize, 0..4_usize)
            .prop_map(|(subject, urgency, band, finding)| Step::Submit { subject, urgency, band, finding }),
        6 => (0..12_usize, 1..=3_u128, command()).prop_map(|(case, by, command)| Step::Command { case, by, command }),
        2 => (0..SUBJECTS, 0..SUBJECTS).prop_map(|(kept, merged)| Step::Merge { kept, merged }),
        2 => (0..3_usize).prop_map(|merge| Step::Undo { merge }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn follow_ups_equal_a_replay_of_their_history(steps in proptest::collection::vec(step(), 1..60)) {
        let mut clinic = Clinic::default();
        for step in &steps {
            clinic.step(step);
        }
        for (id, rows) in &clinic.history {
            let history: Vec<Version> = rows.iter().map(version).collect();
            let flagged = |submission: SubmissionId| clinic.submissions[&submission].0.clone();
            prop_assert_eq!(&replay(&history, &flagged), &clinic.cases[id]);
        }
    }
}

fn submit(subject: usize) -> Step {
    Step::Submit { subject, urgency: 1, band: 1, finding: subject }
}

fn staff(case: usize, command: FollowUpCommand) -> Step {
    Step::Command { case, by: 1, command }
}

/// Executes steps, and returns the subjects with an open follow-up.
fn subjects_with_an_open_follow_up(steps: &[Step]) -> Vec<SubjectId> {
    let mut clinic = Clinic::default();
    for step in steps {
        clinic.step(step);
    }
    let open = clinic.cases.values().filter(|case| !case.state.is_closed());
    open.map(|case| case.subject_id).collect()
}

#[test]
fn a_note_on_a_merged_follow_up_does_not_keep_it_closed_when_a_merge_is_undone() {
    let merge = |merged| Step::Merge { kept: 0, merged };
    let undo = Step::Undo { merge: 0 };
    let own = [submit(0), submit(1), merge(1), staff(1, FollowUpCommand::Note), undo.clone()];
    assert_eq!(subjects_with_an_open_follow_up(&own), [subject(0), subject(1)]);
    let taken_over = [submit(1), submit(2), merge(1), merge(2), staff(1, FollowUpCommand::Note), undo];
    assert_eq!(subjects_with_an_open_follow_up(&taken_over), [subject(1), subject(0)]);
}

#[test]
fn only_a_follow_up_that_a_merge_of_now_closed_is_reopened_in_place_of_one_that_leaves() {
    let close = FollowUpCommand::Close(Closing::NotNeeded { reason: NotNeededReason::Other });
    let merge = |merged| Step::Merge { kept: 0, merged };
    let steps = [
        submit(1),
        staff(0, close),
        submit(1),
        submit(2),
        merge(2),
        merge(1),
        staff(2, close),
        staff(0, FollowUpCommand::Reopen),
        Step::Undo { merge: 1 },
        submit(1),
        staff(2, FollowUpCommand::Reopen),
        merge(1),
        Step::Undo { merge: 0 },
    ];
    // The first follow-up of subject 1 is open for subject 0, and the one of subject 2 left.
    assert_eq!(subjects_with_an_open_follow_up(&steps), [subject(0), subject(2)]);
}

#[test]
fn the_reopened_follow_up_has_the_values_of_all_that_the_leaving_one_took_over() {
    let merge = |merged| Step::Merge { kept: 0, merged };
    let steps = [submit(1), submit(2), submit(3), merge(1), merge(2), merge(3), Step::Undo { merge: 0 }];
    // `step` checks the values.
    assert_eq!(subjects_with_an_open_follow_up(&steps), [subject(1), subject(0)]);
}

#[test]
fn a_follow_up_that_staff_closed_since_is_not_reopened_in_place_of_one_that_leaves() {
    let close = FollowUpCommand::Close(Closing::NotNeeded { reason: NotNeededReason::Other });
    let merge = |merged| Step::Merge { kept: 0, merged };
    let (reopen, undo) = (FollowUpCommand::Reopen, Step::Undo { merge: 0 });
    let work = [staff(0, close), staff(1, reopen), staff(1, close), staff(0, reopen)];
    let steps = [vec![submit(1), submit(2), merge(1), merge(2)], work.to_vec(), vec![undo]].concat();
    assert_eq!(subjects_with_an_open_follow_up(&steps), [subject(1)]);
}

#[test]
fn the_history_has_the_names_and_units_of_the_answers() {
    let at: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
    let closing = Closing::Attended {
        diagnosis: Some(Diagnosis::Probable),
        grip_strength_g: Some(24_543),
        five_chair_stands_ms: Some(15_000),
    };
    let state = FollowUpState::Closed { assignee: None, appointment: Some(at), closing, at };
    let stored = json!({"name": "closed", "assignee": null, "appointment_at": "2026-03-01T10:00:00Z",
        "closing": {"outcome": "attended", "diagnosis": "probable", "grip_strength_kg": 24.543, "five_chair_stands_s": 15.0},
        "closed_at": "2026-03-01T10:00:00Z"});
    assert_eq!(serde_json::to_value(state).unwrap(), stored);
    assert_eq!(serde_json::from_value::<FollowUpState>(stored).unwrap(), state);
    let reason = NotNeededReason::Merged;
    let not_needed = json!({"outcome": "not_needed", "reason": "merged"});
    assert_eq!(serde_json::to_value(Closing::NotNeeded { reason }).unwrap(), not_needed);
    for broken in ["24.5431", "\"24\"", "-1e40"] {
        let text = format!(
            r#"{{"outcome": "attended", "diagnosis": null, "grip_strength_kg": {broken}, "five_chair_stands_s": null}}"#
        );
        assert!(serde_json::from_str::<Closing>(&text).is_err(), "{broken}");
    }
}
