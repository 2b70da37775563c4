//! Audit entries, written by the transaction that does the work.

use sqlx::PgConnection;

use super::StoreError;
use super::row::at;
use crate::domain::audit::AuditEntry;

pub(super) async fn insert(connection: &mut PgConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_entries
             (clinic_id, audit_entry_id, at, credential_id, action, resource_id, subject_id, request_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        entry.clinic_id.0,
        entry.audit_entry_id.0,
        at(entry.at) as _,
        entry.credential_id.map(|id| id.0),
        entry.action.as_str(),
        entry.resource_id,
        entry.subject_id.map(|id| id.0),
        entry.request_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}
