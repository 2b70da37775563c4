//! How the worklist is filtered and ordered.

use jiff::Timestamp;

use super::{ClosingOutcome, StateName};
use crate::access::actor::Origin;
use crate::ids::{CredentialId, FollowUpId, SubjectId};
use crate::language::Language;
use crate::names::names;
use crate::screening::rule_table::Band;
use crate::screening::urgency::Urgency;
use crate::times::Times;

/// Filter of the worklist; absent fields do not restrict it. `received` is the time of the last submission. The ends of ranges
/// (`_to`) are exclusive.
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
    /// Only follow-ups with at least this many contact attempts.
    pub attempts_min: Option<i16>,
    /// Only follow-ups with a flagged submission, or only those without one after a correction.
    pub flagged: Option<bool>,
    /// Only follow-ups that flag their subject now, or only the others.
    pub flags_subject: Option<bool>,
    /// Only follow-ups with an appointment at or after this time.
    pub appointment_from: Option<Timestamp>,
    pub appointment_to: Option<Timestamp>,
    pub due_from: Option<Timestamp>,
    pub due_to: Option<Timestamp>,
    /// Only follow-ups that last changed at these times.
    pub changed: Option<Times>,
    /// Only follow-ups whose first submission was flagged at these times.
    pub flagged_at: Option<Times>,
    /// Only follow-ups with a measured value below its floor. Such a value was stored before floors were checked, often in
    /// the wrong unit.
    pub below_floor: bool,
    /// Only follow-ups of subjects who prefer this language: that of contact if contact is allowed and it is known, or else
    /// that of the latest answers.
    pub language: Option<Language>,
    /// Only follow-ups whose submissions all have this origin.
    pub origin: Option<Origin>,
    pub subject_id: Option<SubjectId>,
    /// Only follow-ups of one of these subjects.
    pub subject_ids: Option<Vec<SubjectId>>,
    pub follow_up_ids: Option<Vec<FollowUpId>>,
    /// Only follow-ups with one of these urgencies.
    pub urgencies: Option<Vec<Urgency>>,
    /// Only follow-ups assigned to one of these credentials.
    pub assignees: Option<Vec<CredentialId>>,
}

/// How many follow-ups changed since a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// At most [`Changes::MOST`].
    pub count: i64,
    /// The latest change; `None` if there is none.
    pub latest_at: Option<Timestamp>,
}

impl Changes {
    pub const MOST: i64 = 1000;
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
