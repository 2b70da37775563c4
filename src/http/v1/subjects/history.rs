//! The history of a subject in the API: changes, merges and the full export.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::body::ConsentBody;
use crate::domain::subjects::Contact;
use crate::domain::subjects::history::{Before, SubjectChange, SubjectExport, SubjectMerge};
use crate::http::kernel::names::ChangeKindName;
use crate::http::kernel::paging::page;
use crate::http::v1::contact::ContactBody;

/// One change of a subject.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SubjectChange)]
pub struct SubjectChangeBody {
    /// Version of the subject after the change.
    #[schema(minimum = 1)]
    pub version: i32,
    /// When the change was made.
    pub at: Timestamp,
    /// Id of the credential that made the change; null for the operator.
    pub credential_id: Option<Uuid>,
    /// The kind of change.
    pub change: ChangeKindName,
    /// Previous contact data; null if there were none, or without consent to contact.
    pub contact_before: Option<ContactBody>,
    /// Previous consent.
    pub consent_before: Option<ConsentBody>,
    /// Id of the merge that was made or undone.
    pub merge_id: Option<Uuid>,
}

/// The subject to merge into the subject of the path.
#[derive(Clone, Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubjectMergeInput)]
pub struct SubjectMergeInput {
    /// Id of the subject to merge; the subject of the path is kept.
    #[schema(required, value_type = Uuid)]
    pub merged: Option<Uuid>,
}

/// A merge of two subjects that are the same person.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubjectMerge)]
pub struct SubjectMergeBody {
    /// Id of the merge.
    pub id: Uuid,
    /// Id of the subject that is kept.
    pub kept: Uuid,
    /// Id of the subject that was merged.
    pub merged: Uuid,
    /// When the merge was made.
    pub merged_at: Timestamp,
    /// Ids of the submissions that were moved.
    pub submission_ids: Vec<Uuid>,
    /// Ids of the follow-ups that were moved.
    pub follow_up_ids: Vec<Uuid>,
    /// Id of the follow-up that was closed because the kept subject already had an open one.
    pub closed_follow_up_id: Option<Uuid>,
    /// When the merge was undone; null in the response to the merge itself.
    pub undone_at: Option<Timestamp>,
}

/// Everything stored about a subject: rows and columns as in the database, with encrypted values decrypted.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SubjectExport)]
pub struct SubjectExportBody {
    /// Format of this document.
    #[schema(example = "sarcoscreen.subject/1")]
    pub format: &'static str,
    /// The subject first, then the subjects merged into it: reference, contact data and consent.
    #[schema(value_type = Vec<Object>)]
    pub subjects: Vec<Value>,
    /// Changes of contact data and consent with the previous values, and merges, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub history: Vec<Value>,
    /// Submissions with answers and complete stored assessments, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub submissions: Vec<Value>,
    /// Follow-ups with all events and notes, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub follow_ups: Vec<Value>,
    /// Merges of the subject, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub merges: Vec<Value>,
    /// Audit entries that name the subject, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub audit_entries: Vec<Value>,
}

page!(
    /// A page of a subject's changes, newest first.
    SubjectChangePage of SubjectChangeBody, from SubjectChange
);

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
