//! The lock of a clinic. Merges, erasure, retention and the counting of a day hold it exclusively; the takeover of an expired
//! idempotency key holds it shared.

use super::Connection;
use crate::domain::ids::ClinicId;
use crate::store::error::Result;

/// Serializes merges, their undoing, erasure, retention and the counting of days of one clinic, so that none of them sees the
/// partial work of another. Must be called before any row is locked.
pub(in crate::store) async fn one_at_a_time(connection: &mut Connection, clinic_id: ClinicId) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('subject merges ' || $1, 0))", clinic_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes the lock shared. Required before an expired idempotency key is taken over: merges, erasure and retention delete
/// the keys of removed rows while they lock subjects, and the transaction that takes over a key may wait for these
/// subjects.
pub(in crate::store) async fn beside_removals(connection: &mut Connection, clinic_id: ClinicId) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('subject merges ' || $1, 0))",
        clinic_id.to_string()
    )
    .execute(connection)
    .await?;
    Ok(())
}
