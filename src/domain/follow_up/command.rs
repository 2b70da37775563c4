//! What staff can ask for, what comes of it, and why it may be refused.

use jiff::Timestamp;

use super::{Closing, EventKind, FollowUp};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::CredentialId;

/// What staff can do with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUpCommand {
    /// Take it.
    Claim,
    /// Give it back.
    Release,
    /// Give it to somebody, also to oneself.
    Reassign {
        /// Who gets it.
        to: CredentialId,
    },
    /// Tell that somebody tried to reach the person.
    Contact {
        /// Whether the person was reached.
        reached: bool,
    },
    /// Tell that an appointment was made, or made anew.
    Book {
        /// When the person comes.
        appointment_at: Timestamp,
    },
    /// Take the appointment back.
    Unbook,
    /// Tell that the person did not come.
    DidNotAttend,
    /// End it.
    Close(Closing),
    /// Let a closed one go on.
    Reopen,
    /// Only write something down.
    Note,
}

/// What comes of a command: the case as it stands afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUpChange {
    /// The version that was decided on; the change holds only while it is the latest.
    pub before: i32,
    /// Whether the case is in another state afterwards.
    pub moved: bool,
    /// The case afterwards, under its next version.
    pub after: FollowUp,
    /// What was done.
    pub kind: EventKind,
    /// Whether the person was reached, for an attempt.
    pub reached: Option<bool>,
    /// When.
    pub at: Timestamp,
}

/// Something written down with a command: 1-2000 characters, not blank. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Note(String);

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Only a closed case can be reopened.
    NotClosed,
    /// A closed case takes no other command than to reopen it or to note something.
    Closed,
    /// Nobody has taken it yet.
    Unassigned,
    /// Somebody else has it.
    NotAssignee,
    /// Who is to get it has it already.
    HasItAlready,
    /// There is no appointment.
    NotBooked,
    /// The appointment must be taken back first.
    AppointmentStands,
    /// Nobody can have missed an appointment that lies ahead.
    AppointmentAhead,
    /// The appointment asked for lies in the past, or years ahead.
    AppointmentOutOfRange,
    /// Nobody tried to reach the person.
    NeverTried,
    /// Without an assignee there is only one way to end it.
    OnlyNotNeeded,
    /// A count or the version is as high as it can be.
    Exhausted,
}

impl FollowUpCommand {
    /// What the history says was done.
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
    /// Longest note, characters.
    pub const MAX_CHARS: usize = 2000;

    /// Parses a note; white space around it does not belong to it.
    ///
    /// # Errors
    /// One fault when it is blank, too long, or holds control characters other than tabs and line ends.
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

    /// The note in clear.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Refusal {
    /// The sentence for whoever asked.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotClosed => "the case is not closed",
            Self::Closed => "the case is closed; it can be reopened, and notes can be added",
            Self::Unassigned => "nobody has taken the case; claim it first",
            Self::NotAssignee => "somebody else has the case; reassign it to take it over",
            Self::HasItAlready => "whoever is to get the case has it already",
            Self::NotBooked => "no appointment stands",
            Self::AppointmentStands => "an appointment stands; unbook it first",
            Self::AppointmentAhead => "the time of the appointment has not come yet",
            Self::AppointmentOutOfRange => "must lie ahead, within two years",
            Self::NeverTried => "nobody has tried to reach the person; a case is unreachable only after an attempt",
            Self::OnlyNotNeeded => "a case that nobody has taken can only be closed as not needed",
            Self::Exhausted => "the case cannot count any further",
        }
    }
}
