//! `migrate`: migrates the database, or creates the roles that a dump needs.

use super::output::{print, tell};
use crate::config::Settings;
use crate::server::{ServerError, migration};
use crate::store::private_postgres::EmbeddedError;

pub(super) async fn run(settings: &Settings, roles_only: bool) -> anyhow::Result<()> {
    if roles_only {
        migration::make_roles(settings).await?;
        return print("the roles of the service exist; restore the dump next, then run `sarcoscreen migrate`\n");
    }
    migration::migrate(settings, &tell).await.map_err(in_use)?;
    print("every migration is applied, and the service can sign in\n")
}

/// Explains the error when a running service holds the data folder.
fn in_use(error: ServerError) -> anyhow::Error {
    match error {
        ServerError::Embedded(EmbeddedError::InUse { .. }) => anyhow::Error::new(error)
            .context("the service applies every migration of its private database when it starts"),
        error => error.into(),
    }
}
