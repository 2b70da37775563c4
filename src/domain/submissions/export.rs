//! Rows of exports: one for each submission or follow-up, without contact data, notes or answers.

use jiff::Timestamp;

use super::{ExternalSource, Origin};
use crate::domain::follow_ups::FollowUp;
use crate::domain::ids::{FollowUpId, SubjectId, SubmissionId};
use crate::domain::screening::assessment::Score;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::Band;

/// A part of an export: the rows of one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<T> {
    /// Oldest first. Empty if the filter excludes every row that was read.
    pub rows: Vec<Exported<T>>,
    /// The cursor of the next part; `None` at the end.
    pub next: Option<String>,
}

/// A row with the cursor after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported<T> {
    /// Continues the export after this row.
    pub cursor: String,
    pub row: T,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedSubmission {
    pub submission_id: SubmissionId,
    pub received_at: Timestamp,
    /// When the questions were answered, if stated.
    pub answered_at: Option<Timestamp>,
    /// Whether it is history from another system; such a submission opens no follow-up.
    pub imported: bool,
    pub subject_id: SubjectId,
    /// The clinic's reference for the subject.
    pub reference: Option<String>,
    pub origin: Origin,
    /// The version of the rule table.
    pub rule_table: String,
    /// The service's own total, with bounds.
    pub score: Score,
    /// The band of the lower bound.
    pub band_at_least: Band,
    /// The band of the upper bound.
    pub band_at_most: Band,
    /// How soon the person should be seen.
    pub care_level: Option<CareLevel>,
    pub flagged: bool,
    /// Ids of the rules that applied.
    pub findings: Vec<String>,
    /// Ids of the positive instruments.
    pub positive_instruments: Vec<String>,
    /// The follow-up that the submission belongs to.
    pub follow_up_id: Option<FollowUpId>,
    /// The record in another system.
    pub source: Option<ExternalSource>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFollowUp {
    pub follow_up: FollowUp,
    /// The clinic's reference for the subject.
    pub reference: Option<String>,
}
