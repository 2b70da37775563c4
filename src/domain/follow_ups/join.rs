//! How a flagged submission opens a follow-up, or joins the open one of its subject.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Change, EventKind, FollowUp, FollowUpState, Refusal};
use crate::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::screening::rule_table::Band;
use crate::screening::urgency::Urgency;

/// What a follow-up takes from a flagged submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlaggedSubmission {
    pub submission_id: SubmissionId,
    pub received_at: Timestamp,
    pub by: CredentialId,
    /// The id of the follow-up, if one is opened.
    pub follow_up_id: FollowUpId,
    pub urgency: Urgency,
    /// When a follow-up of this urgency is due, if it is opened now.
    pub due_at: Timestamp,
    /// The settled band: the band of the lower bound.
    pub band: Band,
    pub findings: Vec<String>,
    pub positive_instruments: Vec<String>,
}

/// Opens a follow-up for a subject that has no open one.
pub fn open(subject_id: SubjectId, flagged: &FlaggedSubmission) -> Change {
    let after = FollowUp {
        follow_up_id: flagged.follow_up_id,
        subject_id,
        state: FollowUpState::Open,
        urgency: flagged.urgency,
        attempts: 0,
        missed_appointments: 0,
        flagged_at: flagged.received_at,
        due_at: flagged.due_at,
        last_received_at: flagged.received_at,
        band: flagged.band,
        findings: flagged.findings.clone(),
        positive_instruments: flagged.positive_instruments.clone(),
        flagged: true,
        corrected_at: None,
        version: 1,
    };
    let change = Change::first(after, EventKind::Open, Some(flagged.by), flagged.received_at);
    Change { submission_id: Some(flagged.submission_id), ..change }
}

/// Joins a submission to the open follow-up of its subject. The follow-up gets the higher urgency and band, and the
/// findings and positive instruments of both. If its urgency rises, it gets the earlier due time. Its state is unchanged.
/// Fails when the follow-up is closed or its version is at its maximum.
pub fn join(case: &FollowUp, flagged: &FlaggedSubmission) -> Result<Change, Refusal> {
    if case.state.is_closed() {
        return Err(Refusal::Closed);
    }
    let rises = flagged.urgency < case.urgency;
    let after = FollowUp {
        urgency: case.urgency.min(flagged.urgency),
        due_at: if rises { case.due_at.min(flagged.due_at) } else { case.due_at },
        last_received_at: case.last_received_at.max(flagged.received_at),
        band: case.band.max(flagged.band),
        findings: union(&case.findings, &flagged.findings),
        positive_instruments: union(&case.positive_instruments, &flagged.positive_instruments),
        flagged: true,
        ..case.clone()
    };
    let change = Change::next(case, after, EventKind::Join, Some(flagged.by), flagged.received_at)?;
    Ok(Change { submission_id: Some(flagged.submission_id), ..change })
}

/// The ids of both lists, sorted, each once.
pub(super) fn union(one: &[String], other: &[String]) -> Vec<String> {
    let ids: BTreeSet<&String> = one.iter().chain(other).collect();
    ids.into_iter().cloned().collect()
}
