//! How many changes each credential has made: what a replica must know of before whoever holds the credential is shown
//! anything from it.

use super::connection::Connection;
use super::{Store, StoreError};
use crate::domain::actor::Actor;
use crate::domain::ids::{ClinicId, CredentialId};

/// Counts a change within the transaction that makes it. It comes last there: changes of one credential wait for each other
/// at its count, and whoever holds it must have nothing left to wait for.
pub(super) async fn count(
    connection: &mut Connection,
    clinic_id: ClinicId,
    credential_id: CredentialId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into credential_changes as c (clinic_id, credential_id, changes) values ($1, $2, 1)
         on conflict (clinic_id, credential_id) do update set changes = c.changes + 1",
        clinic_id.0,
        credential_id.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts a change that stands already. A replica replays in order, so one that knows of the count knows of the change.
///
/// # Errors
/// When the database is away.
pub async fn count_after(store: &Store, actor: &Actor) -> Result<(), StoreError> {
    count(&mut *store.clinic(actor.clinic_id).await?, actor.clinic_id, actor.credential_id).await
}

/// How many changes of a credential a database knows of.
pub(super) async fn known(store: &Store, actor: &Actor) -> Result<i64, StoreError> {
    let changes = sqlx::query_scalar!(
        "select changes from credential_changes where clinic_id = $1 and credential_id = $2",
        actor.clinic_id.0,
        actor.credential_id.0,
    )
    .fetch_optional(&mut *store.clinic(actor.clinic_id).await?)
    .await?;
    Ok(changes.unwrap_or_default())
}
