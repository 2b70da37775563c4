//! The follow-up: the staff work that a flagged submission opens or joins, and the commands on it.

mod case;
mod change;
mod command;
mod decide;
mod join;
mod merge;

use serde::{Deserialize, Serialize};

pub use case::{
    Closing, ClosingOutcome, Diagnosis, EventKind, FollowUp, FollowUpEvent, FollowUpState, NotNeededReason, StateName,
};
pub use change::Change;
pub use command::{FollowUpCommand, Note, Refusal};
pub use decide::decide;
pub use join::{FlaggedSubmission, join, open};
pub use merge::{Merged, Undo, Unmerged, merge, unmerge};

/// How soon staff should act; the most urgent sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    Today,
    ThisWeek,
    /// Not urgent.
    Routine,
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
