//! The follow-up: the staff work that a flagged submission opens or joins, and the commands on it.

mod case;
mod command;
mod correct;
mod counting;
mod decide;
mod join;
mod merge;
pub mod worklist;

pub use case::{
    Change, Closing, ClosingOutcome, Dated, Diagnosis, EventKind, FollowUp, FollowUpEvent, FollowUpState, Latest,
    NotNeededReason, StateName,
};
pub use command::{FollowUpCommand, Note, Refusal};
pub use correct::{Correction, correct};
pub use counting::{Content, Counting, Part, Restored, restore};
pub use decide::decide;
pub use join::{FlaggedSubmission, join, open};
pub use merge::{Merged, Undo, Unmerged, merge, unmerge};
