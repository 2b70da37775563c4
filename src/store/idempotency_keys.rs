//! Retry keys: claimed first, inside the transaction that does the work.

use jiff::Timestamp;
use uuid::Uuid;

use super::connection::Connection;
use super::row::{at, known};
use super::subject_merges::beside_removals;
use super::{Store, StoreError};
use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::submission::Idempotency;

/// What the request of a key made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This submission.
    Submission(SubmissionId),
    /// This version of something else.
    Version(Uuid, i32),
}

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// This very request, which had this effect.
    Same(Effect),
    /// Another request.
    Other,
}

/// What a key stands for, while it lasts.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>, StoreError> {
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
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    found.map(|row| row.kept(idempotency)).transpose()
}

/// Claims a key; `None` when it is ours, and the work may go on. While another transaction holds it, the insert waits for
/// that one to end, so that simultaneous copies of one request settle to one effect. A key past its time is taken over.
pub(super) async fn claim(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>, StoreError> {
    // A key that was there may be removed before it is read: then it is free.
    loop {
        if insert(connection, clinic_id, effect, idempotency).await? {
            return Ok(None);
        }
        let kept = sqlx::query_as!(
            Row,
            "select fingerprint, submission_id, resource_id, resource_version from idempotency_keys
             where clinic_id = $1 and sender_id = $2 and of_record = $3 and idempotency_key = $4 and expires_at > $5",
            clinic_id.0,
            idempotency.sender_id.0,
            idempotency.of_record,
            idempotency.key,
            at(now) as _,
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(kept) = kept {
            return kept.kept(idempotency).map(Some);
        }
        if take_over(connection, clinic_id, effect, idempotency, now).await? {
            return Ok(None);
        }
    }
}

/// Whether the key was free and is ours now. A key that is there is not locked.
async fn insert(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
) -> Result<bool, StoreError> {
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

/// Whether the key was past its time and is ours now.
async fn take_over(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<bool, StoreError> {
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

/// Writes down the effect of a key that was claimed before the effect was known.
pub(super) async fn settle(
    connection: &mut Connection,
    clinic_id: ClinicId,
    effect: Effect,
    idempotency: &Idempotency,
) -> Result<(), StoreError> {
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

/// A key's columns.
pub(super) struct Row {
    pub fingerprint: Vec<u8>,
    pub submission_id: Option<Uuid>,
    pub resource_id: Option<Uuid>,
    pub resource_version: Option<i32>,
}

impl Row {
    /// What it stands for, seen from a request.
    pub(super) fn kept(self, idempotency: &Idempotency) -> Result<Kept, StoreError> {
        if self.fingerprint != idempotency.fingerprint {
            return Ok(Kept::Other);
        }
        let effect = match (self.submission_id, self.resource_id, self.resource_version) {
            (Some(id), _, _) => Some(Effect::Submission(SubmissionId(id))),
            (None, Some(id), Some(version)) => Some(Effect::Version(id, version)),
            _ => None,
        };
        known(effect, "idempotency_keys", "stands for nothing").map(Kept::Same)
    }
}
