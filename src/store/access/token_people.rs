//! Credentials that sign in with tokens. The people are authenticated by an issuer, and found by a keyed hash of issuer and
//! subject.

use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::credentials::CredentialRow;
use crate::domain::clinics::{Clinic, Profile};
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::{access::actor::Role, access::credential::Credential, audit::AuditEntry};
use crate::store::database::{Keys, Store, at, keys::Place, known};
use crate::store::error::Result;
use crate::store::{audit, clinics::row::ClinicRow};

/// A person of a token issuer: the hashes that find the credential, under every master key with the current one first, and
/// the sealed plaintext.
pub struct IssuerSubject {
    pub(in crate::store) hashes: Vec<Vec<u8>>,
    clear: Zeroizing<String>,
}

impl IssuerSubject {
    pub fn new(store: &Store, issuer: &str, subject: &str) -> Self {
        Self::with_keys(&store.keys, issuer, subject)
    }

    fn with_keys(keys: &Keys, issuer: &str, subject: &str) -> Self {
        let clear = Zeroizing::new(json!([issuer, subject]).to_string());
        Self { hashes: keys.person_hashes(issuer, subject), clear }
    }

    pub(in crate::store) fn open(keys: &Keys, place: Place, sealed: &[u8]) -> Result<Self> {
        let clear = keys.open(place, sealed)?;
        let (issuer, subject): (String, String) =
            known(serde_json::from_str(&clear).ok(), "credentials", "issuer_subject_sealed")?;
        Ok(Self::with_keys(keys, &issuer, &subject))
    }

    pub(in crate::store) fn columns(&self, keys: &Keys, place: Place) -> Result<(Option<&Vec<u8>>, Vec<u8>)> {
        Ok((self.hashes.first(), keys.seal(place, &self.clear)?))
    }
}

/// Finds a clinic by its id or its exact name, and the person's credential in it. A text that is a valid id is not used as
/// a name.
pub async fn find(store: &Store, clinic: &str, person: &IssuerSubject) -> Result<Option<(Clinic, Option<Credential>)>> {
    let id = Uuid::try_parse(clinic).ok();
    let mut connection = store.auth().await?;
    let row = sqlx::query_as!(
        ClinicRow,
        r#"select clinic_id, name, booking_url, emergency_number, language, pathways, languages,
                  suspended_at is not null as "suspended!", due_today_hours, due_this_week_hours, due_routine_hours,
                  retention_days, audit_retention_years, slug, profile as "profile: Json<Profile>",
                  exists (
                      select from credentials f where f.clinic_id = clinics.clinic_id and f.web_form and f.revoked_at is null
                  ) as "web_form_open!"
           from clinics where clinic_id = $1 or ($1::uuid is null and name = $2)"#,
        id,
        clinic,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(clinic) = row.map(ClinicRow::read).transpose()? else { return Ok(None) };
    let row = sqlx::query!(
        r#"select credential_id, sender_id, role, display_name, prefix, origins, web_form,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp",
                  issuer_subject_hash = $3 and issuer_subject_sealed is not null as "current!"
           from credentials where clinic_id = $1 and issuer_subject_hash = any ($2)"#,
        clinic.clinic_id.0,
        &person.hashes,
        person.hashes.first(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    drop(connection);
    let Some(row) = row else { return Ok(Some((clinic, None))) };
    let credential_id = CredentialId(row.credential_id);
    if !row.current {
        follow_master_key(store, clinic.clinic_id, credential_id, person).await?;
    }
    let credential = CredentialRow {
        credential_id: row.credential_id,
        sender_id: row.sender_id,
        role: row.role,
        display_name: row.display_name,
        prefix: row.prefix,
        origins: row.origins,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        previous_expires_at: row.previous_expires_at,
        web_form: row.web_form,
    }
    .read(clinic.clinic_id)?;
    Ok(Some((clinic, Some(credential))))
}

/// Replaces a hash made with an earlier master key by one made with the current key, so that the earlier key can be
/// removed. Also stores the sealed plaintext if it is missing.
async fn follow_master_key(
    store: &Store,
    clinic_id: ClinicId,
    credential_id: CredentialId,
    person: &IssuerSubject,
) -> Result<()> {
    let (hash, sealed) = person.columns(&store.keys, Place::person(clinic_id, credential_id))?;
    let mut transaction = store.begin(clinic_id).await?;
    sqlx::query!(
        "update credentials set issuer_subject_hash = $3, issuer_subject_sealed = $4, key_version = $5
         where clinic_id = $1 and credential_id = $2",
        clinic_id.0,
        credential_id.0,
        hash,
        sealed,
        i16::from(store.keys.version()?),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Adds a person's credential and its audit entry in one transaction. Does nothing if the person got a credential in
/// between.
pub async fn insert(store: &Store, credential: &Credential, person: &IssuerSubject, audit: &AuditEntry) -> Result<()> {
    let (clinic_id, credential_id) = (credential.clinic_id, credential.credential_id);
    let (hash, sealed) = person.columns(&store.keys, Place::person(clinic_id, credential_id))?;
    let mut transaction = store.begin(credential.clinic_id).await?;
    let done = sqlx::query!(
        "insert into credentials (clinic_id, credential_id, sender_id, role, display_name, issuer_subject_hash,
             issuer_subject_sealed, created_at, key_version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (clinic_id, issuer_subject_hash) do nothing",
        clinic_id.0,
        credential_id.0,
        credential.sender_id.0,
        credential.role.as_str(),
        credential.display_name,
        hash,
        sealed,
        at(credential.created_at) as _,
        i16::from(store.keys.version()?),
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 1 {
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(())
}

/// Updates the role and display name of a person's credential to the values that the issuer sent.
pub async fn update(
    store: &Store,
    credential_id: CredentialId,
    role: Role,
    display_name: &str,
    audit: &AuditEntry,
) -> Result<()> {
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
    audit::commit(&store.keys, transaction, audit).await
}
