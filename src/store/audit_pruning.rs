//! Removing entries of the audit log that reached the end of their retention: whole seals, by the owner of the tables, with a
//! tombstone in their place.

use jiff::Timestamp;
use uuid::Uuid;

use super::audit_macs::{SaidOfPruned, version};
use super::audit_trail::{Sealed, Trail};
use super::role::become_jobs;
use super::row::at;
use super::{Store, StoreError, audit};
use crate::domain::audit::AuditEntry;
use crate::domain::ids::ClinicId;
use crate::domain::seal::Tombstone;

/// Entries that some seals cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// How many.
    pub entries: i64,
    /// When the oldest was written.
    pub first_at: Timestamp,
    /// When the newest was written.
    pub last_at: Timestamp,
}

/// Begins a transaction that reads the audit log of a clinic and may remove what is old of it.
///
/// # Errors
/// When the account is not the owner, another process does the same, or the database is away.
pub async fn begin(store: &Store, clinic_id: ClinicId) -> Result<Trail, StoreError> {
    let mut transaction = store.begin_pruning(clinic_id).await?;
    // Row security is forced on the owner too, and would hide everything from one that it does not name.
    let may = sqlx::query!(
        r#"select coalesce(
                   (select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('audit_seals'))
                   and (not row_security_active('audit_seals') or exists (
                       select from pg_policies where tablename = 'audit_seals' and current_user = any (roles))), false)
               as "owner!",
               pg_try_advisory_xact_lock(hashtextextended('audit pruning of ' || $1::text, 0)) as "alone!""#,
        clinic_id.to_string(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !may.owner {
        return Err(StoreError::Refused("only the owner of the database may remove entries of the audit log"));
    }
    if !may.alone {
        return Err(StoreError::Refused("another process is removing entries of this clinic's audit log"));
    }
    Ok(Trail { transaction, keys: std::sync::Arc::clone(&store.keys) })
}

impl Trail {
    /// What some seals cover; `None` where nothing of it is there.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn covered(&mut self, clinic_id: ClinicId, seals: &[Sealed]) -> Result<Option<Covered>, StoreError> {
        let row = sqlx::query!(
            r#"select count(*) as "entries!", min(at) as "first_at: jiff_sqlx::Timestamp",
                      max(at) as "last_at: jiff_sqlx::Timestamp"
               from audit_entries where clinic_id = $1 and audit_entry_id = any ($2)"#,
            clinic_id.0,
            &ids(seals),
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        let times = row.first_at.zip(row.last_at);
        Ok(times.map(|(first, last)| Covered {
            entries: row.entries,
            first_at: first.to_jiff(),
            last_at: last.to_jiff(),
        }))
    }

    /// Removes seals and the entries that they cover, all of them or none.
    ///
    /// # Errors
    /// When something of it cannot be removed, or the database is away.
    pub async fn remove(&mut self, clinic_id: ClinicId, seals: &[Sealed]) -> Result<(), StoreError> {
        let (ids, numbers) = (ids(seals), seals.iter().map(|seal| seal.link.seal_number).collect::<Vec<_>>());
        let entries = sqlx::query!(
            "delete from audit_entries where clinic_id = $1 and audit_entry_id = any ($2)",
            clinic_id.0,
            &ids
        )
        .execute(&mut *self.transaction)
        .await?;
        let removed = sqlx::query!(
            "delete from audit_seals where clinic_id = $1 and seal_number = any ($2)",
            clinic_id.0,
            &numbers
        )
        .execute(&mut *self.transaction)
        .await?;
        if (entries.rows_affected(), removed.rows_affected()) != (ids.len() as u64, numbers.len() as u64) {
            return Err(StoreError::Refused("the database lets this account remove only a part of what is old"));
        }
        Ok(())
    }

    /// Leaves a tombstone for what was removed, adds an entry of the audit log that says so, and commits.
    ///
    /// # Errors
    /// When the database is away; then nothing was removed.
    pub async fn bury(mut self, tombstone: &Tombstone, entry: &AuditEntry) -> Result<(), StoreError> {
        let clinic_id = entry.clinic_id;
        let key_version = version(&self.keys)?;
        let micros = |at: Timestamp| at.as_microsecond().to_string();
        let said = SaidOfPruned {
            clinic_id,
            key_version,
            first_seal: tombstone.first_seal,
            last_seal: tombstone.last_seal,
            entries: tombstone.entries,
            first_at: &micros(tombstone.first_at),
            last_at: &micros(tombstone.last_at),
            previous_mac: &tombstone.previous_mac,
            last_mac: &tombstone.last_mac,
            pruned_at: &micros(tombstone.pruned_at),
        };
        let unknown = || StoreError::Inconsistent { table: "audit_tombstones", what: "key_version" };
        let mac = said.mac(&self.keys).ok_or_else(unknown)?;
        sqlx::query!(
            "insert into audit_tombstones (clinic_id, first_seal, last_seal, entries, first_at, last_at, previous_mac,
                                           last_mac, pruned_at, key_version, mac)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            clinic_id.0,
            tombstone.first_seal,
            tombstone.last_seal,
            tombstone.entries,
            at(tombstone.first_at) as _,
            at(tombstone.last_at) as _,
            &tombstone.previous_mac[..],
            &tombstone.last_mac[..],
            at(tombstone.pruned_at) as _,
            key_version,
            &mac[..],
        )
        .execute(&mut *self.transaction)
        .await?;
        become_jobs(&mut self.transaction, clinic_id).await?;
        audit::insert(&self.keys, &mut self.transaction, entry).await?;
        self.transaction.commit().await
    }
}

fn ids(seals: &[Sealed]) -> Vec<Uuid> {
    seals.iter().flat_map(|seal| seal.entries.iter().map(|(id, _)| id.0)).collect()
}
