//! Rotation of the master key. Values sealed or hashed with an earlier key are sealed and hashed again with the current
//! one, in bounded batches, while the service runs.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Store, at, keys::Place, session::Session};
use crate::domain::clinics::Clinic;
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId, WebhookId};
use crate::store::subjects::{reindex, row::Row};
use crate::store::{access::token_people::IssuerSubject, error::Result};

const LIMIT: i64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedTable {
    /// References and contact data, with their blind indexes.
    Subjects,
    /// Contact data and consent before a change.
    Changes,
    Notes,
    Webhooks,
    /// People who sign in with tokens, with the hashes that find them.
    People,
}

impl std::ops::AddAssign for Dependents {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.credentials += other.credentials;
        self.waiting += other.waiting;
        self.audit_seals += other.audit_seals;
    }
}

impl SealedTable {
    pub const ALL: [Self; 5] = [Self::Subjects, Self::Changes, Self::Notes, Self::Webhooks, Self::People];
}

/// The number of rows that still depend on an earlier key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dependents {
    /// Rows with a sealed value or a blind index.
    pub rows: u64,
    /// API keys that still work, including rotated-out ones in their overlap, and people whose name at the issuer is not
    /// stored yet. Their hashes are renewed when they next sign in.
    pub credentials: u64,
    /// Audit entries that are not sealed yet.
    pub waiting: u64,
    /// Seals and tombstones of the audit log. They are never rehashed.
    pub audit_seals: u64,
}

/// Counts a clinic's rows that depend on a key other than the current one. Keys that can no longer sign in are not counted.
pub async fn dependents(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<Dependents> {
    let version = version(store)?;
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let row = sqlx::query!(
        r#"select
               (select count(*) from subjects where clinic_id = $1
                    and (get_byte(reference_sealed, 0) <> $2 or get_byte(contact_sealed, 0) <> $2))
               + (select count(*) from subject_changes where clinic_id = $1 and get_byte(before_sealed, 0) <> $2)
               + (select count(*) from follow_up_events where clinic_id = $1 and get_byte(note_sealed, 0) <> $2)
               + (select count(*) from webhook_endpoints where clinic_id = $1
                    and (get_byte(secret_sealed, 0) <> $2 or get_byte(previous_secret_sealed, 0) <> $2))
               + (select count(*) from credentials where clinic_id = $1
                    and (get_byte(issuer_subject_sealed, 0) <> $2 or (issuer_subject_sealed is not null and key_version <> $2)))
                   as "rows!",
               (select count(*) from credentials where clinic_id = $1 and case
                    when issuer_subject_hash is not null then issuer_subject_sealed is null and key_version <> $2
                    when prefix is null then false
                    else revoked_at is null and (expires_at is null or expires_at > $3)
                        and (key_version <> $2 or (previous_key_version <> $2 and previous_expires_at > $3))
                end) as "credentials!",
               (select count(*) from audit_pending where clinic_id = $1 and key_version <> $2) as "waiting!",
               (select count(*) from audit_seals where clinic_id = $1 and key_version <> $2)
               + (select count(*) from audit_tombstones where clinic_id = $1 and key_version <> $2) as "audit_seals!""#,
        clinic_id.0,
        version,
        at(now) as _,
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(Dependents {
        rows: row.rows.unsigned_abs(),
        credentials: row.credentials.unsigned_abs(),
        waiting: row.waiting.unsigned_abs(),
        audit_seals: row.audit_seals.unsigned_abs(),
    })
}

/// A batch of rows to be sealed again.
struct Batch<'a> {
    store: &'a Store,
    transaction: Session,
    clinic_id: ClinicId,
    /// The country of the clinic.
    country: Option<&'a str>,
    /// The key of the last row of the batch before.
    after: (Uuid, i32),
    version: i32,
}

/// The number of rows that were sealed again, and the key of the last one. `None` at the end.
type Resealed = Option<(u64, (Uuid, i32))>;

/// Seals the next rows of a clinic again, in the order of their keys. Rows locked by another transaction are left for the
/// next round.
pub async fn rotate(store: &Store, clinic: &Clinic, sealed: SealedTable, after: (Uuid, i32)) -> Result<Resealed> {
    let version = version(store)?;
    let (clinic_id, country) = (clinic.clinic_id, clinic.profile.country.as_deref());
    let mut batch =
        Batch { store, transaction: store.begin_jobs(clinic_id).await?, clinic_id, country, after, version };
    let resealed = match sealed {
        SealedTable::Subjects => subjects(&mut batch).await?,
        SealedTable::Changes => changes(&mut batch).await?,
        SealedTable::Notes => notes(&mut batch).await?,
        SealedTable::Webhooks => webhooks(&mut batch).await?,
        SealedTable::People => people(&mut batch).await?,
    };
    batch.transaction.commit().await?;
    Ok(resealed)
}

async fn subjects(batch: &mut Batch<'_>) -> Result<Resealed> {
    let rows = sqlx::query_as!(
        Row,
        r#"select subject_id, reference_hash, reference_sealed, contact_sealed, consent_to_contact,
                  consent_text_version, consent_given_at as "consent_given_at: jiff_sqlx::Timestamp",
                  created_at as "created_at: jiff_sqlx::Timestamp", row_version as version, merged_into
           from subjects
           where clinic_id = $1 and subject_id > $2
             and (get_byte(reference_sealed, 0) <> $3 or get_byte(contact_sealed, 0) <> $3)
           order by subject_id limit $4 for update skip locked"#,
        batch.clinic_id.0,
        batch.after.0,
        batch.version,
        LIMIT,
    )
    .fetch_all(&mut *batch.transaction)
    .await?;
    let resealed = rows.last().map(|row| (rows.len() as u64, (row.subject_id, 0)));
    if resealed.is_some() {
        let clinic = (batch.clinic_id, batch.country);
        reindex::rewrite(&mut batch.transaction, &batch.store.keys, clinic, rows).await?;
    }
    Ok(resealed)
}

async fn changes(batch: &mut Batch<'_>) -> Result<Resealed> {
    let rows = sqlx::query!(
        r#"select subject_id, version, before_sealed as "before_sealed!" from subject_changes
           where clinic_id = $1 and (subject_id, version) > ($2, $3) and get_byte(before_sealed, 0) <> $4
           order by subject_id, version limit $5 for no key update skip locked"#,
        batch.clinic_id.0,
        batch.after.0,
        batch.after.1,
        batch.version,
        LIMIT,
    )
    .fetch_all(&mut *batch.transaction)
    .await?;
    let resealed = rows.last().map(|row| (rows.len() as u64, (row.subject_id, row.version)));
    for row in rows {
        let place = Place::before(batch.clinic_id, (SubjectId(row.subject_id), row.version));
        sqlx::query!(
            "update subject_changes set before_sealed = $4 where clinic_id = $1 and subject_id = $2 and version = $3",
            batch.clinic_id.0,
            row.subject_id,
            row.version,
            batch.again(place, &row.before_sealed)?,
        )
        .execute(&mut *batch.transaction)
        .await?;
    }
    Ok(resealed)
}

async fn notes(batch: &mut Batch<'_>) -> Result<Resealed> {
    let rows = sqlx::query!(
        r#"select follow_up_id, version, note_sealed as "note_sealed!" from follow_up_events
           where clinic_id = $1 and (follow_up_id, version) > ($2, $3) and get_byte(note_sealed, 0) <> $4
           order by follow_up_id, version limit $5 for no key update skip locked"#,
        batch.clinic_id.0,
        batch.after.0,
        batch.after.1,
        batch.version,
        LIMIT,
    )
    .fetch_all(&mut *batch.transaction)
    .await?;
    let resealed = rows.last().map(|row| (rows.len() as u64, (row.follow_up_id, row.version)));
    for row in rows {
        let place = Place::note(batch.clinic_id, FollowUpId(row.follow_up_id), row.version);
        sqlx::query!(
            "update follow_up_events set note_sealed = $4
             where clinic_id = $1 and follow_up_id = $2 and version = $3",
            batch.clinic_id.0,
            row.follow_up_id,
            row.version,
            batch.again(place, &row.note_sealed)?,
        )
        .execute(&mut *batch.transaction)
        .await?;
    }
    Ok(resealed)
}

async fn webhooks(batch: &mut Batch<'_>) -> Result<Resealed> {
    let rows = sqlx::query!(
        "select webhook_id, secret_sealed, previous_secret_sealed from webhook_endpoints
         where clinic_id = $1 and webhook_id > $2
           and (get_byte(secret_sealed, 0) <> $3 or get_byte(previous_secret_sealed, 0) <> $3)
         order by webhook_id limit $4 for no key update skip locked",
        batch.clinic_id.0,
        batch.after.0,
        batch.version,
        LIMIT,
    )
    .fetch_all(&mut *batch.transaction)
    .await?;
    let resealed = rows.last().map(|row| (rows.len() as u64, (row.webhook_id, 0)));
    for row in rows {
        let place = Place::secret(batch.clinic_id, WebhookId(row.webhook_id));
        let previous = row.previous_secret_sealed.map(|sealed| batch.again(place, &sealed)).transpose()?;
        sqlx::query!(
            "update webhook_endpoints set secret_sealed = $3, previous_secret_sealed = $4
             where clinic_id = $1 and webhook_id = $2",
            batch.clinic_id.0,
            row.webhook_id,
            batch.again(place, &row.secret_sealed)?,
            previous,
        )
        .execute(&mut *batch.transaction)
        .await?;
    }
    Ok(resealed)
}

/// `for update` is the lock that changing the hash needs, so the update does not wait while rows are locked.
async fn people(batch: &mut Batch<'_>) -> Result<Resealed> {
    let rows = sqlx::query!(
        r#"select credential_id, issuer_subject_sealed as "sealed!" from credentials
           where clinic_id = $1 and credential_id > $2 and issuer_subject_sealed is not null
             and (get_byte(issuer_subject_sealed, 0) <> $3 or key_version <> $3)
           order by credential_id limit $4 for update skip locked"#,
        batch.clinic_id.0,
        batch.after.0,
        batch.version,
        LIMIT,
    )
    .fetch_all(&mut *batch.transaction)
    .await?;
    let resealed = rows.last().map(|row| (rows.len() as u64, (row.credential_id, 0)));
    for row in rows {
        let place = Place::person(batch.clinic_id, CredentialId(row.credential_id));
        let person = IssuerSubject::open(&batch.store.keys, place, &row.sealed)?;
        let (hash, sealed) = person.columns(&batch.store.keys, place)?;
        sqlx::query!(
            "update credentials set issuer_subject_hash = $3, issuer_subject_sealed = $4, key_version = $5::integer
             where clinic_id = $1 and credential_id = $2",
            batch.clinic_id.0,
            row.credential_id,
            hash,
            sealed,
            batch.version,
        )
        .execute(&mut *batch.transaction)
        .await?;
    }
    Ok(resealed)
}

impl Batch<'_> {
    fn again(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>> {
        let keys = &self.store.keys;
        Ok(keys.seal(place, &keys.open(place, sealed)?)?)
    }
}

fn version(store: &Store) -> Result<i32> {
    Ok(store.keys.version()?.into())
}
