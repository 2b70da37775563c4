//! Tokens that are valid for one call. Used tokens are stored as keyed hashes until they expire. They are stored in the
//! database, so a restart does not lose them and all instances agree.

use jiff::Timestamp;

use crate::domain::ids::ClinicId;
use crate::store::database::{Store, at};
use crate::store::error::Result;

const BATCH: i64 = 10_000;

/// Marks a token of an issuer as used. `false` when it was used before.
///
/// Inserts one row for the hash under each master key of the file, and all of them must be new. During a key rotation,
/// instances with different key files thus still share a hash.
pub async fn use_up(
    store: &Store,
    clinic_id: ClinicId,
    (issuer, id): (&str, &str),
    expires_at: Timestamp,
) -> Result<bool> {
    let hashes = store.keys.token_hashes(issuer, id);
    let mut transaction = store.begin(clinic_id).await?;
    let added = sqlx::query!(
        "insert into used_tokens (clinic_id, token_hash, expires_at)
         select $1, token_hash, $3 from unnest($2::bytea[]) token_hash
         on conflict do nothing",
        clinic_id.0,
        &hashes,
        at(expires_at) as _,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(usize::try_from(added) == Ok(hashes.len()))
}

/// Deletes a batch of a clinic's expired tokens, and returns their number.
pub async fn forget(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<u64> {
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let gone = sqlx::query!(
        "delete from used_tokens t
         using (
             select token_hash from used_tokens
             where clinic_id = $1 and expires_at <= $2 order by expires_at limit $3 for update skip locked
         ) past
         where t.clinic_id = $1 and t.token_hash = past.token_hash",
        clinic_id.0,
        at(now) as _,
        BATCH,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(gone)
}
