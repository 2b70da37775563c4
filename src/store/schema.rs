//! Bringing a database up to this program. Only its owner can.

use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;

use super::pool::session_options;
use super::{MIGRATOR, StoreError, login};

/// Applies every migration that is not applied yet, then makes the role that the service signs in as.
///
/// # Errors
/// When the database is away, a migration fails or differs from what was applied, or the owner may not make the role.
pub async fn migrate(owner: &PgConnectOptions, name: &str, password: Option<&str>) -> Result<(), StoreError> {
    let mut connection = session_options(owner.clone()).connect().await?;
    MIGRATOR.run_direct(None, &mut connection, false).await.map_err(StoreError::Migration)?;
    login::make(&mut connection, name, password).await?;
    Ok(connection.close().await?)
}
