//! `rules replay`: what a table would change in the stored submissions of a clinic.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::check::list;
use super::read_folder;
use crate::app::screening::replay::replay;
use crate::cli::database::{find_clinic, on_database};
use crate::cli::output::print;
use crate::cli::progress::shown;
use crate::config::Settings;
use crate::domain::clinics::Clinic;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::replay::{BANDS, CARE_LEVELS, Moved, Movement, Replay, URGENCIES, most_frequent};
use crate::domain::screening::rule_table::{Band, RuleTable};
use crate::domain::screening::urgency::Urgency;
use crate::rules::released_files;

pub(super) async fn run(settings: &Settings, file: &str, clinic: &str, json: bool) -> anyhow::Result<ExitCode> {
    let table = Arc::new(table(file)?);
    let text = on_database(settings, async |app| {
        let clinic = find_clinic(app, clinic).await?;
        let replayed = shown(async |shown| replay(app, &clinic, Arc::clone(&table), |now| shown.at(now)).await);
        let found = replayed.await?;
        Ok(if json { in_json(&table, &clinic, &found)? } else { in_words(&table, &clinic, &found)? })
    });
    print(&text.await?)?;
    Ok(ExitCode::SUCCESS)
}

/// A built-in version is read as released; a draft must be fit for release.
pub(super) fn table(name: &str) -> anyhow::Result<RuleTable> {
    let (read, faults) = match released_files(name) {
        Some(files) => (RuleTable::read(&files), "is invalid"),
        None => (RuleTable::compile(&read_folder(Path::new(name))?), "has faults"),
    };
    read.map_err(|found| anyhow!("the table {faults}:\n{}", list(&found).trim_end()))
}

fn in_words(table: &RuleTable, clinic: &Clinic, found: &Replay) -> Result<String, fmt::Error> {
    let mut text = String::new();
    writeln!(text, "rule table {} over {} stored submissions of {}", table.version, found.rows, clinic.name)?;
    let (bands, flags) = (found.band_changes(), found.flagged_changes());
    writeln!(text, "{bands} would change their stated band, {flags} would change whether they are flagged")?;
    let (levels, urgencies) = (found.care_level_changes(), found.urgency_changes());
    writeln!(text, "{levels} would change their care level, {urgencies} would change their urgency")?;
    if found.unreadable > 0 {
        writeln!(text, "{} could not be read; `sarcoscreen rules verify` lists them", found.unreadable)?;
    }
    let names = BANDS.map(|band| band.map_or("not settled", Band::as_str));
    cross(&mut text, "band", &names, &found.bands)?;
    cross(&mut text, "flagged", &["no", "yes"], &found.flagged)?;
    let names = CARE_LEVELS.map(|level| level.map_or("not known", CareLevel::as_str));
    cross(&mut text, "care level", &names, &found.care_levels)?;
    let names = URGENCIES.map(|urgency| urgency.map_or("not flagged", Urgency::as_str));
    cross(&mut text, "urgency", &names, &found.urgencies)?;
    let findings = most_frequent(&found.findings).into_iter();
    moves(&mut text, "findings", findings.map(|((rule, movement), moved)| (rule.to_string(), *movement, moved)))?;
    let reasons = most_frequent(&found.flag_reasons).into_iter();
    let named = |kind: &str, id: &str| format!("{kind} {id}");
    moves(&mut text, "reasons to flag", reasons.map(|((kind, id, how), moved)| (named(kind, id), *how, moved)))?;
    Ok(text)
}

/// A cross table: rows by the stored value, columns by the new value.
fn cross<const N: usize>(text: &mut String, what: &str, names: &[&str; N], rows: &[[u64; N]; N]) -> fmt::Result {
    let corner = format!("{what}, stored \\ new");
    write!(text, "\n{corner:<24}")?;
    for name in names {
        write!(text, "{name:>20}")?;
    }
    writeln!(text)?;
    for (name, row) in names.iter().zip(rows) {
        write!(text, "{name:<24}")?;
        for count in row {
            write!(text, "{count:>20}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn moves(text: &mut String, what: &str, moved: impl Iterator<Item = (String, Movement, Moved)>) -> fmt::Result {
    writeln!(text, "\n{what} that change, the number of rows, and the rows whose band or flag also changes:")?;
    let mut none = true;
    for (name, movement, Moved { rows, deciding }) in moved {
        none = false;
        let movement = match movement {
            Movement::Points => "other points",
            Movement::Gained | Movement::Lost => word(movement),
        };
        writeln!(text, "  {name:<50} {movement:<12} {rows:>10} {deciding:>10}")?;
    }
    if none { writeln!(text, "  none") } else { Ok(()) }
}

fn in_json(table: &RuleTable, clinic: &Clinic, found: &Replay) -> anyhow::Result<String> {
    let findings = most_frequent(&found.findings).into_iter().map(|((rule, movement), moved)| {
        json!({"rule": rule, "change": word(*movement), "rows": moved.rows, "deciding": moved.deciding})
    });
    let reasons = most_frequent(&found.flag_reasons).into_iter().map(|((kind, id, movement), moved)| {
        json!({"kind": kind, "id": id, "change": word(*movement), "rows": moved.rows, "deciding": moved.deciding})
    });
    let document = json!({
        "rule_table": table.version,
        "clinic_id": clinic.clinic_id,
        "rows": found.rows,
        "unreadable": found.unreadable,
        "band_changes": found.band_changes(),
        "flagged_changes": found.flagged_changes(),
        "bands": cells(&BANDS, &found.bands),
        "flagged": cells(&[false, true], &found.flagged),
        "care_level_changes": found.care_level_changes(),
        "urgency_changes": found.urgency_changes(),
        "care_levels": cells(&CARE_LEVELS, &found.care_levels),
        "urgencies": cells(&URGENCIES, &found.urgencies),
        "findings": findings.collect::<Vec<_>>(),
        "flag_reasons": reasons.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// All cells of a cross table, including the empty ones.
fn cells<T: serde::Serialize, const N: usize>(names: &[T; N], rows: &[[u64; N]; N]) -> Vec<Value> {
    let row = |(from, row): (_, &[u64; N])| {
        names.iter().zip(row).map(|(to, rows)| json!({"from": from, "to": to, "rows": rows})).collect::<Vec<_>>()
    };
    names.iter().zip(rows).flat_map(row).collect()
}

const fn word(movement: Movement) -> &'static str {
    match movement {
        Movement::Gained => "gained",
        Movement::Lost => "lost",
        Movement::Points => "points",
    }
}
