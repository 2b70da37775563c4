//! Failed sign-ins, in the system's audit log, folded as refusals are. No address and no part of a key is kept.

use uuid::Uuid;

use super::App;
use super::folding::{Kind, Refusal, count};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::ids::{ClinicId, CredentialId};

pub use super::folding::{tell_all, tell_due};

/// Puts a failed sign-in on record: of a credential whose key was almost right, or of none that is known. It does not wait,
/// since the answer tells the caller nothing that depends on it.
pub fn record(app: &App, credential_id: Option<CredentialId>) {
    let kind = Kind {
        clinic_id: ClinicId(Uuid::nil()),
        credential_id: None,
        action: AuditAction::SignInFailed,
        outcome: AuditOutcome::Refused,
        resource_id: credential_id.map_or(Uuid::nil(), |id| id.0),
    };
    count(app, kind, Refusal::default());
}
