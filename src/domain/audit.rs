//! The audit trail: who did what to which opaque id, and when. No health data, no reference, no name.

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
    /// Who; `None` for the operator's command line.
    pub credential_id: Option<CredentialId>,
    /// What was done.
    pub action: AuditAction,
    /// To what.
    pub resource_id: Uuid,
    /// Whose data it is; `None` until the database has resolved it, and for credentials.
    pub subject_id: Option<SubjectId>,
    /// The request it belongs to.
    pub request_id: Option<Uuid>,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// A submission was stored.
    SubmissionCreated,
    /// A credential was minted.
    CredentialMinted,
    /// A credential was revoked.
    CredentialRevoked,
}

impl AuditAction {
    /// The action's name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubmissionCreated => "submission_created",
            Self::CredentialMinted => "credential_minted",
            Self::CredentialRevoked => "credential_revoked",
        }
    }
}
