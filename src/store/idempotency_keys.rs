//! Retry keys: claimed first, inside the transaction that does the work.

use jiff::Timestamp;
use sqlx::PgConnection;

use super::row::at;
use super::{Store, StoreError};
use crate::domain::ids::{ClinicId, SubmissionId};
use crate::domain::submission::{Idempotency, Origin};

/// What became of a key.
pub(super) enum Claim {
    /// It is ours; the work may go on.
    Claimed,
    /// The same request was stored before, as this submission.
    Done(SubmissionId),
    /// The key stands for another request.
    Reused,
}

/// The submission that this very request was stored as, while its key lasts.
///
/// # Errors
/// When the database is away.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    origin: Origin,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<SubmissionId>, StoreError> {
    let found = sqlx::query_scalar!(
        "select submission_id from idempotency_keys
         where clinic_id = $1 and origin = $2 and idempotency_key = $3 and fingerprint = $4 and expires_at > $5",
        clinic_id.0,
        origin.as_str(),
        idempotency.key,
        idempotency.fingerprint.as_slice(),
        at(now) as _,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(found.flatten().map(SubmissionId))
}

/// Claims a key. While another transaction holds it, the insert waits for that one to end, so that simultaneous copies
/// of one request settle to one effect. A key past its time is taken over.
pub(super) async fn claim(
    connection: &mut PgConnection,
    clinic_id: ClinicId,
    origin: Origin,
    submission_id: SubmissionId,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    let claimed = sqlx::query!(
        "insert into idempotency_keys as k (clinic_id, origin, idempotency_key, fingerprint, submission_id, expires_at)
         values ($1, $7, $2, $3, $4, $5)
         on conflict (clinic_id, origin, idempotency_key) do update
             set fingerprint = excluded.fingerprint, submission_id = excluded.submission_id,
                 expires_at = excluded.expires_at
             where k.expires_at <= $6",
        clinic_id.0,
        idempotency.key,
        idempotency.fingerprint.as_slice(),
        submission_id.0,
        at(idempotency.expires_at) as _,
        at(now) as _,
        origin.as_str(),
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if claimed == 1 {
        return Ok(Claim::Claimed);
    }
    let kept = sqlx::query!(
        "select fingerprint, submission_id from idempotency_keys
         where clinic_id = $1 and origin = $3 and idempotency_key = $2",
        clinic_id.0,
        idempotency.key,
        origin.as_str(),
    )
    .fetch_one(connection)
    .await?;
    let same = kept.fingerprint == idempotency.fingerprint;
    let submission = kept.submission_id.filter(|_| same).map(SubmissionId);
    Ok(submission.map_or(Claim::Reused, Claim::Done))
}
