//! Complete submissions, as other systems query them.

use crate::ids::{SenderId, SubjectId, SubmissionId};
use crate::names::names;
use crate::submissions::stored::StoredSubmission;
use crate::times::{Span, Times};

/// Filter of a query; absent fields do not restrict it. A list is a choice: a submission matches one of its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    pub submission_ids: Option<Vec<SubmissionId>>,
    pub subject_ids: Option<Vec<SubjectId>>,
    pub sender_id: Option<SenderId>,
    /// Only submissions of these records in other systems.
    pub sources: Option<Vec<SourceName>>,
    /// Only answers to the form of these versions.
    pub forms: Option<Vec<String>>,
    pub answered: Option<Times>,
    /// Only submissions that were last received or corrected at these times.
    pub updated: Option<Times>,
    /// Only submissions of these kinds.
    pub standings: Option<Vec<Standing>>,
}

/// The order of a query, the latest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOrder {
    /// By the time of receipt.
    Received,
    /// By the time of the answers. Only with a choice of subjects, whose submissions have an index in this order.
    Answered,
}

/// A record in another system, with or without the name of that system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceName {
    pub system: Option<String>,
    pub id: String,
}

impl RecordFilter {
    /// The span that contains every time of `updated`.
    pub fn updated_within(&self) -> Span {
        self.updated.as_ref().map(Times::whole).unwrap_or_default()
    }
}

names! {
    /// What corrections say about a submission.
    pub enum Standing {
        Original = "original",
        /// It corrects another submission.
        Correction = "correction",
        /// Another submission corrects it.
        Superseded = "superseded",
    }
}

impl Standing {
    pub const fn of(stored: &StoredSubmission) -> Self {
        if stored.superseded_by.is_some() {
            Self::Superseded
        } else if stored.supersedes.is_some() {
            Self::Correction
        } else {
            Self::Original
        }
    }
}

/// The result of a conditional create.
#[derive(Clone, Debug)]
pub enum Recorded {
    Created(Box<StoredSubmission>),
    Found(Box<StoredSubmission>),
}
