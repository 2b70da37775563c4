//! Credentials: mint, list, revoke.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::ambient::{new_id, random};
use super::audit::operator_entry;
use super::{App, AppError};
use crate::domain::actor::Role;
use crate::domain::audit::AuditAction;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::stored::Credential;
use crate::store;

/// Mints a key of 256 random bits. It is handed out here and never again; only its keyed hash is stored.
///
/// # Errors
/// When the clinic is unknown, or the database is away.
pub async fn mint(
    app: &App,
    clinic_id: ClinicId,
    role: Role,
    display_name: &str,
    expires_at: Option<Timestamp>,
) -> Result<(Credential, Zeroizing<String>), AppError> {
    let now = app.ambient.now();
    let prefix = BASE32_NOPAD.encode(&random::<8>(&*app.ambient)?).to_lowercase();
    let secret = Zeroizing::new(random::<32>(&*app.ambient)?);
    let key = Zeroizing::new(format!("sk_{prefix}_{}", BASE64URL_NOPAD.encode(&*secret)));
    debug_assert_eq!(prefix.len(), super::sign_in::PREFIX_LENGTH);
    let credential = Credential {
        clinic_id,
        credential_id: new_id(&*app.ambient, now)?,
        role,
        display_name: display_name.to_owned(),
        prefix,
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    let audit = operator_entry(app, clinic_id, AuditAction::CredentialMinted, credential.credential_id.0)?;
    store::credentials::insert(&app.store, &credential, &key, &audit).await?;
    Ok((credential, key))
}

/// Every credential of a clinic, oldest first, without keys.
///
/// # Errors
/// When the database is away.
pub async fn list(app: &App, clinic_id: ClinicId) -> Result<Vec<Credential>, AppError> {
    Ok(store::credentials::list(&app.store, clinic_id).await?)
}

/// Revokes a credential; it stops working within five seconds, in every process.
///
/// # Errors
/// When there is none that is not revoked yet, or the database is away.
pub async fn revoke(app: &App, clinic_id: ClinicId, credential_id: CredentialId) -> Result<(), AppError> {
    let audit = operator_entry(app, clinic_id, AuditAction::CredentialRevoked, credential_id.0)?;
    let revoked = store::credentials::revoke(&app.store, credential_id, &audit).await?;
    revoked.then_some(()).ok_or(AppError::NotFound)
}
