//! `migrate`: brings a database up to this program.

use super::{print, tell};
use crate::config::Settings;
use crate::server::migration;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    migration::migrate(settings, &tell).await.map_err(super::in_use)?;
    print("every migration is applied, and the service can sign in\n")?;
    Ok(())
}
