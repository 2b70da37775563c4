//! The case itself: where it stands, how it ended, and its history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FollowUpState, Urgency};
use crate::domain::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::rule_table::Band;

/// A follow-up case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// Its id.
    pub follow_up_id: FollowUpId,
    /// The person.
    pub subject_id: SubjectId,
    /// Where it stands.
    pub state: FollowUpState,
    /// How soon to act.
    pub urgency: Urgency,
    /// Who has it; nobody while it is open.
    pub assignee: Option<CredentialId>,
    /// How often somebody tried to reach the person.
    pub attempts: i16,
    /// How many appointments the person did not keep.
    pub missed_appointments: i16,
    /// When its first submission was flagged.
    pub flagged_at: Timestamp,
    /// When it should be done.
    pub due_at: Timestamp,
    /// The appointment that stands, or stood when the case was closed.
    pub appointment_at: Option<Timestamp>,
    /// How it ended, while it is closed.
    pub closed: Option<Closed>,
    /// When its last submission was received.
    pub last_received_at: Timestamp,
    /// The highest band that any of its submissions has reached for certain.
    pub band: Band,
    /// The instruments on which any of its submissions is positive.
    pub positive_instruments: Vec<String>,
    /// Counts its changes.
    pub version: i32,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// With what.
    pub closing: Closing,
    /// When.
    pub at: Timestamp,
}

/// With what a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The person came; what was found, as far as it is told.
    Attended {
        /// What the examination says of sarcopenia.
        diagnosis: Option<Diagnosis>,
        /// Grip strength, grams.
        grip_strength_g: Option<i32>,
        /// Time for five chair stands, milliseconds.
        five_chair_stands_ms: Option<i32>,
    },
    /// The person does not want it.
    Declined,
    /// Nobody reached the person.
    Unreachable,
    /// There is nothing to follow up.
    NotNeeded(NotNeededReason),
}

/// The outcome of a closed case, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosingOutcome {
    /// The person came.
    Attended,
    /// The person does not want it.
    Declined,
    /// Nobody reached the person.
    Unreachable,
    /// There is nothing to follow up.
    NotNeeded,
}

/// What the examination says of sarcopenia. It is the clinic's word; this service makes no diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// Not found.
    None,
    /// Possible.
    Possible,
    /// Probable.
    Probable,
    /// Confirmed.
    Confirmed,
}

/// Why there is nothing to follow up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotNeededReason {
    /// The person is treated for it already.
    AlreadyInCare,
    /// The same matter has a case already.
    Duplicate,
    /// The answers were not this person's, or not true.
    EnteredInError,
    /// The person was merged with another, whose case goes on. Only a merge closes with this.
    Merged,
    /// Another reason; a note may say which.
    Other,
}

/// What made a version of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A flagged submission opened the case.
    Open,
    /// Another flagged submission of the person joined it.
    Join,
    /// Somebody took it.
    Claim,
    /// The assignee gave it back.
    Release,
    /// Somebody got it from somebody.
    Reassign,
    /// The assignee tried to reach the person.
    Contact,
    /// An appointment was made.
    Book,
    /// The appointment was taken back.
    Unbook,
    /// The person did not keep the appointment.
    DidNotAttend,
    /// It ended.
    Close,
    /// It goes on.
    Reopen,
    /// Something was written down.
    Note,
    /// Its person was merged with another.
    Merge,
    /// That merge was undone.
    Unmerge,
}

/// One version of a case, with what made it.
#[derive(Clone, PartialEq, Eq)]
pub struct FollowUpEvent {
    /// What was done.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// By whom; nobody where the service's own upgrade made the version.
    pub by: Option<CredentialId>,
    /// That credential's display name.
    pub by_name: Option<String>,
    /// The submission that opened the case or joined it.
    pub submission_id: Option<SubmissionId>,
    /// Whether the person was reached, for an attempt.
    pub reached: Option<bool>,
    /// What was written down with it. Health data may stand in it: never log it.
    pub note: Option<String>,
    /// The case as it stood afterwards.
    pub after: FollowUp,
}

impl FollowUp {
    /// Whether it should have been done by now and is not.
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

/// Gives an enumeration its names, in the order of its list.
macro_rules! named {
    ($($name:ident { $($variant:ident = $text:literal),* })*) => {$(
        impl $name {
            /// Every one.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// Its name on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }

            /// Reads a name.
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
