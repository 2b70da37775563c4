//! Audit entries. The transaction that does the work adds its own entry; the audit writer adds many at once. A later job
//! seals them.

pub mod entries;
pub(super) mod macs;
pub mod pruning;
pub mod seals;
pub mod trail;
pub mod writer;

use super::database::{Connection, Keys, array_text, at, session::Session};
use super::error::Result;
use crate::domain::{audit::AuditEntry, audit::seal::Columns};
use macs::{entry_mac, version};

pub(super) async fn insert(keys: &Keys, connection: &mut Connection, entry: &AuditEntry) -> Result<()> {
    insert_all(keys, connection, std::slice::from_ref(entry)).await
}

/// Adds the entry of the work of a transaction, and commits both.
pub(super) async fn commit(keys: &Keys, mut transaction: Session, entry: &AuditEntry) -> Result<()> {
    insert(keys, &mut transaction, entry).await?;
    transaction.commit().await
}

/// Adds entries of any clinics with one statement. The keyed hash of each entry is stored in `audit_pending` until the
/// entry is sealed.
pub(super) async fn insert_all(keys: &Keys, connection: &mut Connection, entries: &[AuditEntry]) -> Result<()> {
    let clinics: Vec<_> = entries.iter().map(|entry| entry.clinic_id.0).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry.audit_entry_id.0).collect();
    let times: Vec<_> = entries.iter().map(|entry| at(entry.at)).collect();
    let credentials: Vec<_> = entries.iter().map(|entry| entry.credential_id.map(|id| id.0)).collect();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str().to_owned()).collect();
    let outcomes: Vec<_> = entries.iter().map(|entry| entry.outcome.as_str().to_owned()).collect();
    let resources: Vec<_> = entries.iter().map(|entry| entry.resource_id).collect();
    let subjects: Vec<_> = entries.iter().map(|entry| entry.subject_id.map(|id| id.0)).collect();
    let shown: Vec<_> = entries.iter().map(|entry| array_text(&entry.subject_ids)).collect();
    let named: Vec<_> = entries.iter().map(|entry| array_text(&entry.resource_ids)).collect();
    let occurrences: Vec<_> = entries.iter().map(|entry| entry.occurrences).collect();
    let requests: Vec<_> = entries.iter().map(|entry| entry.request_id).collect();
    let version = version(keys)?;
    let mac = |entry| entry_mac(keys, version, &Columns::from(entry)).map(|mac| mac.to_vec());
    let macs: Vec<Option<Vec<u8>>> = entries.iter().map(mac).collect();
    sqlx::query!(
        "with entries as (
             insert into audit_entries
                 (clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id, subject_ids,
                  occurrences, request_id, resource_ids)
             select clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id,
                    shown::uuid[], occurrences, request_id, named::uuid[]
             from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[], $7::uuid[],
                         $8::uuid[], $9::text[], $10::integer[], $11::uuid[], $14::text[])
                  as e (clinic_id, audit_entry_id, at, credential_id, action, outcome, resource_id, subject_id, shown,
                        occurrences, request_id, named)
         )
         insert into audit_pending (clinic_id, audit_entry_id, mac, key_version)
         select *, $13::smallint from unnest($1::uuid[], $2::uuid[], $12::bytea[])",
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
        &macs as _,
        version,
        &named,
    )
    .execute(connection)
    .await?;
    Ok(())
}
