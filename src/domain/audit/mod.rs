//! The audit log: which credential did, read or attempted what, on which opaque id, and when. It holds no health data, no
//! references and no names.

pub mod seal;

use jiff::Timestamp;
use uuid::Uuid;

use super::ids::{AuditEntryId, ClinicId, CredentialId, SubjectId};
use super::names::names;
use super::times::Times;

/// The minimum retention period of the audit log, years.
pub const AUDIT_YEARS: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub audit_entry_id: AuditEntryId,
    pub clinic_id: ClinicId,
    pub at: Timestamp,
    /// The credential used; `None` for the operator's command line and for background work.
    pub credential_id: Option<CredentialId>,
    pub action: AuditAction,
    pub outcome: AuditOutcome,
    /// The resource acted on; nil if there is no single one.
    pub resource_id: Uuid,
    /// The distinct resources of refusals that are folded into one entry, as far as there is room.
    pub resource_ids: Vec<Uuid>,
    /// The subject whose data it concerns, if it is one; `None` until the database has resolved it.
    pub subject_id: Option<SubjectId>,
    /// Every subject that a list or search returned.
    pub subject_ids: Vec<SubjectId>,
    /// How many occurrences are folded into this entry.
    pub occurrences: i32,
    pub request_id: Option<Uuid>,
}

impl AuditEntry {
    /// The entry of a success without a credential.
    pub fn new(
        audit_entry_id: AuditEntryId,
        clinic_id: ClinicId,
        at: Timestamp,
        action: AuditAction,
        resource_id: Uuid,
    ) -> Self {
        Self {
            audit_entry_id,
            clinic_id,
            at,
            credential_id: None,
            action,
            outcome: AuditOutcome::Success,
            resource_id,
            resource_ids: Vec::new(),
            subject_id: None,
            subject_ids: Vec::new(),
            occurrences: 1,
            request_id: None,
        }
    }

    /// The entry with its subjects: one is stored as the entry's subject, several as a list.
    #[must_use]
    pub fn about(self, subjects: &[SubjectId]) -> Self {
        let (subject_id, subject_ids) = match subjects {
            [one] => (Some(*one), Vec::new()),
            many => (None, many.to_vec()),
        };
        Self { subject_id, subject_ids, ..self }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEntry {
    pub entry: AuditEntry,
    /// The display name; `None` if no credential was used.
    pub display_name: Option<String>,
}

/// Filter of an audit log query; absent fields do not restrict it. A list is a choice: an entry matches one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub ids: Option<Vec<AuditEntryId>>,
    pub actions: Option<Vec<AuditAction>>,
    pub outcomes: Option<Vec<AuditOutcome>>,
    pub credential_ids: Option<Vec<CredentialId>>,
    /// Only entries about these subjects, alone or in a returned list.
    pub subject_ids: Option<Vec<SubjectId>>,
    /// Only entries about these resources, including folded refusals that name one.
    pub resource_ids: Option<Vec<Uuid>>,
    pub request_id: Option<Uuid>,
    pub at: Option<Times>,
}

names! {
    /// The action, performed or attempted.
    pub enum AuditAction {
        SubmissionCreated = "submission_created",
        SubmissionRead = "submission_read",
        /// A submission was read as assessed by a given rule table.
        SubmissionAssessed = "submission_assessed",
        SubmissionsListed = "submissions_listed",
        SubmissionsExported = "submissions_exported",
        /// A submission reached the end of its retention and was deleted.
        SubmissionRetired = "submission_retired",
        SubmissionErased = "submission_erased",
        FollowUpsListed = "follow_ups_listed",
        FollowUpRead = "follow_up_read",
        FollowUpHistoryRead = "follow_up_history_read",
        FollowUpsExported = "follow_ups_exported",
        /// The next follow-up of the worklist was assigned to the caller.
        FollowUpTaken = "follow_up_taken",
        FollowUpClaimed = "follow_up_claimed",
        FollowUpReleased = "follow_up_released",
        FollowUpReassigned = "follow_up_reassigned",
        FollowUpContacted = "follow_up_contacted",
        FollowUpBooked = "follow_up_booked",
        FollowUpUnbooked = "follow_up_unbooked",
        FollowUpMissed = "follow_up_missed",
        FollowUpClosed = "follow_up_closed",
        FollowUpReopened = "follow_up_reopened",
        FollowUpNoted = "follow_up_noted",
        SubjectsSearched = "subjects_searched",
        SubjectRead = "subject_read",
        SubjectHistoryRead = "subject_history_read",
        SubjectSubmissionsListed = "subject_submissions_listed",
        ContactChanged = "contact_changed",
        ConsentChanged = "consent_changed",
        SubjectsMerged = "subjects_merged",
        MergeUndone = "merge_undone",
        SubjectExported = "subject_exported",
        SubjectErased = "subject_erased",
        /// A subject without remaining data was deleted.
        SubjectRetired = "subject_retired",
        StatsRead = "stats_read",
        AuditEntriesListed = "audit_entries_listed",
        CredentialMinted = "credential_minted",
        CredentialRotated = "credential_rotated",
        CredentialRevoked = "credential_revoked",
        /// The token issuer changed the role or the display name of a credential.
        CredentialChanged = "credential_changed",
        CredentialsListed = "credentials_listed",
        /// A clinic's settings were changed, or it was suspended or resumed.
        ClinicChanged = "clinic_changed",
        WebhookCreated = "webhook_created",
        WebhooksListed = "webhooks_listed",
        WebhookRead = "webhook_read",
        WebhookChanged = "webhook_changed",
        WebhookDeleted = "webhook_deleted",
        WebhookSecretRotated = "webhook_secret_rotated",
        WebhookPinged = "webhook_pinged",
        WebhookDeliveriesListed = "webhook_deliveries_listed",
        WebhookRedelivered = "webhook_redelivered",
        /// A webhook endpoint was disabled because it returned 410 or failed for too long.
        WebhookDisabled = "webhook_disabled",
        /// Audit entries reached the end of their retention and were deleted.
        AuditEntriesPruned = "audit_entries_pruned",
        SignInFailed = "sign_in_failed",
        /// A person began a session of the web pages.
        SignedIn = "signed_in",
        /// A person ended a session. A session that ends by time has no entry.
        SignedOut = "signed_out",
    }

    pub enum AuditOutcome {
        Success = "success",
        /// Not permitted, or rate limited.
        Refused = "refused",
        /// The resource does not exist for this caller.
        NotFound = "not_found",
        /// The state or version of the resource did not allow it.
        Conflict = "conflict",
        Invalid = "invalid",
        Failed = "failed",
    }
}
