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
    let Replayed { named, unreadable, erased, named_submissions, erased_submissions } = replayed.await?;
    let unreadable = if unreadable > 0 { format!(", {unreadable} lines unreadable") } else { String::new() };
    let subjects = counts("subjects", named, erased);
    let submissions = match named_submissions {
        0 => String::new(),
        named => format!("{}\n", counts("submissions", named, erased_submissions)),
    };
    print(&format!("{subjects}{unreadable}\n{submissions}"))
}

fn counts(what: &str, named: usize, erased: u64) -> String {
    let gone = named.saturating_sub(usize::try_from(erased).unwrap_or(usize::MAX));
    format!("{named} {what} in the log: {erased} erased again, {gone} not in this database")
}
