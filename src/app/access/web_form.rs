//! The web form of a clinic as a credential: opened and closed by the operator.

use super::credentials;
use crate::app::ambient::new_id;
use crate::app::audit::operator_entry;
use crate::app::{App, AppError, Result};
use crate::domain::access::actor::Role;
use crate::domain::access::credential::{Credential, CredentialDraft, WEB_FORM_NAME};
use crate::domain::audit::AuditAction;
use crate::domain::clinics::Clinic;
use crate::domain::ids::{ClinicId, CredentialId, SenderId};
use crate::store;

/// Opens the web form of a clinic, within five seconds in every process. `origins` are the web sites that may embed it; without
/// any, those of the form before. Other origins close an open form and open a new one. Every form of a clinic has the same
/// sender, so that a retry has no second effect. Fails when the clinic lacks a setting that the form needs.
pub async fn open(app: &App, clinic: &Clinic, origins: Option<Vec<String>>) -> Result<()> {
    let faults = clinic.web_form_faults();
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults));
    }
    let (clinic_id, now) = (clinic.clinic_id, app.ambient.now());
    let before = store::access::web_forms::latest(&app.store, clinic_id).await?;
    let draft = CredentialDraft {
        role: Role::Browser,
        display_name: WEB_FORM_NAME.to_owned(),
        expires_at: None,
        origins: origins.or_else(|| before.as_ref().map(|form| form.origins.clone())).unwrap_or_default(),
        replaces: None,
    };
    let draft = draft.checked(now).map_err(AppError::Faulty)?;
    if let Some(form) = before.as_ref().filter(|form| form.revoked_at.is_none()) {
        if form.origins == draft.origins {
            return Ok(());
        }
        credentials::revoke(app, clinic_id, form.credential_id).await?;
    }
    let credential_id: CredentialId = new_id(&*app.ambient, now)?;
    let credential = Credential {
        clinic_id,
        credential_id,
        sender_id: before.map_or(SenderId(credential_id.0), |form| form.sender_id),
        role: draft.role,
        display_name: draft.display_name,
        prefix: None,
        origins: draft.origins,
        created_at: now,
        expires_at: None,
        revoked_at: None,
        previous_key_until: None,
        web_form: true,
    };
    let audit = operator_entry(app, clinic_id, AuditAction::CredentialMinted, credential_id.0)?;
    Ok(store::access::web_forms::insert(&app.store, &credential, &audit).await?)
}

/// Whether the web form of a clinic is open, or was open before.
pub async fn was_opened(app: &App, clinic_id: ClinicId) -> Result<bool> {
    Ok(store::access::web_forms::latest(&app.store, clinic_id).await?.is_some())
}

/// Closes the web form of a clinic, within five seconds in every process. Does nothing if it is closed.
pub async fn close(app: &App, clinic_id: ClinicId) -> Result<()> {
    match store::access::web_forms::latest(&app.store, clinic_id).await? {
        Some(form) if form.revoked_at.is_none() => credentials::revoke(app, clinic_id, form.credential_id).await,
        _ => Ok(()),
    }
}
