//! The commands of staff, and the reasons to refuse them.

use jiff::Timestamp;

use super::{Closing, EventKind};
use crate::fault::{Fault, checked_text};
use crate::ids::CredentialId;

/// A command. `Reassign` may name the caller, and `Book` may change the time of an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUpCommand {
    Claim,
    Release,
    Reassign { to: CredentialId },
    Contact { reached: bool },
    Book { appointment_at: Timestamp },
    Unbook,
    DidNotAttend,
    Close(Closing),
    Reopen,
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
    HasItAlready,
    NotBooked,
    StillBooked,
    /// An appointment cannot be missed before its time.
    AppointmentAhead,
    AppointmentOutOfRange,
    NeverTried,
    /// Without an assignee the only possible outcome is `not_needed`.
    OnlyNotNeeded,
    /// A counter or the version is at its maximum.
    Exhausted,
}

impl FollowUpCommand {
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
    pub const MAX_CHARS: usize = 2000;

    /// Fails with one fault if the text is blank, too long, or contains control characters other than tabs and line
    /// ends.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        checked_text(text, Self::MAX_CHARS, "\t\r\n").map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Refusal {
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotClosed => "the follow-up is not closed",
            Self::Closed => "the follow-up is closed; it can be reopened, and notes can be added",
            Self::Unassigned => "the follow-up has no assignee; claim it first",
            Self::NotAssignee => "another user is the assignee of the follow-up; reassign it to take it over",
            Self::HasItAlready => "the follow-up is already assigned to this user",
            Self::NotBooked => "no appointment is booked",
            Self::StillBooked => "an appointment is booked; unbook it first",
            Self::AppointmentAhead => "the appointment is in the future",
            Self::AppointmentOutOfRange => "must be in the future, within two years",
            Self::NeverTried => "no contact attempt is recorded; a follow-up is unreachable only after an attempt",
            Self::OnlyNotNeeded => "a follow-up without an assignee can only be closed as not needed",
            Self::Exhausted => "a counter of the follow-up is at its maximum",
        }
    }
}
