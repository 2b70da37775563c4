//! `seed-demo`: creates the demo clinic and prints its keys.

use anyhow::bail;

use super::database::on_database;
use super::output::print;
use crate::app::demo;
use crate::config::Settings;
use crate::server::demo::{create, json};

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let credentials = on_database(settings, async |app| {
        if demo::find(app).await?.is_some() {
            bail!("the demo clinic already exists; `sarcoscreen keys mint` creates more keys for it");
        }
        Ok(create(app).await?)
    });
    print(&json(&credentials.await?))
}
