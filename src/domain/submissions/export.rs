//! Rows of exports: the rows of the lists with the clinic's reference, without contact data, notes or answers.

use jiff::Timestamp;

use super::ExternalSource;
use crate::follow_ups::FollowUp;
use crate::subjects::Reference;
use crate::submissions::stored::SubmissionSummary;

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

#[derive(Clone, PartialEq, Eq)]
pub struct ExportedSubmission {
    pub summary: SubmissionSummary,
    pub reference: Option<Reference>,
    pub answered_at: Option<Timestamp>,
    pub findings: Vec<String>,
    pub positive_instruments: Vec<String>,
    pub source: Option<ExternalSource>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct ExportedFollowUp {
    pub follow_up: FollowUp,
    pub reference: Option<Reference>,
}
