//! Removes audit entries past their retention period. The owner of the tables removes whole seals and inserts a tombstone
//! in their place.

use jiff::Timestamp;
use uuid::Uuid;

use super::macs::{TombstoneFields, version};
use super::trail::{AuditSnapshot, SealWithEntries};
use crate::domain::{audit::AuditEntry, audit::seal::Tombstone, ids::ClinicId};
use crate::store::audit;
use crate::store::database::role::{Role, switch_to};
use crate::store::database::{Store, at, known};
use crate::store::error::{Result, StoreError};

/// Totals of the entries that a list of seals covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    pub entries: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// Begins a transaction that reads a clinic's audit log and may remove old entries from it. Fails when the account does not
/// own the tables, or when another process is pruning the same clinic.
pub async fn begin(store: &Store, clinic_id: ClinicId) -> Result<AuditSnapshot> {
    let mut transaction = store.begin_pruning(clinic_id).await?;
    // Row security applies to the owner too, and hides every row from an owner that no policy names.
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
    Ok(AuditSnapshot { transaction, keys: std::sync::Arc::clone(&store.keys) })
}

impl AuditSnapshot {
    /// Totals of the entries that these seals cover. `None` if none of the entries exists.
    pub async fn covered(&mut self, clinic_id: ClinicId, seals: &[SealWithEntries]) -> Result<Option<Covered>> {
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
    pub async fn remove(&mut self, clinic_id: ClinicId, seals: &[SealWithEntries]) -> Result<()> {
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
            return Err(StoreError::Refused("the database lets this account remove only some of the old entries"));
        }
        Ok(())
    }

    /// Inserts the tombstone and an audit entry for the removal, and commits. Fails when the database is unavailable; then
    /// nothing was removed.
    pub async fn bury(mut self, tombstone: &Tombstone, entry: &AuditEntry) -> Result<()> {
        let clinic_id = entry.clinic_id;
        let key_version = version(&self.keys)?;
        let micros = |at: Timestamp| at.as_microsecond().to_string();
        let said = TombstoneFields {
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
        let mac = known(said.mac(&self.keys), "audit_tombstones", "key_version")?;
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
        switch_to(&mut self.transaction, Role::Jobs, Some(clinic_id)).await?;
        audit::commit(&self.keys, self.transaction, entry).await
    }
}

fn ids(seals: &[SealWithEntries]) -> Vec<Uuid> {
    seals.iter().flat_map(|seal| seal.entries.iter().map(|(id, _)| id.0)).collect()
}
