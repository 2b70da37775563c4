//! Bringing a database up to this program. Only its owner can.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

use super::connection::Connection;
use super::pool::session_options;
use super::{MIGRATOR, StoreError, login, migrations};

/// Why a database was not brought up to this program.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// What earlier migrations left, and what to do.
    #[error("{0}")]
    State(String),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies every migration that is not applied yet, then makes the role that the service signs in as.
///
/// # Errors
/// When the database is away or of a newer program, a migration is half applied, fails or differs from what was applied, or
/// the owner may not make the role.
pub async fn migrate(owner: &PgConnectOptions, name: &str, password: Option<&str>) -> Result<(), SchemaError> {
    run(owner, name, password, false).await
}

/// The same, on a database that may be of a newer program: what that one applied stays.
///
/// # Errors
/// When the database is away, a migration is half applied, fails or differs from what was applied, or the owner may not make
/// the role.
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
    // Unknown ones were judged above.
    migrator.set_ignore_missing(true);
    migrator.run_direct(None, connection.server(), false).await.map_err(StoreError::Migration)?;
    Ok(login::make(connection.server(), name, password).await?)
}

/// Makes the roles that the service works as and the one that it signs in as, in a cluster into which a dump is restored
/// next. Needs no table.
///
/// # Errors
/// When the database is away, or the owner may not make the roles.
pub async fn make_roles(owner: &PgConnectOptions, name: &str, password: Option<&str>) -> Result<(), StoreError> {
    let mut connection = Connection::of_its_own(session_options(owner.clone())).await?;
    login::make_roles(connection.server(), name, password).await
}
