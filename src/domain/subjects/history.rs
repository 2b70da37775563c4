//! The history of a subject: changes of contact data and consent with their previous values, and merges.

use jiff::Timestamp;
use serde_json::Value;

use super::{Consent, Contact};
use crate::ids::{CredentialId, FollowUpId, MergeId, SubjectId, SubmissionId};
use crate::names::names;

names! {
    pub enum ChangeKind {
        Contact = "contact",
        Consent = "consent",
        /// Another subject was merged into it, or it into another.
        Merge = "merge",
        Unmerge = "unmerge",
    }
}

#[derive(Clone, PartialEq, Eq)]
pub enum Before {
    Nothing,
    Contact(Contact),
    Consent(Consent),
}

#[derive(Clone, PartialEq, Eq)]
pub struct SubjectChange {
    /// The version of the subject after the change.
    pub version: i32,
    pub at: Timestamp,
    /// The credential used; `None` for the operator.
    pub credential_id: Option<CredentialId>,
    pub kind: ChangeKind,
    pub before: Before,
    /// The merge, if the change made or undid one.
    pub merge_id: Option<MergeId>,
}

/// The merge of two records of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectMerge {
    pub merge_id: MergeId,
    /// The subject that remains.
    pub kept: SubjectId,
    /// The subject that was merged into it.
    pub merged: SubjectId,
    pub merged_at: Timestamp,
    pub submission_ids: Vec<SubmissionId>,
    pub follow_up_ids: Vec<FollowUpId>,
    /// The follow-up that was closed because the remaining subject had an open one.
    pub closed_follow_up: Option<FollowUpId>,
    pub undone_at: Option<Timestamp>,
}

/// All data stored about a subject: rows with their encrypted fields decrypted, in the order of creation.
#[derive(Clone)]
pub struct SubjectExport {
    pub subject_ids: Vec<SubjectId>,
    /// The subject first, then all subjects merged into it.
    pub subjects: Vec<Value>,
    pub history: Vec<Value>,
    pub submissions: Vec<Value>,
    pub follow_ups: Vec<Value>,
    pub merges: Vec<Value>,
    pub audit_entries: Vec<Value>,
}

impl Before {
    /// The previous value as far as it may be shown: contact data only with consent to be contacted.
    #[must_use]
    pub fn shown(self, may_be_contacted: bool) -> Self {
        match self {
            Self::Contact(_) if !may_be_contacted => Self::Nothing,
            other => other,
        }
    }
}
