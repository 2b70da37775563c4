//! What happened to a person on the wire: changes, merges, and everything that is stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::ChangeKindName;
use super::subject::{ConsentBody, ContactBody};
use crate::domain::subject::Contact;
use crate::domain::subject_history::{Before, SubjectChange, SubjectExport, SubjectMerge};

/// One change of a person.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SubjectChange)]
pub struct SubjectChangeBody {
    /// The version of the person that the change made.
    #[schema(minimum = 1)]
    pub version: i32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Id of the credential that made it; null for the operator.
    #[schema(required)]
    pub credential_id: Option<Uuid>,
    /// What was changed.
    pub change: ChangeKindName,
    /// The contact data that stood there before; null where none did, and without consent to contact.
    #[schema(required)]
    pub contact_before: Option<ContactBody>,
    /// The consent that stood there before.
    #[schema(required)]
    pub consent_before: Option<ConsentBody>,
    /// Id of the merge that was made or taken back.
    #[schema(required)]
    pub merge_id: Option<Uuid>,
}

/// Which person is the same as the one of the path.
#[derive(Clone, Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubjectMergeInput)]
pub struct SubjectMergeInput {
    /// Id of the person who is the same; the person of the path stays.
    #[schema(required, value_type = Uuid)]
    #[serde(default)]
    pub merged: Option<Uuid>,
}

/// Two records of a person that became one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubjectMerge)]
pub struct SubjectMergeBody {
    /// Id of the merge.
    pub id: Uuid,
    /// Id of the person who stays.
    pub kept: Uuid,
    /// Id of the person who was found to be the same.
    pub merged: Uuid,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub merged_at: Timestamp,
    /// The submissions that moved.
    pub submission_ids: Vec<Uuid>,
    /// The cases that moved.
    pub follow_up_ids: Vec<Uuid>,
    /// The case that was closed because the person who stays had an open one.
    #[schema(required)]
    pub closed_follow_up_id: Option<Uuid>,
    /// When it was taken back; null in the answer to the merge itself.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub undone_at: Option<Timestamp>,
}

/// Everything stored about a person: rows as they are stored, named as they are stored, with what is sealed opened.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SubjectExport)]
pub struct SubjectExportBody {
    /// The form of this document.
    #[schema(example = "sarcoscreen.subject/1")]
    pub format: &'static str,
    /// The person first, then whoever was merged into the person: reference, contact data and consent.
    #[schema(value_type = Vec<Object>)]
    pub subjects: Vec<Value>,
    /// Changes of contact data and consent with what stood there before, and merges, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub history: Vec<Value>,
    /// Submissions with answers and whole stored assessments, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub submissions: Vec<Value>,
    /// Cases with all their events and notes, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub follow_ups: Vec<Value>,
    /// Merges of the person, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub merges: Vec<Value>,
    /// Entries of the audit trail that name the person, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub audit_entries: Vec<Value>,
}

impl From<SubjectChange> for SubjectChangeBody {
    fn from(change: SubjectChange) -> Self {
        let (contact, consent) = match change.before {
            Before::Nothing => (None, None),
            Before::Contact(contact) => (Some(contact).filter(|contact| *contact != Contact::default()), None),
            Before::Consent(consent) => (None, Some(consent)),
        };
        Self {
            version: change.version,
            at: change.at,
            credential_id: change.credential_id.map(|id| id.0),
            change: ChangeKindName(change.kind),
            contact_before: contact.map(ContactBody::from),
            consent_before: consent.map(ConsentBody::from),
            merge_id: change.merge_id.map(|id| id.0),
        }
    }
}

impl From<SubjectMerge> for SubjectMergeBody {
    fn from(merge: SubjectMerge) -> Self {
        Self {
            id: merge.merge_id.0,
            kept: merge.kept.0,
            merged: merge.merged.0,
            merged_at: merge.merged_at,
            submission_ids: merge.submission_ids.into_iter().map(|id| id.0).collect(),
            follow_up_ids: merge.follow_up_ids.into_iter().map(|id| id.0).collect(),
            closed_follow_up_id: merge.closed_follow_up.map(|id| id.0),
            undone_at: merge.undone_at,
        }
    }
}

impl From<SubjectExport> for SubjectExportBody {
    fn from(export: SubjectExport) -> Self {
        let SubjectExport { subjects, history, submissions, follow_ups, merges, audit_entries, .. } = export;
        let format = "sarcoscreen.subject/1";
        Self { format, subjects, history, submissions, follow_ups, merges, audit_entries }
    }
}
