//! `migrate`: brings a database up to this program.

use anyhow::anyhow;

use super::{AWAY, open, print};
use crate::app::health;
use crate::config::Settings;
use crate::server;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let opened = open(settings).await?;
    let there = health::readiness(&opened.app).await.database;
    let outcome = if there { server::migrate(&opened.app).await.map_err(Into::into) } else { Err(anyhow!(AWAY)) };
    let closed = opened.close().await;
    outcome?;
    closed?;
    print("every migration is applied\n")?;
    Ok(())
}
