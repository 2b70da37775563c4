//! The follow-up: its state, its outcome, and its history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FollowUpState, Urgency};
use crate::domain::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::screening::rule_table::Band;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub follow_up_id: FollowUpId,
    pub subject_id: SubjectId,
    pub state: FollowUpState,
    pub urgency: Urgency,
    /// The assignee; `None` while it is open.
    pub assignee: Option<CredentialId>,
    /// Contact attempts.
    pub attempts: i16,
    /// Appointments that the subject did not attend.
    pub missed_appointments: i16,
    /// When its first submission was flagged.
    pub flagged_at: Timestamp,
    pub due_at: Timestamp,
    /// The booked appointment, or the one that was booked when the follow-up was closed.
    pub appointment_at: Option<Timestamp>,
    /// The outcome, while it is closed.
    pub closed: Option<Closed>,
    /// When its last submission was received.
    pub last_received_at: Timestamp,
    /// The highest settled band of its submissions.
    pub band: Band,
    /// The instruments that are positive on any of its submissions.
    pub positive_instruments: Vec<String>,
    /// Incremented by each change.
    pub version: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub closing: Closing,
    pub at: Timestamp,
}

/// The outcome of a follow-up, with its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The person attended; the results, as far as recorded.
    Attended {
        /// The diagnosis of the examination regarding sarcopenia.
        diagnosis: Option<Diagnosis>,
        /// Grip strength, grams.
        grip_strength_g: Option<i32>,
        /// Time for five chair stands, milliseconds.
        five_chair_stands_ms: Option<i32>,
    },
    /// The person does not want a follow-up.
    Declined,
    /// The person was not reached.
    Unreachable,
    /// There is nothing to follow up.
    NotNeeded(NotNeededReason),
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
        self.state != FollowUpState::Closed && self.due_at < now
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
            Self::NotNeeded(_) => ClosingOutcome::NotNeeded,
        }
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
