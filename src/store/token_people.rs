//! Credentials that sign in with tokens: people whom an issuer vouches for, found by a keyed hash of issuer and subject.

use uuid::Uuid;

use super::clinic_row::ClinicRow;
use super::credentials::CredentialRow;
use super::row::at;
use super::subject_row::sealing;
use super::{Store, StoreError, audit};
use crate::domain::actor::Role;
use crate::domain::audit::AuditEntry;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::stored::{Clinic, Credential};

/// What stands for a person of an issuer, under every master key, the current one first.
pub type PersonHashes = Vec<Vec<u8>>;

/// A clinic by its id or its exact name, and its credential of a person, if there are such. A text that is an id is not
/// taken for a name.
///
/// # Errors
/// When the database is away.
pub async fn find(
    store: &Store,
    clinic: &str,
    person: &PersonHashes,
) -> Result<Option<(Clinic, Option<Credential>)>, StoreError> {
    let id = Uuid::try_parse(clinic).ok();
    let mut connection = store.auth().await?;
    let row = sqlx::query_as!(
        ClinicRow,
        r#"select clinic_id, name, booking_url, emergency_number, language, pathways, languages,
                  suspended_at is not null as "suspended!", due_today_hours, due_this_week_hours, due_routine_hours,
                  retention_days, audit_retention_years
           from clinics where clinic_id = $1 or ($1::uuid is null and name = $2)"#,
        id,
        clinic,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(clinic) = row.map(Clinic::try_from).transpose()? else { return Ok(None) };
    let row = sqlx::query_as!(
        CredentialRow,
        r#"select credential_id, role, display_name, prefix, origins,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp"
           from credentials where clinic_id = $1 and issuer_subject_hash = any ($2)"#,
        clinic.clinic_id.0,
        person,
    )
    .fetch_optional(&mut *connection)
    .await?;
    drop(connection);
    let credential = row.map(|row| row.read(clinic.clinic_id)).transpose()?;
    if credential.is_some() {
        follow_master_key(store, clinic.clinic_id, person).await?;
    }
    Ok(Some((clinic, credential)))
}

/// A hash that an earlier master key made gives way to the current one's, so that the earlier key can be left behind.
async fn follow_master_key(store: &Store, clinic_id: ClinicId, person: &PersonHashes) -> Result<(), StoreError> {
    let Some((current, [_, ..])) = person.split_first() else { return Ok(()) };
    let mut transaction = store.begin(clinic_id).await?;
    sqlx::query!(
        "update credentials set issuer_subject_hash = $3, key_version = $4
         where clinic_id = $1 and issuer_subject_hash = any ($2) and issuer_subject_hash <> $3",
        clinic_id.0,
        person,
        current,
        i16::from(store.keys.version().map_err(sealing)?),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Adds a person's credential and its audit entry in one transaction; nothing when the person got one meanwhile.
///
/// # Errors
/// When the database is away.
pub async fn insert(
    store: &Store,
    credential: &Credential,
    person: &PersonHashes,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    let mut transaction = store.begin(credential.clinic_id).await?;
    let done = sqlx::query!(
        "insert into credentials (clinic_id, credential_id, role, display_name, issuer_subject_hash, created_at, key_version)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (clinic_id, issuer_subject_hash) do nothing",
        credential.clinic_id.0,
        credential.credential_id.0,
        credential.role.as_str(),
        credential.display_name,
        person.first(),
        at(credential.created_at) as _,
        i16::from(store.keys.version().map_err(sealing)?),
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 1 {
        audit::insert(&store.keys, &mut transaction, audit).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// Brings the role and name of a person's credential up to what the issuer says now.
///
/// # Errors
/// When the database is away.
pub async fn update(
    store: &Store,
    credential_id: CredentialId,
    role: Role,
    display_name: &str,
    audit: &AuditEntry,
) -> Result<(), StoreError> {
    let mut transaction = store.begin(audit.clinic_id).await?;
    sqlx::query!(
        "update credentials set role = $3, display_name = $4
         where clinic_id = $1 and credential_id = $2 and issuer_subject_hash is not null and revoked_at is null",
        audit.clinic_id.0,
        credential_id.0,
        role.as_str(),
        display_name,
    )
    .execute(&mut *transaction)
    .await?;
    audit::insert(&store.keys, &mut transaction, audit).await?;
    transaction.commit().await?;
    Ok(())
}
