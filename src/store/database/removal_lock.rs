//! The lock of a clinic that merges, erasure and retention hold against each other, and that taking over an expired
//! idempotency key shares.

use super::Connection;
use crate::domain::ids::ClinicId;
use crate::store::error::Result;

/// Serializes merges, their undoing, erasure and retention of one clinic, so that none of them sees a half-done other. Must
/// be called before any row is locked.
pub(in crate::store) async fn one_at_a_time(connection: &mut Connection, clinic_id: ClinicId) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('subject merges ' || $1, 0))", clinic_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// The shared counterpart of [`one_at_a_time`]. Taking over an expired idempotency key requires it: merges, erasure and
/// retention delete the keys of removed rows while they hold locks on subjects that the taking transaction may wait for.
pub(in crate::store) async fn beside_removals(connection: &mut Connection, clinic_id: ClinicId) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('subject merges ' || $1, 0))",
        clinic_id.to_string()
    )
    .execute(connection)
    .await?;
    Ok(())
}
