//! The audit trail: who did, saw or tried what with which opaque id, and when. No health data, no reference, no name.

use jiff::Timestamp;
use uuid::Uuid;

use super::ids::{AuditEntryId, ClinicId, CredentialId, SubjectId};

/// One entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The entry's id.
    pub audit_entry_id: AuditEntryId,
    /// The clinic whose data it concerns.
    pub clinic_id: ClinicId,
    /// When.
    pub at: Timestamp,
    /// Who; `None` for the operator's command line and background work.
    pub credential_id: Option<CredentialId>,
    /// What was done, or tried.
    pub action: AuditAction,
    /// What became of it.
    pub outcome: AuditOutcome,
    /// To what; nil where it is no single thing.
    pub resource_id: Uuid,
    /// The different things that refusals named which are told in one entry, as far as there is room.
    pub resource_ids: Vec<Uuid>,
    /// Whose data it is, where it is one person's; `None` until the database has resolved it.
    pub subject_id: Option<SubjectId>,
    /// Everybody that a list or search showed.
    pub subject_ids: Vec<SubjectId>,
    /// How often, where repetitions are told in one entry.
    pub occurrences: i32,
    /// The request it belongs to.
    pub request_id: Option<Uuid>,
}

/// An entry with the display name of the credential used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedEntry {
    /// The entry.
    pub entry: AuditEntry,
    /// The name; `None` where no credential was used.
    pub display_name: Option<String>,
}

/// Which entries a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this action.
    pub action: Option<AuditAction>,
    /// Only this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Only what this credential did.
    pub credential_id: Option<CredentialId>,
    /// Only what is about this person, alone or in a list that was shown.
    pub subject_id: Option<SubjectId>,
    /// Only what was done to this, or refusals told together that named it.
    pub resource_id: Option<Uuid>,
    /// Only what belongs to this request.
    pub request_id: Option<Uuid>,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident: $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// Its name on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// Reads a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.as_str() == name)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
                let unknown = || serde::de::Error::unknown_variant(&name, &[$($text),*]);
                Self::parse(&name).ok_or_else(unknown)
            }
        }
    };
}

pub(super) use names;

names! {
    /// What was done, or tried.
    AuditAction:
    /// A submission was stored.
    SubmissionCreated = "submission_created",
    /// A submission was read.
    SubmissionRead = "submission_read",
    /// A submission was read as a rule table assesses it.
    SubmissionAssessed = "submission_assessed",
    /// Submissions were listed.
    SubmissionsListed = "submissions_listed",
    /// Submissions were exported.
    SubmissionsExported = "submissions_exported",
    /// A submission reached the end of its retention and was removed.
    SubmissionRetired = "submission_retired",
    /// The worklist was read.
    FollowUpsListed = "follow_ups_listed",
    /// A case was read.
    FollowUpRead = "follow_up_read",
    /// The history of a case was read.
    FollowUpHistoryRead = "follow_up_history_read",
    /// Cases were exported.
    FollowUpsExported = "follow_ups_exported",
    /// The next case was taken.
    FollowUpTaken = "follow_up_taken",
    /// A case was claimed.
    FollowUpClaimed = "follow_up_claimed",
    /// A case was given back.
    FollowUpReleased = "follow_up_released",
    /// A case was given to somebody.
    FollowUpReassigned = "follow_up_reassigned",
    /// The person was contacted, or an attempt was made.
    FollowUpContacted = "follow_up_contacted",
    /// An appointment was made.
    FollowUpBooked = "follow_up_booked",
    /// An appointment was cancelled.
    FollowUpUnbooked = "follow_up_unbooked",
    /// The person did not come to the appointment.
    FollowUpMissed = "follow_up_missed",
    /// A case was closed.
    FollowUpClosed = "follow_up_closed",
    /// A case was opened again.
    FollowUpReopened = "follow_up_reopened",
    /// A note was added.
    FollowUpNoted = "follow_up_noted",
    /// Persons were searched.
    SubjectsSearched = "subjects_searched",
    /// A person was read.
    SubjectRead = "subject_read",
    /// The changes of a person were read.
    SubjectHistoryRead = "subject_history_read",
    /// What a person submitted was listed.
    SubjectSubmissionsListed = "subject_submissions_listed",
    /// Contact data were changed.
    ContactChanged = "contact_changed",
    /// Consent was given or withdrawn.
    ConsentChanged = "consent_changed",
    /// Two subjects were merged.
    SubjectsMerged = "subjects_merged",
    /// A merge was undone.
    MergeUndone = "merge_undone",
    /// Everything about a person was exported.
    SubjectExported = "subject_exported",
    /// A person was erased.
    SubjectErased = "subject_erased",
    /// A person of whom nothing was left to keep was removed.
    SubjectRetired = "subject_retired",
    /// Statistics were read.
    StatsRead = "stats_read",
    /// The trail was read.
    AuditEntriesListed = "audit_entries_listed",
    /// A credential was minted.
    CredentialMinted = "credential_minted",
    /// A credential got a new key.
    CredentialRotated = "credential_rotated",
    /// A credential was revoked.
    CredentialRevoked = "credential_revoked",
    /// The issuer of tokens changed what a person may do, or is called.
    CredentialChanged = "credential_changed",
    /// Credentials were listed.
    CredentialsListed = "credentials_listed",
    /// A clinic's settings were changed, or it was suspended or resumed.
    ClinicChanged = "clinic_changed",
    /// A webhook endpoint was registered.
    WebhookCreated = "webhook_created",
    /// Webhook endpoints were listed.
    WebhooksListed = "webhooks_listed",
    /// A webhook endpoint was read.
    WebhookRead = "webhook_read",
    /// A webhook endpoint was changed.
    WebhookChanged = "webhook_changed",
    /// A webhook endpoint was removed.
    WebhookDeleted = "webhook_deleted",
    /// A webhook endpoint got a new secret.
    WebhookSecretRotated = "webhook_secret_rotated",
    /// A ping was sent to a webhook endpoint.
    WebhookPinged = "webhook_pinged",
    /// What was sent to a webhook endpoint was listed.
    WebhookDeliveriesListed = "webhook_deliveries_listed",
    /// What was sent to a webhook endpoint is sent again.
    WebhookRedelivered = "webhook_redelivered",
    /// A webhook endpoint was disabled because it answered 410, or nothing but failures.
    WebhookDisabled = "webhook_disabled",
    /// Entries of the audit log reached the end of their retention and were removed.
    AuditEntriesPruned = "audit_entries_pruned",
    /// Somebody could not sign in.
    SignInFailed = "sign_in_failed",
}

names! {
    /// What became of it.
    AuditOutcome:
    /// It was done, or shown.
    Success = "success",
    /// The caller may not, or not that often.
    Refused = "refused",
    /// There is no such thing for this caller.
    NotFound = "not_found",
    /// Its state or version did not allow it.
    Conflict = "conflict",
    /// What was sent has faults.
    Invalid = "invalid",
    /// The service could not.
    Failed = "failed",
}
