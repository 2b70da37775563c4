//! Seals the audit log: hashes pending entries into the hash chain of their clinic.

use jiff::Timestamp;
use uuid::Uuid;

use super::macs::{SealFields, usable};
use super::trail;
use crate::domain::audit::seal::{EntryMac, Head, NOTHING};
use crate::domain::ids::ClinicId;
use crate::store::database::{Connection, Store, array_text, at, known, session::Session};
use crate::store::error::Result;

/// Entries per seal: enough to keep seals few, few enough to read a seal quickly.
const ENTRIES: i64 = 1_000;

/// Clinics with entries to be sealed. The nil clinic id is the system.
pub async fn waiting(store: &Store) -> Result<Vec<ClinicId>> {
    let mut connection = store.jobs().await?;
    let rows = sqlx::query_scalar!("select distinct clinic_id from audit_pending").fetch_all(&mut *connection).await?;
    Ok(rows.into_iter().map(ClinicId).collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSeal {
    /// The new end of the chain.
    pub head: Head,
    /// Whether the seal is full; then more entries may be pending.
    pub full: bool,
}

/// Seals the next pending entries. `None` when nothing is pending, or when another process is sealing this chain.
pub async fn seal_next(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<Option<NewSeal>> {
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let ours = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('audit seals of ' || $1::text, 0)) as "ours!""#,
        clinic_id.to_string(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !ours {
        return Ok(None);
    }
    let last = last(&mut transaction, clinic_id).await?;
    let mut sealed = seal(store, &mut transaction, last, last.seal_number == 0, now).await?;
    // Entries written before the first seal are accepted without a stored hash. All of them are sealed now; later ones are
    // not accepted.
    while let Some(before) = sealed.filter(|sealed| sealed.full && last.seal_number == 0) {
        match seal(store, &mut transaction, before.head, true, now).await? {
            Some(next) => sealed = Some(next),
            None => break,
        }
    }
    transaction.commit().await?;
    Ok(sealed)
}

/// The end of the chain. Number 0 if the chain is empty.
async fn last(connection: &mut Connection, clinic_id: ClinicId) -> Result<Head> {
    let row = sqlx::query!(
        r#"select seal_number as "seal_number!", mac as "mac!" from (
               (select seal_number, mac from audit_seals where clinic_id = $1 order by seal_number desc limit 1)
               union all
               (select last_seal, last_mac from audit_tombstones where clinic_id = $1 order by first_seal desc limit 1)
           ) ends order by 1 desc limit 1"#,
        clinic_id.0
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(Head { clinic_id, seal_number: 0, mac: NOTHING }) };
    let mac = known(row.mac.try_into().ok(), "audit_seals", "mac")?;
    Ok(Head { clinic_id, seal_number: row.seal_number, mac })
}

/// Appends a seal to the chain. With `believe`, an entry without a stored hash is hashed here.
async fn seal(
    store: &Store,
    transaction: &mut Session,
    after: Head,
    believe: bool,
    now: Timestamp,
) -> Result<Option<NewSeal>> {
    let waiting = sqlx::query!(
        "select audit_entry_id, mac, key_version from audit_pending p
         where clinic_id = $1 and key_version = (select min(key_version) from audit_pending where clinic_id = $1)
         order by audit_entry_id limit $2",
        after.clinic_id.0,
        ENTRIES,
    )
    .fetch_all(&mut **transaction)
    .await?;
    // All entries of a seal were hashed with the same key version.
    let Some(key_version) = waiting.first().map(|row| row.key_version) else { return Ok(None) };
    let key_version = usable(&store.keys, key_version)?;
    let ids: Vec<Uuid> = waiting.iter().map(|row| row.audit_entry_id).collect();
    let found = trail::macs(&store.keys, transaction, after.clinic_id, key_version, &ids).await?;
    let mac = |id: Uuid, kept: Option<&[u8]>| -> EntryMac {
        let kept = kept.and_then(|kept| kept.try_into().ok());
        // An entry without a stored hash was not written by the service. It gets a zero hash, which never verifies.
        kept.or_else(|| found.get(&id).copied().flatten().filter(|_| believe)).unwrap_or_default()
    };
    let macs: Vec<u8> = waiting.iter().flat_map(|row| mac(row.audit_entry_id, row.mac.as_deref())).collect();
    let head = insert(store, transaction, after, key_version, (&ids, &macs), now).await?;
    sqlx::query!(
        "delete from audit_pending where clinic_id = $1 and audit_entry_id = any ($2)",
        after.clinic_id.0,
        &ids,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(Some(NewSeal { head, full: i64::try_from(ids.len()) == Ok(ENTRIES) }))
}

async fn insert(
    store: &Store,
    connection: &mut Connection,
    after: Head,
    key_version: i16,
    (ids, macs): (&[Uuid], &[u8]),
    now: Timestamp,
) -> Result<Head> {
    let seal_number = after.seal_number + 1;
    let fields = SealFields {
        clinic_id: after.clinic_id,
        seal_number,
        key_version,
        sealed_at: &now.as_microsecond().to_string(),
        previous_mac: &after.mac,
        entry_ids: &array_text(ids),
        entry_macs: macs,
    };
    let mac = known(fields.mac(&store.keys), "audit_pending", "key_version")?;
    sqlx::query!(
        "insert into audit_seals
             (clinic_id, seal_number, key_version, sealed_at, previous_mac, entry_ids, entry_macs, mac)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        after.clinic_id.0,
        seal_number,
        key_version,
        at(now) as _,
        &after.mac[..],
        ids,
        macs,
        &mac[..],
    )
    .execute(connection)
    .await?;
    Ok(Head { clinic_id: after.clinic_id, seal_number, mac })
}
