//! `restore`: in a database restored from a backup, repeats the erasures made since the backup.

use std::path::PathBuf;

use super::database::on_database;
use super::output::print;
use super::progress::shown;
use crate::app::subjects::erasure::{Replayed, replay};
use crate::config::Settings;

pub(super) async fn run(settings: &Settings, logs: &[PathBuf]) -> anyhow::Result<()> {
    let replayed =
        on_database(settings, async |app| shown(async |shown| replay(app, logs, |now| shown.at(now)).await).await);
    let Replayed { named, unreadable, erased } = replayed.await?;
    let gone = named.saturating_sub(usize::try_from(erased).unwrap_or(usize::MAX));
    let unreadable = if unreadable > 0 { format!(", {unreadable} lines unreadable") } else { String::new() };
    print(&format!("{named} subjects in the log: {erased} erased again, {gone} not in this database{unreadable}\n"))
}
