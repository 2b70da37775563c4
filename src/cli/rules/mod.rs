//! `rules`: draft, check, compare, replay and evaluate tables, and verify stored assessments.

mod check;
mod diff;
mod evaluate;
mod new;
mod reading;
mod replay;
mod verify;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::config::{Rules, Settings};
use crate::domain::screening::rule_table::RuleFiles;
use crate::rules::released_files;

pub(super) async fn run(settings: &Settings, command: &Rules) -> anyhow::Result<ExitCode> {
    match command {
        Rules::New { folder, version } => new::run(folder, version.as_deref()),
        Rules::Check { folder } => check::run(folder.as_deref()),
        Rules::Diff { before, after, language, json } => diff::run(before, after, language, *json),
        Rules::Replay { file, clinic, json } => replay::run(settings, file, clinic, *json).await,
        Rules::Evaluate(options) => evaluate::run(settings, options).await,
        Rules::Verify { clinic, json } => verify::run(settings, clinic.as_deref(), *json).await,
    }
}

/// The files of a built-in version, or of a folder.
fn files_of(name: &str) -> anyhow::Result<RuleFiles> {
    match released_files(name) {
        Some(files) => Ok(files),
        None => read_folder(Path::new(name)),
    }
}

/// The TOML files of a folder, by name.
fn read_folder(folder: &Path) -> anyhow::Result<RuleFiles> {
    let shown = folder.display();
    let entries =
        fs::read_dir(folder).with_context(|| format!("{shown} is neither a version of this program nor a folder"))?;
    let mut files = RuleFiles::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(name) = path.file_name()
        {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    if files.is_empty() {
        bail!("there is no TOML file in {shown}");
    }
    Ok(files)
}
