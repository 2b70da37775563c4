//! Migrates a database to the schema of this program. Only the owner of the database can.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use super::{Connection, MIGRATOR, login, migrations, pool::session_options};
use crate::store::error::{Result, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The state that earlier migrations left, and what to do.
    #[error("{0}")]
    State(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies every missing migration, then creates the login role of the service. Fails when a newer program migrated the
/// database, when a migration is half applied, fails or differs from the applied one, or when the owner may not create the
/// role.
pub async fn migrate(owner: &PgConnectOptions, name: &str, password: Option<&str>) -> Result<(), SchemaError> {
    run(owner, name, password, false).await
}

/// Like [`migrate`], but accepts a database that a newer program migrated, and keeps those migrations.
pub async fn migrate_or_keep(owner: &PgConnectOptions, name: &str) -> Result<(), SchemaError> {
    run(owner, name, None, true).await
}

async fn run(
    owner: &PgConnectOptions,
    name: &str,
    password: Option<&str>,
    may_be_newer: bool,
) -> Result<(), SchemaError> {
    let mut connection = Connection::of_its_own(session_options(owner.clone())).await.map_err(StoreError::from)?;
    let state = migrations::compare(&mut connection).await?;
    let half_applied = state.fault().filter(|_| !state.half_applied.is_empty());
    let newer = state.warning().filter(|_| !may_be_newer);
    if let Some(fault) = half_applied.or(newer) {
        return Err(SchemaError::State(fault));
    }
    let mut migrator = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
    // Unknown migrations were handled above.
    migrator.set_ignore_missing(true);
    migrator.run_direct(None, connection.server(), false).await.map_err(StoreError::Migration)?;
    Ok(login::make(connection.server(), name, password, &login::RIGHTS).await?)
}

/// Creates the working roles and the login role of the service in a cluster, before a dump is restored into it. Needs no
/// tables.
pub async fn make_roles(owner: &PgConnectOptions, name: &str, password: Option<&str>) -> Result<()> {
    let mut connection = Connection::of_its_own(session_options(owner.clone())).await?;
    login::make(connection.server(), name, password, &[]).await
}
