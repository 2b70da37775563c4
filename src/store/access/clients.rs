//! Credentials of systems that sign in with assertions (SMART backend services).

use serde_json::Value;
use sqlx::types::Json;

use super::credentials::{CredentialRow, SignedIn};
use crate::domain::access::client_token::{ClientId, ClientKeys};
use crate::domain::access::credential::Credential;
use crate::domain::audit::AuditEntry;
use crate::domain::clinics::Profile;
use crate::domain::ids::CredentialId;
use crate::store::database::{Store, at};
use crate::store::{audit, clinics::row::ClinicRow, error::Result};

/// The columns of keys: a document, or an address.
fn columns(keys: &ClientKeys) -> (Option<Json<&Value>>, Option<&str>) {
    match keys {
        ClientKeys::Document(document) => (Some(Json(document)), None),
        ClientKeys::Address(address) => (None, Some(address.as_str())),
    }
}

/// Adds a system's credential and its audit entry in one transaction. Fails when the clinic does not exist.
pub async fn insert(store: &Store, credential: &Credential, keys: &ClientKeys, audit: &AuditEntry) -> Result<()> {
    let (document, address) = columns(keys);
    let mut transaction = store.begin(credential.clinic_id).await?;
    sqlx::query!(
        "insert into credentials
             (clinic_id, credential_id, role, display_name, created_at, expires_at, key_version, sender_id, client_keys,
              client_keys_address)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        credential.clinic_id.0,
        credential.credential_id.0,
        credential.role.as_str(),
        credential.display_name,
        at(credential.created_at) as _,
        credential.expires_at.map(at) as _,
        i16::from(store.keys.version()?),
        credential.sender_id.0,
        document as _,
        address,
    )
    .execute(&mut *transaction)
    .await?;
    audit::commit(&store.keys, transaction, audit).await
}

/// Replaces the keys of a system, with the audit entry in one transaction. `false` when no such credential has keys of a system
/// and still works.
pub async fn replace_keys(
    store: &Store,
    credential_id: CredentialId,
    keys: &ClientKeys,
    audit: &AuditEntry,
) -> Result<bool> {
    let (document, address) = columns(keys);
    let mut transaction = store.begin(audit.clinic_id).await?;
    let done = sqlx::query!(
        "update credentials set client_keys = $3, client_keys_address = $4, rotated_at = $5
         where clinic_id = $1 and credential_id = $2 and num_nonnulls(client_keys, client_keys_address) = 1
             and revoked_at is null and (expires_at is null or expires_at > $5)",
        audit.clinic_id.0,
        credential_id.0,
        document as _,
        address,
        at(audit.at) as _,
    )
    .execute(&mut *transaction)
    .await?;
    let replaced = done.rows_affected() == 1;
    if replaced {
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(replaced)
}

/// Finds a system's credential with its clinic and its keys. A revoked or expired one is returned too; the caller decides
/// whether it may act. `None` if the credential does not exist or signs in otherwise.
pub async fn find(store: &Store, client: ClientId) -> Result<Option<(SignedIn, ClientKeys)>> {
    let mut connection = store.auth().await?;
    let row = sqlx::query!(
        r#"select sender_id, role, display_name, origins, client_keys as "client_keys: Json<Value>", client_keys_address,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp"
           from credentials where clinic_id = $1 and credential_id = $2"#,
        client.clinic_id.0,
        client.credential_id.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let keys = match (row.client_keys, row.client_keys_address) {
        (Some(Json(document)), _) => ClientKeys::Document(document),
        (None, Some(address)) => ClientKeys::Address(address),
        (None, None) => return Ok(None),
    };
    let clinic = sqlx::query_as!(
        ClinicRow,
        r#"select clinic_id, name, booking_url, emergency_number, language, pathways, languages,
                  suspended_at is not null as "suspended!", due_today_hours, due_this_week_hours, due_routine_hours,
                  retention_days, audit_retention_years, slug, profile as "profile: Json<Profile>",
                  exists (
                      select from credentials f where f.clinic_id = clinics.clinic_id and f.web_form and f.revoked_at is null
                  ) as "web_form_open!"
           from clinics where clinic_id = $1"#,
        client.clinic_id.0,
    )
    .fetch_one(&mut *connection)
    .await?;
    let credential = CredentialRow {
        credential_id: client.credential_id.0,
        sender_id: row.sender_id,
        role: row.role,
        display_name: row.display_name,
        prefix: None,
        origins: row.origins,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        previous_expires_at: None,
        web_form: false,
    };
    let (credential, clinic) = (credential.read(client.clinic_id)?, clinic.read()?);
    Ok(Some((SignedIn { credential, clinic, until: None }, keys)))
}
