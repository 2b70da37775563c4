//! `migrate`: brings a database up to this program, or makes the roles that a dump needs.

use super::{print, tell};
use crate::config::Settings;
use crate::server::{ServerError, migration};
use crate::store::embedded::EmbeddedError;

pub(super) async fn run(settings: &Settings, roles_only: bool) -> anyhow::Result<()> {
    if roles_only {
        migration::make_roles(settings).await?;
        print("the roles of the service are there; restore the dump next, then run `sarcoscreen migrate`\n")?;
        return Ok(());
    }
    migration::migrate(settings, &tell).await.map_err(in_use)?;
    print("every migration is applied, and the service can sign in\n")?;
    Ok(())
}

/// Says why a running service is in the way.
fn in_use(error: ServerError) -> anyhow::Error {
    match error {
        ServerError::Embedded(EmbeddedError::InUse { .. }) => anyhow::Error::new(error)
            .context("the service applies every migration of its private database when it starts"),
        error => error.into(),
    }
}
