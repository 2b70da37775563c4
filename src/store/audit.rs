//! Audit entries: added by the transaction that does the work, or many at once by the writer. Each waits to be sealed.

use sqlx::PgConnection;

use super::StoreError;
use super::row::at;
use crate::domain::audit::AuditEntry;

/// Adds one entry in the transaction that does the work.
pub(super) async fn insert(connection: &mut PgConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    insert_all(connection, std::slice::from_ref(entry)).await
}

/// Adds entries, of whatever clinics, with one statement.
pub(super) async fn insert_all(connection: &mut PgConnection, entries: &[AuditEntry]) -> Result<(), StoreError> {
    let clinics: Vec<_> = entries.iter().map(|entry| entry.clinic_id.0).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry.audit_entry_id.0).collect();
    let times: Vec<_> = entries.iter().map(|entry| at(entry.at)).collect();
    let credentials: Vec<_> = entries.iter().map(|entry| entry.credential_id.map(|id| id.0)).collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str().to_owned()).collect();
    let outcomes: Vec<_> = entries.iter().map(|entry| entry.outcome.as_str().to_owned()).collect();
    let resources: Vec<_> = entries.iter().map(|entry| entry.resource_id).collect();
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject_id.map(|id| id.0)).collect();
    let shown: Vec<_> = entries.iter().map(shown).collect();
    let occurrences: Vec<_> = entries.iter().map(|entry| entry.occurrences).collect();
    let requests: Vec<_> = entries.iter().map(|entry| entry.request_id).collect();
    sqlx::query!(
        "with entries as (
             insert into audit_entries
                 (clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id, subject_ids,
                  occurrences, request_id)
             select clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id,
                    shown::uuid[], occurrences, request_id
             from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[], $7::uuid[],
                         $8::uuid[], $9::text[], $10::integer[], $11::uuid[])
                  as e (clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id, shown,
                        occurrences, request_id)
         )
         insert into audit_pending (clinic_id, audit_entry_id) select * from unnest($1::uuid[], $2::uuid[])",
        &clinics,
        &ids,
        &times as _,
        &credentials as _,
        &actions,
        &outcomes,
        &resources,
        &subjects as _,
        &shown,
        &occurrences,
        &requests as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The persons shown, as the text of an array: arrays of arrays cannot be taken apart again by their rows.
fn shown(entry: &AuditEntry) -> String {
    let ids: Vec<_> = entry.subject_ids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", ids.join(","))
}
