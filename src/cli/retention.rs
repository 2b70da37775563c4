//! `retention`: removes data past its retention period now.

use std::ops::ControlFlow;

use super::database::on_database;
use super::output::print;
use super::progress::Shown;
use crate::app::subjects::retention::run as retire;
use crate::config::Settings;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let retired = on_database(settings, async |app| {
        let mut shown = Shown::begin();
        let retired = retire(app, |now| {
            shown.at(now);
            ControlFlow::Continue(())
        });
        let retired = retired.await?;
        shown.end();
        Ok(retired)
    });
    let retired = retired.await?;
    print(&format!("{} submissions and {} subjects removed\n", retired.submissions, retired.subjects))?;
    Ok(())
}
