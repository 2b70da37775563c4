//! The follow-up: its state, its outcome, and its history.

use jiff::Timestamp;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::names::names;
use crate::domain::screening::rule_table::Band;
use crate::domain::screening::urgency::Urgency;

/// A follow-up. The history stores it as JSON, with the names and units of the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    pub follow_up_id: FollowUpId,
    pub subject_id: SubjectId,
    pub state: FollowUpState,
    pub urgency: Urgency,
    /// Contact attempts.
    pub attempts: i16,
    /// Appointments that the subject did not attend.
    pub missed_appointments: i16,
    /// When its first submission was flagged.
    pub flagged_at: Timestamp,
    pub due_at: Timestamp,
    /// When its last submission was received.
    pub last_received_at: Timestamp,
    /// The highest settled band of its submissions.
    pub band: Band,
    /// The rules that applied to any of its submissions. The history before migration 0042 does not have them.
    #[serde(default)]
    pub findings: Vec<String>,
    /// The instruments that are positive on any of its submissions.
    pub positive_instruments: Vec<String>,
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
        /// The time of the appointment.
        #[serde(rename = "appointment_at")]
        at: Timestamp,
    },
    Closed {
        /// The assignee when it was closed.
        assignee: Option<CredentialId>,
        /// The appointment that was booked when it was closed.
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
        /// The diagnosis of the examination regarding sarcopenia.
        diagnosis: Option<Diagnosis>,
        /// Grip strength, grams.
        #[serde(rename = "grip_strength_kg", with = "thousandths")]
        grip_strength_g: Option<i32>,
        /// Time for five chair stands, milliseconds.
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
        /// The person attended.
        Attended = "attended",
        /// The person does not want a follow-up.
        Declined = "declined",
        /// The person was not reached.
        Unreachable = "unreachable",
        /// There is nothing to follow up.
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
        /// Another reason; a note may state it.
        Other = "other",
    }

    /// The event that produced a version of a follow-up.
    pub enum EventKind {
        /// A flagged submission opened the follow-up.
        Open = "open",
        /// Another flagged submission of the subject joined it.
        Join = "join",
        /// A member of staff took it.
        Claim = "claim",
        /// The assignee gave it back.
        Release = "release",
        /// It was assigned to another member of staff.
        Reassign = "reassign",
        /// The assignee tried to reach the person.
        Contact = "contact",
        Book = "book",
        /// The appointment was cancelled.
        Unbook = "unbook",
        /// The person did not attend the appointment.
        DidNotAttend = "did_not_attend",
        Close = "close",
        Reopen = "reopen",
        /// A note was added.
        Note = "note",
        /// Its subject was merged with another.
        Merge = "merge",
        /// That merge was undone.
        Unmerge = "unmerge",
    }
}

/// One version of a follow-up, with the event that produced it.
#[derive(Clone, PartialEq, Eq)]
pub struct FollowUpEvent {
    pub kind: EventKind,
    pub at: Timestamp,
    /// The credential used; `None` if an upgrade of the service produced the version.
    pub by: Option<CredentialId>,
    /// That credential's display name.
    pub by_name: Option<String>,
    /// The submission that opened or joined the follow-up.
    pub submission_id: Option<SubmissionId>,
    /// Whether the person was reached, for a contact attempt.
    pub reached: Option<bool>,
    /// The note of the event. It may contain health data: never log it.
    pub note: Option<String>,
    pub after: FollowUp,
}

impl FollowUp {
    /// Whether it is past its due time and not closed.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> bool {
        !self.state.is_closed() && self.due_at < now
    }
}

impl FollowUpState {
    #[must_use]
    pub const fn name(self) -> StateName {
        match self {
            Self::Open => StateName::Open,
            Self::Assigned { .. } => StateName::Assigned,
            Self::Contacted { .. } => StateName::Contacted,
            Self::Booked { .. } => StateName::Booked,
            Self::Closed { .. } => StateName::Closed,
        }
    }

    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The assignee, or the one when it was closed.
    #[must_use]
    pub const fn assignee(self) -> Option<CredentialId> {
        match self {
            Self::Open => None,
            Self::Assigned { assignee } | Self::Contacted { assignee } | Self::Booked { assignee, .. } => {
                Some(assignee)
            }
            Self::Closed { assignee, .. } => assignee,
        }
    }

    /// The booked appointment, or the one that was booked when it was closed.
    #[must_use]
    pub const fn appointment_at(self) -> Option<Timestamp> {
        match self {
            Self::Open | Self::Assigned { .. } | Self::Contacted { .. } => None,
            Self::Booked { at, .. } => Some(at),
            Self::Closed { appointment, .. } => appointment,
        }
    }

    /// The outcome and the time of closing; `None` unless it is closed.
    #[must_use]
    pub const fn closed(self) -> Option<(Closing, Timestamp)> {
        match self {
            Self::Closed { closing, at, .. } => Some((closing, at)),
            Self::Open | Self::Assigned { .. } | Self::Contacted { .. } | Self::Booked { .. } => None,
        }
    }
}

impl Closing {
    /// The outcome without its details.
    #[must_use]
    pub const fn outcome(self) -> ClosingOutcome {
        match self {
            Self::Attended { .. } => ClosingOutcome::Attended,
            Self::Declined => ClosingOutcome::Declined,
            Self::Unreachable => ClosingOutcome::Unreachable,
            Self::NotNeeded { .. } => ClosingOutcome::NotNeeded,
        }
    }

    /// Why there is nothing to follow up.
    #[must_use]
    pub const fn reason(self) -> Option<NotNeededReason> {
        match self {
            Self::NotNeeded { reason } => Some(reason),
            Self::Attended { .. } | Self::Declined | Self::Unreachable => None,
        }
    }

    /// The recorded results: diagnosis, grip strength in grams, time for five chair stands in milliseconds.
    #[must_use]
    pub const fn results(self) -> (Option<Diagnosis>, Option<i32>, Option<i32>) {
        match self {
            Self::Attended { diagnosis, grip_strength_g, five_chair_stands_ms } => {
                (diagnosis, grip_strength_g, five_chair_stands_ms)
            }
            Self::Declined | Self::Unreachable | Self::NotNeeded { .. } => (None, None, None),
        }
    }
}

/// Grams as kilograms and milliseconds as seconds in JSON, exactly.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
mod thousandths {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use crate::domain::fixed::to_units;

    pub(super) fn serialize<S: Serializer>(count: &Option<i32>, serializer: S) -> Result<S::Ok, S::Error> {
        count.map(|count| f64::from(count) / 1000.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
        let count = |value| to_units(value, 1000).ok_or_else(|| D::Error::custom("not a whole number of thousandths"));
        Option::<f64>::deserialize(deserializer)?.map(count).transpose()
    }
}
