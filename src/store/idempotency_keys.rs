//! Retry keys: claimed first, inside the transaction that does the work.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::row::{at, known};
use super::{Store, StoreError};
use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::submission::{Idempotency, Origin};

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
/// When the database is away.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    origin: Origin,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        "select fingerprint, submission_id, resource_id, resource_version from idempotency_keys
         where clinic_id = $1 and origin = $2 and idempotency_key = $3 and expires_at > $4",
        clinic_id.0,
        idempotency.space(origin),
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
    connection: &mut PgConnection,
    clinic_id: ClinicId,
    origin: Origin,
    effect: Effect,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>, StoreError> {
    let (submission_id, resource_id, resource_version) = effect.columns();
    let claimed = sqlx::query!(
        "insert into idempotency_keys as k (
             clinic_id, origin, idempotency_key, fingerprint, submission_id, resource_id, resource_version, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (clinic_id, origin, idempotency_key) do update
             set fingerprint = excluded.fingerprint, submission_id = excluded.submission_id,
                 resource_id = excluded.resource_id, resource_version = excluded.resource_version,
                 expires_at = excluded.expires_at
             where k.expires_at <= $9",
        clinic_id.0,
        idempotency.space(origin),
        idempotency.key,
        idempotency.fingerprint.as_slice(),
        submission_id,
        resource_id,
        resource_version,
        at(idempotency.expires_at) as _,
        at(now) as _,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if claimed == 1 {
        return Ok(None);
    }
    let kept = sqlx::query_as!(
        Row,
        "select fingerprint, submission_id, resource_id, resource_version from idempotency_keys
         where clinic_id = $1 and origin = $2 and idempotency_key = $3",
        clinic_id.0,
        idempotency.space(origin),
        idempotency.key,
    )
    .fetch_one(connection)
    .await?;
    kept.kept(idempotency).map(Some)
}

/// Writes down the effect of a key that was claimed before the effect was known.
pub(super) async fn settle(
    connection: &mut PgConnection,
    clinic_id: ClinicId,
    origin: Origin,
    effect: Effect,
    idempotency: &Idempotency,
) -> Result<(), StoreError> {
    let (submission_id, resource_id, resource_version) = effect.columns();
    sqlx::query!(
        "update idempotency_keys set submission_id = $4, resource_id = $5, resource_version = $6
         where clinic_id = $1 and origin = $2 and idempotency_key = $3",
        clinic_id.0,
        idempotency.space(origin),
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
