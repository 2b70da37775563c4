//! Idempotency keys. A key is claimed first, in the transaction that does the work.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::submissions::Idempotency;
use crate::store::database::{Connection, Store, at, known, removal_lock::beside_removals};
use crate::store::error::Result;

/// The effect of the request that used a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Submission(SubmissionId),
    /// It made this version of another resource.
    Version(Uuid, i32),
}

/// The recorded use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The same request, with this effect.
    Same(Effect),
    Other,
}

/// The recorded use of an unexpired key. `None` if the key is unused.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>> {
    read(&mut *store.clinic(clinic_id).await?, clinic_id, idempotency, now).await
}

async fn read(
    connection: &mut Connection,
    clinic_id: ClinicId,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>> {
    let found = sqlx::query_as!(
        Row,
        "select fingerprint, submission_id, resource_id, resource_version from idempotency_keys
         where clinic_id = $1 and sender_id = $2 and of_record = $3 and idempotency_key = $4 and expires_at > $5",
        clinic_id.0,
        idempotency.sender_id.0,
        idempotency.of_record,
        idempotency.key,
        at(now) as _,
    )
    .fetch_optional(connection)
    .await?;
    found.map(|row| row.kept(idempotency)).transpose()
}

/// Claims a key. `None` when the key is claimed and the work may proceed. While another transaction holds the key, the
/// insert waits for its end, so that simultaneous copies of one request have one effect. An expired key is taken over.
pub(in crate::store) async fn claim(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>> {
    // A conflicting key may be removed before it is read. It is then free, and the insert is tried again.
    loop {
        if insert(connection, clinic_id, effect, idempotency).await? {
            return Ok(None);
        }
        if let Some(kept) = read(connection, clinic_id, idempotency, now).await? {
            return Ok(Some(kept));
        }
        if take_over(connection, clinic_id, effect, idempotency, now).await? {
            return Ok(None);
        }
    }
}

/// Whether the key was free and is claimed now. An existing key is not locked.
async fn insert(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
) -> Result<bool> {
    let (submission_id, resource_id, resource_version) = effect.columns();
    let done = sqlx::query!(
        "insert into idempotency_keys (clinic_id, sender_id, of_record, idempotency_key, fingerprint, submission_id,
             resource_id, resource_version, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (clinic_id, sender_id, of_record, idempotency_key) do nothing",
        clinic_id.0,
        idempotency.sender_id.0,
        idempotency.of_record,
        idempotency.key,
        idempotency.fingerprint.as_slice(),
        submission_id,
        resource_id,
        resource_version,
        at(idempotency.expires_at) as _,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the key was expired and is claimed now.
async fn take_over(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<bool> {
    beside_removals(connection, clinic_id).await?;
    let (submission_id, resource_id, resource_version) = effect.columns();
    let done = sqlx::query!(
        "update idempotency_keys set fingerprint = $5, submission_id = $6, resource_id = $7, resource_version = $8,
             expires_at = $9
         where clinic_id = $1 and sender_id = $2 and of_record = $3 and idempotency_key = $4 and expires_at <= $10",
        clinic_id.0,
        idempotency.sender_id.0,
        idempotency.of_record,
        idempotency.key,
        idempotency.fingerprint.as_slice(),
        submission_id,
        resource_id,
        resource_version,
        at(idempotency.expires_at) as _,
        at(now) as _,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records the effect of a key that was claimed before the effect was known.
pub(in crate::store) async fn record_effect(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
) -> Result<()> {
    let (submission_id, resource_id, resource_version) = effect.columns();
    sqlx::query!(
        "update idempotency_keys set submission_id = $5, resource_id = $6, resource_version = $7
         where clinic_id = $1 and sender_id = $2 and of_record = $3 and idempotency_key = $4",
        clinic_id.0,
        idempotency.sender_id.0,
        idempotency.of_record,
        idempotency.key,
        submission_id,
        resource_id,
        resource_version,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Effect {
    fn columns(self) -> (Option<Uuid>, Option<Uuid>, Option<i32>) {
        match self {
            Self::Submission(id) => (Some(id.0), None, None),
            Self::Version(id, version) => (None, Some(id), Some(version)),
        }
    }
}

pub(in crate::store) struct Row {
    pub fingerprint: Vec<u8>,
    pub submission_id: Option<Uuid>,
    pub resource_id: Option<Uuid>,
    pub resource_version: Option<i32>,
}

impl Row {
    pub(in crate::store) fn kept(self, idempotency: &Idempotency) -> Result<Kept> {
        if self.fingerprint != idempotency.fingerprint {
            return Ok(Kept::Other);
        }
        let effect = match (self.submission_id, self.resource_id, self.resource_version) {
            (Some(id), _, _) => Some(Effect::Submission(SubmissionId(id))),
            (None, Some(id), Some(version)) => Some(Effect::Version(id, version)),
            _ => None,
        };
        known(effect, "idempotency_keys", "a key without an effect").map(Kept::Same)
    }
}
