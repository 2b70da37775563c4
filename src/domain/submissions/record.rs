//! Complete submissions, as other systems query them.

use jiff::Timestamp;

use super::ExternalSource;
use crate::ids::{SenderId, SubjectId, SubmissionId};
use crate::names::names;
use crate::submissions::stored::StoredSubmission;

/// Filter of a query; absent fields do not restrict it. The ends of ranges (`_to`) are exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    pub submission_id: Option<SubmissionId>,
    pub subject_id: Option<SubjectId>,
    pub sender_id: Option<SenderId>,
    /// Only the submission of this record in another system.
    pub source: Option<ExternalSource>,
    pub rule_table: Option<String>,
    pub answered_from: Option<Timestamp>,
    pub answered_to: Option<Timestamp>,
    /// Only submissions received or corrected at or after this time.
    pub updated_from: Option<Timestamp>,
    /// Only submissions received before this time and not corrected at or after it.
    pub updated_to: Option<Timestamp>,
    /// Only submissions of these kinds.
    pub standings: Option<Vec<Standing>>,
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
