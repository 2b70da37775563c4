//! How soon staff should act on a flagged submission.

use crate::names::names;

names! {
    /// How soon staff should act; the most urgent sorts first.
    #[derive(PartialOrd, Ord)]
    pub enum Urgency {
        Today = "today",
        ThisWeek = "this_week",
        /// Not urgent.
        Routine = "routine",
    }

}

impl Urgency {
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
