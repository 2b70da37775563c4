//! Submissions as records that other systems ask for, whole.

use jiff::Timestamp;

use super::ids::{SenderId, SubjectId, SubmissionId};
use super::stored::StoredSubmission;
use super::submission::ExternalSource;

/// Which records are asked for; each part that is absent does not narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Only this one.
    pub submission_id: Option<SubmissionId>,
    /// Only those of this person.
    pub subject_id: Option<SubjectId>,
    /// Only those of this sender.
    pub sender_id: Option<SenderId>,
    /// Only those of this record in another system.
    pub source: Option<ExternalSource>,
    /// Only those assessed with this version of the rule table.
    pub rule_table: Option<String>,
    /// Answered at or after.
    pub answered_from: Option<Timestamp>,
    /// Answered before.
    pub answered_to: Option<Timestamp>,
    /// Received at or after.
    pub received_from: Option<Timestamp>,
    /// Received before.
    pub received_to: Option<Timestamp>,
}

/// What became of a record that was to be made unless it was there.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// It was made.
    Created(Box<StoredSubmission>),
    /// It was there.
    Found(Box<StoredSubmission>),
}
