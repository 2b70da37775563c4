//! What happened to a subject: changes of contact data and consent with what stood there before, and merges.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{CredentialId, FollowUpId, MergeId, SubjectId, SubmissionId};
use super::subject::{Consent, Contact};

/// What kind of change a subject saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Contact data was replaced.
    Contact,
    /// Consent was replaced.
    Consent,
    /// It was found to be the same person as another subject.
    Merge,
    /// That was taken back.
    Unmerge,
}

/// What stood there before a change.
#[derive(Clone, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// This contact data.
    Contact(Contact),
    /// This consent.
    Consent(Consent),
}

/// One change of a subject.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectChange {
    /// The version of the subject that the change made.
    pub version: i32,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for the operator.
    pub credential_id: Option<CredentialId>,
    /// What was changed.
    pub kind: ChangeKind,
    /// What stood there before.
    pub before: Before,
    /// The merge, where it is one or takes one back.
    pub merge_id: Option<MergeId>,
}

/// Two subjects that turned out to be one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectMerge {
    /// The merge's id.
    pub merge_id: MergeId,
    /// The subject that stays.
    pub kept: SubjectId,
    /// The subject that was found to be the same person.
    pub merged: SubjectId,
    /// When.
    pub merged_at: Timestamp,
    /// The submissions that moved.
    pub submission_ids: Vec<SubmissionId>,
    /// The cases that moved.
    pub follow_up_ids: Vec<FollowUpId>,
    /// The case that was closed because the person who stays had an open one.
    pub closed_follow_up: Option<FollowUpId>,
    /// When it was taken back.
    pub undone_at: Option<Timestamp>,
}

/// Everything stored about a person: rows with what was sealed in them opened, in the order in which they came about.
#[derive(Clone)]
pub struct SubjectExport {
    /// The person and whoever was merged into the person.
    pub subject_ids: Vec<SubjectId>,
    /// The person first, then whoever was merged into the person.
    pub subjects: Vec<Value>,
    /// Changes of contact data and consent, with what stood there before, and merges.
    pub history: Vec<Value>,
    /// Answers and assessments.
    pub submissions: Vec<Value>,
    /// Cases with their events and notes.
    pub follow_ups: Vec<Value>,
    /// Merges.
    pub merges: Vec<Value>,
    /// What the trail says about the person.
    pub audit_entries: Vec<Value>,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Contact, Self::Consent, Self::Merge, Self::Unmerge];

    /// The kind's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Consent => "consent",
            Self::Merge => "merge",
            Self::Unmerge => "unmerge",
        }
    }

    /// Reads a kind's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Before {
    /// What stood there, as far as it may be shown: contact data only while the person agrees to be contacted.
    #[must_use]
    pub fn shown(self, may_be_contacted: bool) -> Self {
        match self {
            Self::Contact(_) if !may_be_contacted => Self::Nothing,
            other => other,
        }
    }
}
