//! `migrate`: brings a database up to this program.

use super::{open, print};
use crate::config::Settings;
use crate::server;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let opened = open(settings).await?;
    let outcome = server::migrate(&opened.app).await;
    let closed = opened.close().await;
    outcome?;
    closed?;
    print("every migration is applied\n")?;
    Ok(())
}
