//! The follow-up: its state, its outcome, and its history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Urgency;
use crate::domain::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::screening::rule_table::Band;

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

/// The state of a follow-up, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Open,
    Assigned,
    Contacted,
    Booked,
    Closed,
}

/// The outcome of a follow-up, with its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Closing {
    /// The person attended; the results, as far as recorded.
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

/// The outcome of a closed follow-up, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosingOutcome {
    /// The person attended.
    Attended,
    /// The person does not want a follow-up.
    Declined,
    /// The person was not reached.
    Unreachable,
    /// There is nothing to follow up.
    NotNeeded,
}

/// The diagnosis of the examination regarding sarcopenia. It is made by the clinic; this service makes no diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// Sarcopenia was not found.
    None,
    Possible,
    Probable,
    Confirmed,
}

/// Why there is nothing to follow up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotNeededReason {
    /// The person is already treated for it.
    AlreadyInCare,
    /// Another follow-up exists for the same matter.
    Duplicate,
    /// The answers belong to another person, or are not true.
    EnteredInError,
    /// The subject was merged with another, whose follow-up continues. Only a merge sets this reason.
    Merged,
    /// Another reason; a note may state it.
    Other,
}

/// The event that produced a version of a follow-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A flagged submission opened the follow-up.
    Open,
    /// Another flagged submission of the subject joined it.
    Join,
    /// A member of staff took it.
    Claim,
    /// The assignee gave it back.
    Release,
    /// It was assigned to another member of staff.
    Reassign,
    /// The assignee tried to reach the person.
    Contact,
    Book,
    /// The appointment was cancelled.
    Unbook,
    /// The person did not attend the appointment.
    DidNotAttend,
    Close,
    Reopen,
    /// A note was added.
    Note,
    /// Its subject was merged with another.
    Merge,
    /// That merge was undone.
    Unmerge,
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

    /// The diagnosis, the grip strength in grams and the time for five chair stands in milliseconds, as far as recorded.
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

/// Implements the names of enumerations, in the order of their lists.
macro_rules! named {
    ($($name:ident { $($variant:ident = $text:literal),* })*) => {$(
        impl $name {
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// The name in JSON and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }

            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == name)
            }
        }
    )*};
}

named! {
    StateName {
        Open = "open", Assigned = "assigned", Contacted = "contacted", Booked = "booked", Closed = "closed"
    }
    ClosingOutcome {
        Attended = "attended", Declined = "declined", Unreachable = "unreachable", NotNeeded = "not_needed"
    }
    Diagnosis { None = "none", Possible = "possible", Probable = "probable", Confirmed = "confirmed" }
    NotNeededReason {
        AlreadyInCare = "already_in_care", Duplicate = "duplicate", EnteredInError = "entered_in_error",
        Merged = "merged", Other = "other"
    }
    EventKind {
        Open = "open", Join = "join", Claim = "claim", Release = "release", Reassign = "reassign", Contact = "contact",
        Book = "book", Unbook = "unbook", DidNotAttend = "did_not_attend", Close = "close", Reopen = "reopen",
        Note = "note", Merge = "merge", Unmerge = "unmerge"
    }
}
