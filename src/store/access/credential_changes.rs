//! Counts the changes made by each credential. A replica may serve reads of a credential only when it has replayed all of
//! that credential's changes.

use crate::domain::access::actor::Actor;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::store::database::connection::Connection;
use crate::store::{Store, StoreError};

/// Counts a change in the transaction that makes it. Must be the last statement of the transaction: changes of one
/// credential wait for each other on this row, so the holder of the row lock must not wait for anything else.
pub(in crate::store) async fn count(
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

/// Counts a change that is already committed. A replica replays in order, so one that has this count has the change.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn count_after(store: &Store, actor: &Actor) -> Result<(), StoreError> {
    count(&mut *store.clinic(actor.clinic_id).await?, actor.clinic_id, actor.credential_id).await
}

/// The number of changes of a credential that a database has.
pub(in crate::store) async fn known(store: &Store, actor: &Actor) -> Result<i64, StoreError> {
    let changes = sqlx::query_scalar!(
        "select changes from credential_changes where clinic_id = $1 and credential_id = $2",
        actor.clinic_id.0,
        actor.credential_id.0,
    )
    .fetch_optional(&mut *store.clinic(actor.clinic_id).await?)
    .await?;
    Ok(changes.unwrap_or_default())
}
