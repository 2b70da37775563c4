//! Failed sign-ins in the system's audit log, folded as refusals are. No address and no part of a key is stored.

use uuid::Uuid;

use crate::app::App;
use crate::app::audit::folding::count;
use crate::app::audit::refusal_counts::{Kind, Refusal};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::ids::{ClinicId, CredentialId};

pub use crate::app::audit::folding::{tell_all, tell_due};

/// Audits a failed sign-in: of a known credential, or of none. It does not wait for the write, because the
/// response does not depend on it.
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
