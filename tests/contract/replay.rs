//! Replays the history of a follow-up: each version must equal what the domain decides for its event and the previous
//! version. Used for histories that the domain creates, and by the API tests for stored histories.

use jiff::Timestamp;
use sarcoscreen::domain::access::actor::{Actor, Role};
use sarcoscreen::domain::follow_ups::{
    EventKind, FlaggedSubmission, FollowUp, FollowUpCommand, FollowUpState, decide, join, open,
};
use sarcoscreen::domain::ids::{ClinicId, CredentialId, SubmissionId};
use uuid::Uuid;

/// A row of the history.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the version of a version has no other name")]
pub(crate) struct Version {
    pub(crate) version: i32,
    pub(crate) kind: EventKind,
    pub(crate) at: Timestamp,
    pub(crate) by: Option<CredentialId>,
    pub(crate) submission_id: Option<SubmissionId>,
    pub(crate) reached: Option<bool>,
    pub(crate) after: FollowUp,
}

/// Replays a history from its first version; returns the follow-up after the last one.
pub(crate) fn replay(history: &[Version], flagged: &impl Fn(SubmissionId) -> FlaggedSubmission) -> FollowUp {
    let mut before: Option<FollowUp> = None;
    for (version, number) in history.iter().zip(1..) {
        assert_eq!((version.version, version.after.version), (number, number), "{version:?}");
        let submission = version.submission_id.map(flagged);
        before = Some(match (&before, version.kind, submission) {
            (None, EventKind::Open, Some(submission)) => {
                let FollowUp { follow_up_id, subject_id, .. } = version.after;
                open(subject_id, &FlaggedSubmission { follow_up_id, ..submission }).after
            }
            // A copy of the follow-up that an undone merge split.
            (None, EventKind::Unmerge, None) => version.after.clone(),
            (Some(before), EventKind::Join, Some(submission)) => join(before, &submission).unwrap().after,
            (Some(before), EventKind::Merge | EventKind::Unmerge, None) => merged(before, version),
            (Some(before), _, None) => commanded(before, version),
            (before, ..) => panic!("{version:?} cannot follow {before:?}"),
        });
        assert_eq!(before.as_ref(), Some(&version.after), "{:?}", version.kind);
    }
    before.unwrap()
}

fn commanded(before: &FollowUp, version: &Version) -> FollowUp {
    let after = version.after.state;
    let command = match version.kind {
        EventKind::Claim => FollowUpCommand::Claim,
        EventKind::Release => FollowUpCommand::Release,
        EventKind::Reassign => FollowUpCommand::Reassign { to: after.assignee().unwrap() },
        EventKind::Contact => FollowUpCommand::Contact { reached: version.reached.unwrap() },
        EventKind::Book => FollowUpCommand::Book { appointment_at: after.appointment_at().unwrap() },
        EventKind::Unbook => FollowUpCommand::Unbook,
        EventKind::DidNotAttend => FollowUpCommand::DidNotAttend,
        EventKind::Close => FollowUpCommand::Close(after.closed().unwrap().0),
        EventKind::Reopen => FollowUpCommand::Reopen,
        EventKind::Note => FollowUpCommand::Note,
        EventKind::Open | EventKind::Join | EventKind::Correct | EventKind::Merge | EventKind::Unmerge => {
            panic!("{version:?}")
        }
    };
    let credential_id = version.by.unwrap();
    let actor = Actor {
        clinic_id: ClinicId(Uuid::nil()),
        credential_id,
        sender_id: credential_id.0.into(),
        role: Role::Staff,
        request_id: None,
    };
    decide(before, &command, &actor, version.at).unwrap().after
}

/// A merge or its undoing leaves some fields unchanged, and only adds to the collected data. Which follow-up moves, closes or
/// reopens depends on the other follow-ups of both subjects.
fn merged(before: &FollowUp, version: &Version) -> FollowUp {
    let after = version.after.clone();
    let grows = |before: &[String], after: &[String]| before.iter().all(|one| after.contains(one));
    assert!(after.urgency <= before.urgency && after.band >= before.band, "{version:?}");
    assert!(after.due_at <= before.due_at && after.flagged_at <= before.flagged_at, "{version:?}");
    assert!(after.last_received_at >= before.last_received_at, "{version:?}");
    assert!(grows(&before.findings, &after.findings), "{version:?}");
    assert!(grows(&before.positive_instruments, &after.positive_instruments), "{version:?}");
    if after.state != before.state {
        match (before.state, after.state) {
            (open, FollowUpState::Closed { assignee, appointment, at, .. }) => {
                assert_eq!((open.assignee(), open.appointment_at(), version.at), (assignee, appointment, at));
            }
            (closed, _) => assert!(closed.is_closed(), "{version:?}"),
        }
    }
    FollowUp {
        follow_up_id: before.follow_up_id,
        attempts: before.attempts,
        missed_appointments: before.missed_appointments,
        version: before.version + 1,
        ..after
    }
}
