//! `rules new`: copies the current table's files as the draft of the next version.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cli::output::print;
use crate::domain::screening::rule_table::RuleFiles;
use crate::rules::{Releases, released_files};

pub(super) fn run(folder: &Path, version: Option<&str>) -> anyhow::Result<ExitCode> {
    let releases = Releases::load()?;
    let current = releases.current();
    let known = &*current.table.version;
    let version = match version {
        Some(version) => version.to_owned(),
        None => {
            next(known).with_context(|| format!("the version after {known} is unknown; state it with --version"))?
        }
    };
    if parts(&version).is_none() {
        bail!("a version is a year and a number, such as 2026.2");
    }
    if released_files(&version).is_some() {
        bail!("{version} is released, and a released table never changes; choose a later version");
    }
    let files = renamed(&current.files, known, &version)?;
    write(folder, &files)?;
    print(&what_next(folder, known, &version))?;
    Ok(ExitCode::SUCCESS)
}

/// The next version: the next number of the same year.
fn next(version: &str) -> Option<String> {
    let (year, number) = parts(version)?;
    Some(format!("{year}.{}", number + 1))
}

fn parts(version: &str) -> Option<(u16, u16)> {
    let (year, number) = version.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && !text.starts_with('0') && text.chars().all(|c| c.is_ascii_digit());
    let both = year.len() == 4 && digits(year) && digits(number);
    both.then_some(())?;
    Some((year.parse().ok()?, number.parse().ok()?))
}

/// The files with the new version in the one line that states it; every other byte is unchanged.
fn renamed(files: &RuleFiles, from: &str, to: &str) -> anyhow::Result<RuleFiles> {
    let mut files = files.clone();
    let line = format!("version = \"{from}\"");
    let states = |text: &String| text.lines().any(|one| one == line);
    let stating = files.values_mut().find(|text| states(text)).context("no file states the version")?;
    let lines = stating.lines().map(|one| if one == line { format!("version = \"{to}\"") } else { one.to_owned() });
    *stating = lines.map(|one| one + "\n").collect();
    Ok(files)
}

fn write(folder: &Path, files: &RuleFiles) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => bail!("{shown} is not empty; name a new folder"),
        Ok(false) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be the folder of a draft")),
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {shown}"))?;
    for (name, text) in files {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name} in {shown}"))?;
    }
    Ok(())
}

fn what_next(folder: &Path, current: &str, version: &str) -> String {
    let folder = folder.display();
    format!(
        "{folder} holds a draft of rule table {version}, still equal to {current}. Next:\n\
         1. edit its files; texts.*.toml hold the wording, every other file the table\n\
         2. sarcoscreen rules check {folder}\n\
         3. sarcoscreen rules diff {current} {folder}\n\
         4. sarcoscreen rules replay {folder} --clinic CLINIC   what would change over stored submissions\n\
         5. release it: the files to src/rules/{version}/, the version to the end of the list in src/rules/mod.rs, and\n   \
         to src/rules/LOCK a line of the version and the digest that `rules check` prints\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::rule_table::RuleTable;

    #[test]
    fn the_next_version_is_the_next_number_of_the_same_year() {
        for (version, after) in [("2026.1", "2026.2"), ("2026.9", "2026.10"), ("2031.41", "2031.42")] {
            assert_eq!(next(version).as_deref(), Some(after));
        }
        for other in ["2026", "2026.", ".1", "26.1", "2026.01", "2026.1.1", "2026.1-draft", "", "../2026.1"] {
            assert_eq!(next(other), None, "{other}");
        }
    }

    #[test]
    fn a_draft_differs_from_the_current_table_in_its_version_alone_and_has_no_faults() {
        let releases = Releases::load().unwrap();
        let current = releases.current();
        let files = renamed(&current.files, &current.table.version, "2099.1").unwrap();
        assert_eq!(&*RuleTable::compile(&files).unwrap().version, "2099.1");
        let lines = |files: &RuleFiles| files.values().flat_map(|text| text.lines()).map(str::to_owned).collect();
        let (before, after): (Vec<String>, Vec<String>) = (lines(&current.files), lines(&files));
        assert_eq!(before.len(), after.len());
        let differing: Vec<_> = before.iter().zip(&after).filter(|(one, other)| one != other).collect();
        assert_eq!(differing.len(), 1);
        assert_eq!(differing[0].1, "version = \"2099.1\"");
    }

    #[test]
    fn a_folder_that_is_not_empty_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let files = RuleFiles::from([("table.toml".to_owned(), "version = \"2026.2\"\n".to_owned())]);
        write(place.path(), &files).unwrap();
        assert_eq!(fs::read_to_string(place.path().join("table.toml")).unwrap(), files["table.toml"]);
        let again = write(place.path(), &files).unwrap_err();
        assert!(again.to_string().contains("is not empty"), "{again}");
        let new = place.path().join("a/b");
        write(&new, &files).unwrap();
        assert!(new.join("table.toml").exists());
    }
}
