//! How the worklist is filtered and ordered.

use jiff::Timestamp;

use super::{ClosingOutcome, StateName};
use crate::ids::{CredentialId, FollowUpId, SubjectId};
use crate::names::names;
use crate::screening::rule_table::Band;
use crate::screening::urgency::Urgency;

/// Filter of the worklist; absent fields do not restrict it. `received` is the time of the last submission, `changed`
/// of the last change. The ends of ranges (`_to`) are exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowUpFilter {
    /// Only follow-ups in one of these states; if empty, all that are not closed.
    pub states: Vec<StateName>,
    /// Of closed follow-ups only those with one of these outcomes; if empty, all.
    pub outcomes: Vec<ClosingOutcome>,
    pub urgency: Option<Urgency>,
    pub assignee: Option<Assignee>,
    /// Only overdue follow-ups, or only those that are not.
    pub overdue: Option<bool>,
    /// Only follow-ups whose highest band is this one.
    pub band: Option<Band>,
    /// Only follow-ups with this finding in one of their submissions.
    pub finding: Option<String>,
    /// Only follow-ups with this instrument positive in one of their submissions.
    pub instrument_positive: Option<String>,
    pub received_from: Option<Timestamp>,
    pub received_to: Option<Timestamp>,
    pub due_from: Option<Timestamp>,
    pub due_to: Option<Timestamp>,
    pub changed_from: Option<Timestamp>,
    pub changed_to: Option<Timestamp>,
    /// Only follow-ups with a measured value below its floor. Such a value was stored before floors were checked, often in
    /// the wrong unit.
    pub below_floor: bool,
    pub subject_id: Option<SubjectId>,
    pub follow_up_id: Option<FollowUpId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    Unassigned,
    Credential(CredentialId),
}

names! {
    #[derive(Default)]
    pub enum FollowUpOrder {
        /// The most urgent first, then the oldest.
        #[default]
        Urgency = "urgency",
        Oldest = "oldest",
        Due = "due",
    }
}
