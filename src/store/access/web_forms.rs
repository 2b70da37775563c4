//! The credentials of web forms. Each clinic has at most one that is not revoked.

use std::collections::HashMap;

use sqlx::types::Json;
use uuid::Uuid;

use super::credentials::{CredentialRow, SignedIn};
use crate::domain::clinics::Profile;
use crate::domain::ids::ClinicId;
use crate::domain::{access::credential::Credential, audit::AuditEntry};
use crate::store::database::{Store, at};
use crate::store::{audit, clinics::row::ClinicRow, error::Result};

/// The open web forms of all clinics.
pub async fn open(store: &Store) -> Result<Vec<SignedIn>> {
    let mut connection = store.auth().await?;
    let rows = sqlx::query!(
        r#"select clinic_id, credential_id, sender_id, role, display_name, prefix, origins, web_form,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp"
           from credentials where web_form and revoked_at is null"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.clinic_id).collect();
    let clinics = sqlx::query_as!(
        ClinicRow,
        r#"select clinic_id, name, booking_url, emergency_number, language, pathways, languages,
                  suspended_at is not null as "suspended!", due_today_hours, due_this_week_hours, due_routine_hours,
                  retention_days, audit_retention_years, slug, profile as "profile: Json<Profile>",
                  true as "web_form_open!"
           from clinics where clinic_id = any($1)"#,
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut clinics: HashMap<Uuid, ClinicRow> = clinics.into_iter().map(|row| (row.clinic_id, row)).collect();
    let mut forms = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(clinic) = clinics.remove(&row.clinic_id) else { continue };
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
        };
        let credential = credential.read(ClinicId(row.clinic_id))?;
        forms.push(SignedIn { credential, clinic: clinic.read()?, until: None });
    }
    Ok(forms)
}

/// The latest web form of a clinic, revoked or not.
pub async fn latest(store: &Store, clinic_id: ClinicId) -> Result<Option<Credential>> {
    let row = sqlx::query_as!(
        CredentialRow,
        r#"select credential_id, sender_id, role, display_name, prefix, origins, web_form,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  expires_at as "expires_at: jiff_sqlx::Timestamp",
                  revoked_at as "revoked_at: jiff_sqlx::Timestamp",
                  previous_expires_at as "previous_expires_at: jiff_sqlx::Timestamp"
           from credentials where clinic_id = $1 and web_form
           order by revoked_at is not null, created_at desc, credential_id desc limit 1"#,
        clinic_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(|row| row.read(clinic_id)).transpose()
}

/// Adds a web form and its audit entry in one transaction. Does nothing if the clinic got one in between.
pub async fn insert(store: &Store, credential: &Credential, audit: &AuditEntry) -> Result<()> {
    let mut transaction = store.begin(credential.clinic_id).await?;
    let done = sqlx::query!(
        "insert into credentials (clinic_id, credential_id, sender_id, role, display_name, created_at, origins, web_form)
         values ($1, $2, $3, $4, $5, $6, $7, true)
         on conflict (clinic_id) where web_form and revoked_at is null do nothing",
        credential.clinic_id.0,
        credential.credential_id.0,
        credential.sender_id.0,
        credential.role.as_str(),
        credential.display_name,
        at(credential.created_at) as _,
        &credential.origins,
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 1 {
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(())
}
