//! The follow-up: the staff case that a flagged submission opens or joins, and what staff can do with it.

mod case;
mod command;
mod decide;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::FollowUpId;

pub use case::{Closed, Closing, ClosingOutcome, Diagnosis, EventKind, FollowUp, FollowUpEvent, NotNeededReason};
pub use command::{FollowUpChange, FollowUpCommand, Note, Refusal};
pub use decide::decide;

/// How soon staff should act; the most urgent sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Today.
    Today,
    /// Within the week.
    ThisWeek,
    /// In the ordinary course.
    Routine,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpState {
    /// Nobody has taken it.
    Open,
    /// Somebody has taken it.
    Assigned,
    /// The person was contacted.
    Contacted,
    /// An appointment stands.
    Booked,
    /// Done, with an outcome.
    Closed,
}

/// The intent to follow up. Whether it opens a case or joins the one that is open for the person, only the
/// database can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrJoin {
    /// The id that a new case would get.
    pub follow_up_id: FollowUpId,
    /// How urgent this submission is; a case takes the most urgent of its submissions.
    pub urgency: Urgency,
    /// When a case of this urgency that is opened now is due. A case that thereby becomes more urgent takes it if it is
    /// earlier than its own.
    pub due_at: Timestamp,
}

impl Urgency {
    /// Every urgency, most urgent first.
    pub const ALL: [Self; 3] = [Self::Today, Self::ThisWeek, Self::Routine];

    /// The urgency's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::ThisWeek => "this_week",
            Self::Routine => "routine",
        }
    }

    /// Its rank as stored: 1 is the most urgent, so that ascending order is the worklist's.
    #[must_use]
    pub const fn rank(self) -> i16 {
        match self {
            Self::Today => 1,
            Self::ThisWeek => 2,
            Self::Routine => 3,
        }
    }

    /// The urgency of a stored rank.
    #[must_use]
    pub fn from_rank(rank: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.rank() == rank)
    }
}

impl FollowUpState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Open, Self::Assigned, Self::Contacted, Self::Booked, Self::Closed];

    /// The state's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Contacted => "contacted",
            Self::Booked => "booked",
            Self::Closed => "closed",
        }
    }

    /// Reads a state's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
