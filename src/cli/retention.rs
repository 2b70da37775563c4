//! `retention`: removes data past its retention period now.

use std::ops::ControlFlow;

use super::database::on_database;
use super::output::print;
use super::progress::shown;
use crate::app::subjects::retention::run as retire;
use crate::config::Settings;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let retired = on_database(settings, async |app| {
        shown(async |shown| {
            let go_on = |now| {
                shown.at(now);
                ControlFlow::Continue(())
            };
            retire(app, go_on).await
        })
        .await
    });
    let retired = retired.await?;
    print(&format!("{} submissions and {} subjects removed\n", retired.submissions, retired.subjects))
}
