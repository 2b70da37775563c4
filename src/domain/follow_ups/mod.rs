//! The follow-up: the staff work that a flagged submission opens or joins, and the commands on it.

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
    Today,
    ThisWeek,
    /// Not urgent.
    Routine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpState {
    /// No assignee.
    Open,
    Assigned,
    Contacted,
    Booked,
    Closed,
}

/// The instruction to follow up. Only the database can decide whether it opens a follow-up or joins the open one of the
/// subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrJoin {
    /// The id of the follow-up, if one is opened.
    pub follow_up_id: FollowUpId,
    /// The urgency of this submission. A follow-up has the highest urgency of its submissions.
    pub urgency: Urgency,
    /// When a follow-up of this urgency is due, if it is opened now. A follow-up that becomes more urgent takes this time
    /// if it is earlier than its own.
    pub due_at: Timestamp,
}

impl Urgency {
    /// Every urgency, most urgent first.
    pub const ALL: [Self; 3] = [Self::Today, Self::ThisWeek, Self::Routine];

    /// The urgency's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::ThisWeek => "this_week",
            Self::Routine => "routine",
        }
    }

    /// The stored rank. 1 is the most urgent, so that ascending order is the worklist's order.
    #[must_use]
    pub const fn rank(self) -> i16 {
        match self {
            Self::Today => 1,
            Self::ThisWeek => 2,
            Self::Routine => 3,
        }
    }

    /// The urgency with this stored rank.
    #[must_use]
    pub fn from_rank(rank: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.rank() == rank)
    }
}

impl FollowUpState {
    pub const ALL: [Self; 5] = [Self::Open, Self::Assigned, Self::Contacted, Self::Booked, Self::Closed];

    /// The state's name in JSON and in the database.
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

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
