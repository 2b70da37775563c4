//! The follow-up: its state, its outcome, its changes, and its history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::names::names;
use crate::screening::rule_table::Band;
use crate::screening::urgency::Urgency;

/// A follow-up. The history stores it as JSON, with the names and units of the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    pub follow_up_id: FollowUpId,
    pub subject_id: SubjectId,
    pub state: FollowUpState,
    pub urgency: Urgency,
    pub attempts: i16,
    pub missed_appointments: i16,
    /// When its first submission was flagged.
    pub flagged_at: Timestamp,
    pub due_at: Timestamp,
    /// When its last submission was received.
    pub last_received_at: Timestamp,
    /// The highest settled band of its submissions. Corrected submissions do not count, here and in the lists.
    pub band: Band,
    /// The rules that applied to any of its submissions. The history before migration 0042 does not have them.
    #[serde(default)]
    pub findings: Vec<String>,
    /// The instruments that are positive on any of its submissions.
    pub positive_instruments: Vec<String>,
    /// Whether any of its submissions is flagged. Corrected submissions do not count. False only after a correction; staff then
    /// close the follow-up.
    #[serde(default = "before_corrections")]
    pub flagged: bool,
    /// When the last correction of one of its submissions was received.
    #[serde(default)]
    pub corrected_at: Option<Timestamp>,
    /// Incremented by each change.
    pub version: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum FollowUpState {
    /// No assignee.
    Open,
    Assigned {
        assignee: CredentialId,
    },
    /// The person was reached.
    Contacted {
        assignee: CredentialId,
    },
    Booked {
        assignee: CredentialId,
        #[serde(rename = "appointment_at")]
        at: Timestamp,
    },
    Closed {
        assignee: Option<CredentialId>,
        #[serde(rename = "appointment_at")]
        appointment: Option<Timestamp>,
        closing: Closing,
        #[serde(rename = "closed_at")]
        at: Timestamp,
    },
}

/// The outcome of a follow-up, with its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Closing {
    /// The person attended. Holds the recorded results.
    Attended {
        diagnosis: Option<Diagnosis>,
        #[serde(rename = "grip_strength_kg", with = "thousandths")]
        grip_strength_g: Option<i32>,
        #[serde(rename = "five_chair_stands_s", with = "thousandths")]
        five_chair_stands_ms: Option<i32>,
    },
    /// The person does not want a follow-up.
    Declined,
    /// The person was not reached.
    Unreachable,
    /// There is nothing to follow up.
    NotNeeded { reason: NotNeededReason },
}

names! {
    /// The state of a follow-up, without its details.
    pub enum StateName {
        Open = "open",
        Assigned = "assigned",
        Contacted = "contacted",
        Booked = "booked",
        Closed = "closed",
    }

    /// The outcome of a closed follow-up, without its details.
    pub enum ClosingOutcome {
        Attended = "attended",
        Declined = "declined",
        Unreachable = "unreachable",
        NotNeeded = "not_needed",
    }

    /// The diagnosis of the examination regarding sarcopenia. It is made by the clinic; this service makes no diagnosis.
    pub enum Diagnosis {
        /// Sarcopenia was not found.
        None = "none",
        Possible = "possible",
        Probable = "probable",
        Confirmed = "confirmed",
    }

    /// Why there is nothing to follow up.
    pub enum NotNeededReason {
        /// The person is already treated for it.
        AlreadyInCare = "already_in_care",
        /// Another follow-up exists for the same matter.
        Duplicate = "duplicate",
        /// The answers belong to another person, or are not true.
        EnteredInError = "entered_in_error",
        /// The subject was merged with another, whose follow-up continues. Only a merge sets this reason.
        Merged = "merged",
        Other = "other",
    }

    /// The event that produced a version of a follow-up.
    pub enum EventKind {
        /// A flagged submission opened the follow-up.
        Open = "open",
        /// Another flagged submission of the subject joined it.
        Join = "join",
        /// A submission corrected one of its submissions.
        Correct = "correct",
        Claim = "claim",
        Release = "release",
        /// It was assigned to another member of staff.
        Reassign = "reassign",
        /// The assignee tried to reach the person.
        Contact = "contact",
        Book = "book",
        Unbook = "unbook",
        DidNotAttend = "did_not_attend",
        Close = "close",
        Reopen = "reopen",
        Note = "note",
        Merge = "merge",
        Unmerge = "unmerge",
    }
}

/// A follow-up with the time of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    pub follow_up: FollowUp,
    pub changed_at: Timestamp,
}

/// One version of a follow-up, with the event that produced it.
#[derive(Clone, PartialEq, Eq)]
pub struct FollowUpEvent {
    pub kind: EventKind,
    pub at: Timestamp,
    /// The credential used; `None` if an upgrade of the service produced the version.
    pub by: Option<CredentialId>,
    pub by_name: Option<String>,
    /// The submission that opened, joined or corrected the follow-up.
    pub submission_id: Option<SubmissionId>,
    pub reached: Option<bool>,
    /// The note of the event. It may contain health data: never log it.
    pub note: Option<String>,
    pub after: FollowUp,
}

/// The latest version of a follow-up, for a caller who has read an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    pub version: i32,
    /// What made the version.
    pub kind: EventKind,
    pub state: StateName,
    pub at: Timestamp,
    /// The credential that made the version; `None` if the operator or an upgrade of the service made it.
    pub by: Option<CredentialId>,
    pub by_name: Option<String>,
}

/// One version of a follow-up, and the event that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that the decision is based on; `None` if the change creates the follow-up. The change is valid only
    /// while that is the latest version.
    pub before: Option<i32>,
    /// Whether the state of an existing follow-up changed.
    pub moved: bool,
    /// The follow-up afterwards, with its next version.
    pub after: FollowUp,
    pub kind: EventKind,
    pub submission_id: Option<SubmissionId>,
    /// The submission that `submission_id` corrects.
    pub supersedes: Option<SubmissionId>,
    pub reached: Option<bool>,
    pub at: Timestamp,
    /// `None` for the operator.
    pub by: Option<CredentialId>,
}

impl FollowUp {
    /// Whether its subject is flagged now: it is not closed, and a submission that counts is flagged.
    pub const fn flags_subject(&self) -> bool {
        self.flagged && !self.state.is_closed()
    }

    pub fn overdue(&self, now: Timestamp) -> bool {
        !self.state.is_closed() && self.due_at < now
    }
}

impl FollowUpState {
    pub const fn name(self) -> StateName {
        match self {
            Self::Open => StateName::Open,
            Self::Assigned { .. } => StateName::Assigned,
            Self::Contacted { .. } => StateName::Contacted,
            Self::Booked { .. } => StateName::Booked,
            Self::Closed { .. } => StateName::Closed,
        }
    }

    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The assignee; of a closed follow-up, the assignee when it was closed.
    pub const fn assignee(self) -> Option<CredentialId> {
        match self {
            Self::Open => None,
            Self::Assigned { assignee } | Self::Contacted { assignee } | Self::Booked { assignee, .. } => {
                Some(assignee)
            }
            Self::Closed { assignee, .. } => assignee,
        }
    }

    /// The booked appointment; of a closed follow-up, the appointment that was booked when it was closed.
    pub const fn appointment_at(self) -> Option<Timestamp> {
        match self {
            Self::Open | Self::Assigned { .. } | Self::Contacted { .. } => None,
            Self::Booked { at, .. } => Some(at),
            Self::Closed { appointment, .. } => appointment,
        }
    }

    /// This state after closing: it keeps the assignee and the appointment.
    pub(super) const fn closed_as(self, closing: Closing, at: Timestamp) -> Self {
        Self::Closed { assignee: self.assignee(), appointment: self.appointment_at(), closing, at }
    }

    /// When a merge closed it; `None` if no merge did, or if it was reopened since.
    pub const fn merged_at(self) -> Option<Timestamp> {
        match self {
            Self::Closed { closing: Closing::NotNeeded { reason: NotNeededReason::Merged }, at, .. } => Some(at),
            _ => None,
        }
    }

    /// The outcome and the time of closing; `None` unless it is closed.
    pub const fn closed(self) -> Option<(Closing, Timestamp)> {
        if let Self::Closed { closing, at, .. } = self { Some((closing, at)) } else { None }
    }
}

impl Change {
    /// The next version of a follow-up. Fails when the version is at its maximum.
    pub(super) fn next(
        before: &FollowUp,
        after: FollowUp,
        kind: EventKind,
        by: Option<CredentialId>,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let version = before.version.checked_add(1).ok_or(Refusal::Exhausted)?;
        Ok(Self {
            before: Some(before.version),
            moved: before.state.name() != after.state.name(),
            after: FollowUp { version, ..after },
            kind,
            submission_id: None,
            supersedes: None,
            reached: None,
            at,
            by,
        })
    }

    pub(super) fn first(after: FollowUp, kind: EventKind, by: Option<CredentialId>, at: Timestamp) -> Self {
        let after = FollowUp { version: 1, ..after };
        Self { before: None, moved: false, after, kind, submission_id: None, supersedes: None, reached: None, at, by }
    }
}

impl Closing {
    pub const fn outcome(self) -> ClosingOutcome {
        match self {
            Self::Attended { .. } => ClosingOutcome::Attended,
            Self::Declined => ClosingOutcome::Declined,
            Self::Unreachable => ClosingOutcome::Unreachable,
            Self::NotNeeded { .. } => ClosingOutcome::NotNeeded,
        }
    }

    pub const fn reason(self) -> Option<NotNeededReason> {
        if let Self::NotNeeded { reason } = self { Some(reason) } else { None }
    }

    /// The recorded results: diagnosis, grip strength in grams, time for five chair stands in milliseconds.
    pub const fn results(self) -> (Option<Diagnosis>, Option<i32>, Option<i32>) {
        let Self::Attended { diagnosis, grip_strength_g, five_chair_stands_ms } = self else {
            return (None, None, None);
        };
        (diagnosis, grip_strength_g, five_chair_stands_ms)
    }
}

/// Before a version had this value, every follow-up had a flagged submission.
const fn before_corrections() -> bool {
    true
}

/// Grams as kilograms and milliseconds as seconds in JSON, exactly.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
mod thousandths {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use crate::fixed::to_units;

    pub(super) fn serialize<S: Serializer>(count: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
        count.map(|count| f64::from(count) / 1000.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
        let count = |value| to_units(value, 1000).ok_or_else(|| D::Error::custom("not a whole number of thousandths"));
        Option::<f64>::deserialize(deserializer)?.map(count).transpose()
    }
}
