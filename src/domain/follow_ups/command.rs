//! The commands of staff, and the reasons to refuse them.

use jiff::Timestamp;

use super::{Closing, EventKind};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::CredentialId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUpCommand {
    /// Assigns it to the caller.
    Claim,
    Release,
    /// Assigns it to a member of staff, including the caller.
    Reassign {
        to: CredentialId,
    },
    /// Records an attempt to reach the person.
    Contact {
        reached: bool,
    },
    /// Records an appointment, or a new time for it.
    Book {
        appointment_at: Timestamp,
    },
    /// Cancels the appointment.
    Unbook,
    /// Records that the person did not attend.
    DidNotAttend,
    Close(Closing),
    Reopen,
    /// Only adds a note.
    Note,
}

/// A note on a command: 1-2000 characters, not blank. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Note(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Only a closed follow-up can be reopened.
    NotClosed,
    /// A closed follow-up can only be reopened or get a note.
    Closed,
    Unassigned,
    NotAssignee,
    /// The new assignee is already the assignee.
    HasItAlready,
    NotBooked,
    /// The appointment must be cancelled first.
    AppointmentStands,
    /// An appointment cannot be missed before its time.
    AppointmentAhead,
    /// The requested appointment is in the past or too far in the future.
    AppointmentOutOfRange,
    /// There was no attempt to reach the person.
    NeverTried,
    /// Without an assignee the only possible outcome is `not_needed`.
    OnlyNotNeeded,
    /// A counter or the version is at its maximum.
    Exhausted,
}

impl FollowUpCommand {
    /// The kind of the event in the history.
    #[must_use]
    pub const fn kind(self) -> EventKind {
        match self {
            Self::Claim => EventKind::Claim,
            Self::Release => EventKind::Release,
            Self::Reassign { .. } => EventKind::Reassign,
            Self::Contact { .. } => EventKind::Contact,
            Self::Book { .. } => EventKind::Book,
            Self::Unbook => EventKind::Unbook,
            Self::DidNotAttend => EventKind::DidNotAttend,
            Self::Close(_) => EventKind::Close,
            Self::Reopen => EventKind::Reopen,
            Self::Note => EventKind::Note,
        }
    }
}

impl Note {
    /// The maximum length, characters.
    pub const MAX_CHARS: usize = 2000;

    /// Parses a note and trims surrounding white space.
    ///
    /// # Errors
    /// Fails with one fault if it is blank, too long, or contains control characters other than tabs and line ends.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let length = text.chars().count();
        let unwanted = |c: char| c.is_control() && !"\t\r\n".contains(c);
        if length == 0 || length > Self::MAX_CHARS || text.chars().any(unwanted) {
            let detail = format!("must be 1 to {} characters without control characters", Self::MAX_CHARS);
            return Err(Fault::new("", FaultCode::Text, detail));
        }
        Ok(Self(text.to_owned()))
    }

    /// The note in clear text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Refusal {
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotClosed => "the case is not closed",
            Self::Closed => "the case is closed; it can be reopened, and notes can be added",
            Self::Unassigned => "the case has no assignee; claim it first",
            Self::NotAssignee => "another user is the assignee of the case; reassign it to take it over",
            Self::HasItAlready => "the case is already assigned to this user",
            Self::NotBooked => "no appointment is booked",
            Self::AppointmentStands => "an appointment is booked; unbook it first",
            Self::AppointmentAhead => "the appointment is in the future",
            Self::AppointmentOutOfRange => "must be in the future, within two years",
            Self::NeverTried => "no contact attempt is recorded; a case is unreachable only after an attempt",
            Self::OnlyNotNeeded => "a case without an assignee can only be closed as not needed",
            Self::Exhausted => "a counter of the case is at its maximum",
        }
    }
}
