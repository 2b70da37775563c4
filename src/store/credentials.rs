//! Credentials: only a keyed hash of each key is stored.

use super::clinics::ClinicRow;
use super::row::{at, known};
use super::{Store, StoreError, audit};
use crate::domain::actor::Role;
use crate::domain::audit::AuditEntry;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::stored::{Clinic, Credential};

/// A credential found by its key, with its clinic.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The credential.
    pub credential: Credential,
    /// Its clinic.
    pub clinic: Clinic,
}

/// Adds a credential and its audit entry in one transaction.
///
/// # Errors
/// When the clinic is unknown, or the database is away.
pub async fn insert(store: &Store, credential: &Credential, key: &str, audit: &AuditEntry) -> Result<(), StoreError> {
    let key_hash = store.keys.credential_hash(key);
    let mut transaction = store.begin(credential.clinic_id).await?;
    sqlx::query!(
        "insert into credentials
             (clinic_id, credential_id, role, display_name, prefix, key_hash, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        credential.clinic_id.0,
        credential.credential_id.0,
        credential.role.as_str(),
        credential.display_name,
        credential.prefix,
        key_hash.as_slice(),
        at(credential.created_at) as _,
        credential.expires_at.map(at) as _,
    )
    .execute(&mut *transaction)
    .await?;
    audit::insert(&mut transaction, audit).await?;
    transaction.commit().await?;
    Ok(())
}

/// Finds the credential of a key: by its prefix, then by comparing hashes. A revoked one is found too; whether it may
/// act is not decided here.
///
/// # Errors
/// When the database is away.
pub async fn find_by_key(store: &Store, prefix: &str, key: &str) -> Result<Option<SignedIn>, StoreError> {
    let row = sqlx::query!(
        r#"select c.clinic_id, c.credential_id, c.role, c.display_name, c.key_hash,
                  c.created_at as "created_at: jiff_sqlx::Timestamp",
                  c.expires_at as "expires_at: jiff_sqlx::Timestamp",
                  c.revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  k.name, k.booking_url, k.emergency_number, k.language, k.pathways, k.languages,
                  k.suspended_at is not null as "suspended!", k.due_today_hours, k.due_this_week_hours,
                  k.due_routine_hours, k.retention_days
           from credentials c join clinics k on k.clinic_id = c.clinic_id
           where c.prefix = $1"#,
        prefix
    )
    .fetch_optional(&mut *store.auth().await?)
    .await?;
    let Some(row) = row.filter(|row| {
        let kept = row.key_hash.as_deref().unwrap_or_default();
        super::keys::equal(kept, &store.keys.credential_hash(key))
    }) else {
        return Ok(None);
    };
    let clinic_id = ClinicId(row.clinic_id);
    Ok(Some(SignedIn {
        credential: Credential {
            clinic_id,
            credential_id: CredentialId(row.credential_id),
            role: known(Role::parse(&row.role), "credentials", "role")?,
            display_name: row.display_name,
            prefix: prefix.to_owned(),
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
        },
        clinic: Clinic::try_from(ClinicRow {
            clinic_id: row.clinic_id,
            name: row.name,
            booking_url: row.booking_url,
            emergency_number: row.emergency_number,
            language: row.language,
            pathways: row.pathways,
            languages: row.languages,
            suspended: row.suspended,
            due_today_hours: row.due_today_hours,
            due_this_week_hours: row.due_this_week_hours,
            due_routine_hours: row.due_routine_hours,
            retention_days: row.retention_days,
        })?,
    }))
}

/// Every credential of a clinic, oldest first.
///
/// # Errors
/// When the database is away.
pub async fn list(store: &Store, clinic_id: ClinicId) -> Result<Vec<Credential>, StoreError> {
    let rows = sqlx::query!(
        r#"select credential_id, role, display_name, prefix,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp"
           from credentials where clinic_id = $1 order by created_at, credential_id"#,
        clinic_id.0
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Credential {
                clinic_id,
                credential_id: CredentialId(row.credential_id),
                role: known(Role::parse(&row.role), "credentials", "role")?,
                display_name: row.display_name,
                prefix: row.prefix.unwrap_or_default(),
                created_at: row.created_at.to_jiff(),
                expires_at: row.expires_at.map(jiff_sqlx::Timestamp::to_jiff),
                revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// Revokes a credential; `false` when there is none that is not revoked yet.
///
/// # Errors
/// When the database is away.
pub async fn revoke(store: &Store, credential_id: CredentialId, audit: &AuditEntry) -> Result<bool, StoreError> {
    let mut transaction = store.begin(audit.clinic_id).await?;
    let revoked = sqlx::query!(
        "update credentials set revoked_at = $3
         where clinic_id = $1 and credential_id = $2 and revoked_at is null",
        audit.clinic_id.0,
        credential_id.0,
        at(audit.at) as _,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected()
        == 1;
    if revoked {
        audit::insert(&mut transaction, audit).await?;
        transaction.commit().await?;
    }
    Ok(revoked)
}
