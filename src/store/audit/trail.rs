//! Reads the audit log for verification: page by page, from one snapshot, in a read-only transaction. Columns are read as
//! text, because an altered column may hold any value.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sqlx::Executor as _;
use uuid::Uuid;

use super::macs::{SealFields, TombstoneFields, entry_mac};
use crate::domain::audit::seal::{Columns, EntryMac, Head, Link, NOTHING, Pruned};
use crate::domain::ids::{AuditEntryId, ClinicId};
use crate::store::database::connection::{Connection, Patience};
use crate::store::database::keys::{Keys, equal};
use crate::store::database::{Store, role::tie_to, session::Session};
use crate::store::error::Result;

/// Seals per query. Each covers at most a thousand entries.
const SEALS: i64 = 20;
pub const ENTRIES: usize = 1_000;
const WAITING: i64 = 1_000;

pub struct AuditSnapshot {
    pub(in crate::store) transaction: Session,
    pub(in crate::store) keys: std::sync::Arc<Keys>,
}

/// A seal, with the entries that it covers and their hashes.
pub struct SealWithEntries {
    /// Version of the key that hashed the entries and the seal.
    pub key_version: i16,
    /// Microseconds since 1970. `None` if the stored time is not readable.
    pub sealed_at: Option<i64>,
    pub link: Link,
    pub entries: Vec<(AuditEntryId, EntryMac)>,
}

pub struct PendingEntry {
    pub id: AuditEntryId,
    pub key_version: i16,
    /// `None` if the hash is missing or malformed.
    pub mac: Option<EntryMac>,
}

impl AuditSnapshot {
    pub async fn begin(store: &Store) -> Result<Self> {
        let mut transaction = store.begin_snapshot().await?;
        // Verification has no time limit, because the log may be long. Nested loops suit few entries, and do not finish on many.
        transaction.execute("set local statement_timeout = 0; set local enable_nestloop = off").await?;
        transaction.wait(Patience::Endless);
        Ok(Self { transaction, keys: std::sync::Arc::clone(&store.keys) })
    }

    /// Every clinic id, the nil id of the system, and every other id that occurs in entries, seals, tombstones or pending
    /// entries. An inserted entry may name a clinic that does not exist.
    pub async fn clinics(&mut self) -> Result<Vec<ClinicId>> {
        let ids = sqlx::query_scalar!(
            r#"select clinic_id as "clinic_id!" from clinics union select clinic_id from audit_pending
               union select clinic_id from audit_entries union select clinic_id from audit_seals
               union select clinic_id from audit_tombstones order by 1"#
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        Ok(ids.into_iter().map(ClinicId).collect())
    }

    /// Switches to the audit log of a clinic and returns its number of entries. The methods below must be called with the
    /// same clinic.
    pub async fn enter(&mut self, clinic_id: ClinicId) -> Result<u64> {
        tie_to(&mut self.transaction, clinic_id).await?;
        let count =
            sqlx::query_scalar!(r#"select count(*) as "count!" from audit_entries where clinic_id = $1"#, clinic_id.0)
                .fetch_one(&mut *self.transaction)
                .await?;
        Ok(count.unsigned_abs())
    }

    /// The tombstones of a chain, ordered by the seals that they replace.
    pub async fn tombstones(&mut self, clinic_id: ClinicId) -> Result<Vec<Pruned>> {
        let rows = sqlx::query!(
            r#"select first_seal, coalesce(last_seal, 0) as "last_seal!", coalesce(entries, 0) as "entries!",
                      array(select case when isfinite(t) then ((extract(epoch from t) * 1000000)::bigint)::text end
                            from unnest(array[first_at, last_at, pruned_at]) with ordinality as times (t, place)
                            order by place) as "times!: Vec<Option<String>>",
                      coalesce(previous_mac, '') as "previous_mac!", coalesce(last_mac, '') as "last_mac!",
                      coalesce(key_version, 0::smallint) as "key_version!", coalesce(mac, '') as "mac!"
               from audit_tombstones where clinic_id = $1 order by first_seal"#,
            clinic_id.0,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let pruned = rows.into_iter().map(|row| {
            let time = |place: usize| row.times.get(place).and_then(Option::as_deref).unwrap_or_default();
            let fields = TombstoneFields {
                clinic_id,
                key_version: row.key_version,
                first_seal: row.first_seal,
                last_seal: row.last_seal,
                entries: row.entries,
                first_at: time(0),
                last_at: time(1),
                previous_mac: &row.previous_mac,
                last_mac: &row.last_mac,
                pruned_at: time(2),
            };
            let link = Link {
                seal_number: row.last_seal,
                genuine: fields.mac(&self.keys).is_some_and(|mac| equal(&mac, &row.mac)),
                previous_mac: row.previous_mac[..].try_into().unwrap_or(NOTHING),
                mac: row.last_mac[..].try_into().unwrap_or(NOTHING),
            };
            Pruned { first_seal: row.first_seal, entries: row.entries, link }
        });
        Ok(pruned.collect())
    }

    /// The next seals after a number. Empty at the end.
    pub async fn seals(&mut self, clinic_id: ClinicId, after: Option<i64>) -> Result<Vec<SealWithEntries>> {
        let rows = sqlx::query!(
            r#"select seal_number, coalesce(key_version, 0::smallint) as "key_version!",
                      case when isfinite(sealed_at) then ((extract(epoch from sealed_at) * 1000000)::bigint)::text
                      end as sealed_at,
                      coalesce(previous_mac, '') as "previous_mac!", coalesce(entry_ids::text, '') as "entry_ids!",
                      coalesce(entry_macs, '') as "entry_macs!", coalesce(mac, '') as "mac!"
               from audit_seals where clinic_id = $1 and ($2::bigint is null or seal_number > $2)
               order by seal_number limit $3"#,
            clinic_id.0,
            after,
            SEALS,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let sealed = rows.into_iter().map(|row| {
            let fields = SealFields {
                clinic_id,
                seal_number: row.seal_number,
                key_version: row.key_version,
                sealed_at: row.sealed_at.as_deref().unwrap_or_default(),
                previous_mac: &row.previous_mac,
                entry_ids: &row.entry_ids,
                entry_macs: &row.entry_macs,
            };
            let link = Link {
                seal_number: row.seal_number,
                genuine: fields.mac(&self.keys).is_some_and(|mac| equal(&mac, &row.mac)),
                previous_mac: row.previous_mac[..].try_into().unwrap_or(NOTHING),
                mac: row.mac[..].try_into().unwrap_or(NOTHING),
            };
            SealWithEntries {
                key_version: row.key_version,
                sealed_at: row.sealed_at.as_deref().and_then(|at| at.parse().ok()),
                link,
                entries: entries(&row.entry_ids, &row.entry_macs),
            }
        });
        Ok(sealed.collect())
    }

    /// Recomputes the hash of each of these entries that exists. The hash is `None` if no key of the version exists.
    pub async fn macs(
        &mut self,
        clinic_id: ClinicId,
        key_version: i16,
        ids: &[AuditEntryId],
    ) -> Result<HashMap<Uuid, Option<EntryMac>>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        macs(&self.keys, &mut self.transaction, clinic_id, key_version, &ids).await
    }

    /// The next pending entries after an id. Empty at the end.
    pub async fn waiting(&mut self, clinic_id: ClinicId, after: Option<Uuid>) -> Result<Vec<PendingEntry>> {
        let rows = sqlx::query!(
            "select audit_entry_id, mac, key_version from audit_pending
             where clinic_id = $1 and ($2::uuid is null or audit_entry_id > $2) order by audit_entry_id limit $3",
            clinic_id.0,
            after,
            WAITING,
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        let waiting = rows.into_iter().map(|row| PendingEntry {
            id: AuditEntryId(row.audit_entry_id),
            key_version: row.key_version,
            mac: row.mac.and_then(|mac| mac.try_into().ok()),
        });
        Ok(waiting.collect())
    }

    /// Calls `each` for every entry that is not covered exactly once by a seal or by `audit_pending`, with the number of
    /// times it is covered.
    pub async fn uncovered(&mut self, clinic_id: ClinicId, mut each: impl FnMut(AuditEntryId, i64)) -> Result<()> {
        let mut rows = sqlx::query!(
            r#"select e.audit_entry_id, coalesce(c.times, 0) as "times!" from audit_entries e
               left join (
                   select id, count(*) as times from (
                       select unnest(entry_ids) as id from audit_seals where clinic_id = $1
                       union all select audit_entry_id from audit_pending where clinic_id = $1
                   ) one group by id
               ) c on c.id = e.audit_entry_id
               where e.clinic_id = $1 and coalesce(c.times, 0) <> 1"#,
            clinic_id.0
        )
        .fetch(&mut *self.transaction);
        while let Some(row) = rows.try_next().await? {
            each(AuditEntryId(row.audit_entry_id), row.times);
        }
        Ok(())
    }

    /// The numbers of those seals whose hash differs from the given one.
    pub async fn replaced(&mut self, clinic_id: ClinicId, heads: &[Head]) -> Result<Vec<i64>> {
        tie_to(&mut self.transaction, clinic_id).await?;
        let numbers: Vec<i64> = heads.iter().map(|head| head.seal_number).collect();
        let macs: Vec<Vec<u8>> = heads.iter().map(|head| head.mac.to_vec()).collect();
        Ok(sqlx::query_scalar!(
            r#"select s.seal_number as "seal_number!" from unnest($2::bigint[], $3::bytea[]) as h (seal_number, mac)
               join (
                   select seal_number, mac from audit_seals where clinic_id = $1
                   union all select last_seal, last_mac from audit_tombstones where clinic_id = $1
               ) s on s.seal_number = h.seal_number
               where s.mac is distinct from h.mac order by 1"#,
            clinic_id.0,
            &numbers,
            &macs,
        )
        .fetch_all(&mut *self.transaction)
        .await?)
    }
}

/// Recomputes the hash of each of these entries that exists.
pub(in crate::store) async fn macs(
    keys: &Keys,
    connection: &mut Connection,
    clinic_id: ClinicId,
    key_version: i16,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Option<EntryMac>>> {
    let rows = sqlx::query!(
        r#"select audit_entry_id, array[
               clinic_id::text, audit_entry_id::text,
               case when isfinite(at) then ((extract(epoch from at) * 1000000)::bigint)::text end,
               credential_id::text, action, outcome, resource_id::text, subject_id::text, subject_ids::text,
               occurrences::text, request_id::text, resource_ids::text
           ] as "columns!: Vec<Option<String>>"
           from audit_entries where clinic_id = $1 and audit_entry_id = any ($2)"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?;
    let mac = |columns| entry_mac(keys, key_version, &Columns::stored(columns));
    Ok(rows.into_iter().map(|row| (row.audit_entry_id, mac(row.columns))).collect())
}

/// Parses the entries of a seal. For an altered seal, returns those that are still readable.
fn entries(ids: &str, macs: &[u8]) -> Vec<(AuditEntryId, EntryMac)> {
    let ids = ids.split(['{', '}', ',']).filter_map(|id| Uuid::try_parse(id).ok()).map(AuditEntryId);
    let macs = macs.chunks(16).map(|mac| mac.try_into().unwrap_or_default()).chain(std::iter::repeat([0; 16]));
    ids.zip(macs).collect()
}
