//! `rules check`: lists all faults of a table, or prints a summary of it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::{read_folder, reading};
use crate::app::demo::cohort;
use crate::cli::output::print;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::questionnaire::Item;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_lint::LintFault;
use crate::domain::screening::rule_table::{Band, RuleFiles, RuleTable};
use crate::domain::screening::scoring::{ScoreOptions, score};
use crate::rules::{ReleaseError, Releases, digest};

pub(super) fn run(folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    let checked = match folder {
        Some(folder) => {
            let files = read_folder(folder)?;
            RuleTable::compile(&files).map(|table| (table, files))
        }
        None => match Releases::load() {
            Ok(releases) => {
                let release = releases.current();
                Ok((release.table.clone(), release.files.clone()))
            }
            Err(ReleaseError::Faulty { faults, .. }) => Err(faults),
            Err(error) => return Err(error.into()),
        },
    };
    match checked {
        Ok((table, files)) => {
            print(&summary(&table, &files)?)?;
            Ok(if reading::report(&table)?.fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(faults) => {
            print(&list(&faults))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(super) fn list(faults: &[LintFault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let _ = writeln!(text, "{}", fault.to_string().replace('\n', " "));
    }
    let _ = writeln!(text, "{} faults", faults.len());
    text
}

fn summary(table: &RuleTable, files: &RuleFiles) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let (moderate, high, most) = (table.bands.moderate, table.bands.high, table.max_total());
    writeln!(text, "rule table {}, no faults\ndigest {}", table.version, digest(files))?;
    writeln!(text, "reachable total 0 to {most}, not validated by any study")?;
    writeln!(text, "bands: low 0 to {}, moderate {moderate} to {}, high {high} and above", moderate - 1, high - 1)?;
    rules(&mut text, table)?;
    let kinds = table.sources.values().map(|source| snake(&source.kind));
    writeln!(text, "\n{} sources: {}", table.sources.len(), counted(kinds))?;
    let confidence = table.rules.iter().flat_map(|rule| &rule.sources).map(|source| snake(&source.confidence));
    writeln!(text, "what rules take from them: {}", counted(confidence))?;
    let instruments: Vec<&str> = table.instruments.iter().map(|instrument| &*instrument.id).collect();
    writeln!(text, "{} instruments: {}", instruments.len(), instruments.join(", "))?;
    let pathways: Vec<&str> = table.pathways.iter().map(|pathway| pathway.id.as_str()).collect();
    writeln!(text, "{} pathways: {}", pathways.len(), pathways.join(", "))?;
    let (advice, risks, next) = (table.recommendations.len(), table.risks.len(), table.next_screens.len());
    writeln!(text, "{advice} recommendations, {risks} risks, {next} intervals to the next screen")?;
    red_flags(&mut text, table)?;
    for (name, file) in files.iter().filter(|(name, _)| name.starts_with("texts.")) {
        let texts = file.parse::<toml::Table>().map(|table| leaves(&toml::Value::Table(table))).unwrap_or_default();
        writeln!(text, "{texts} texts in {name}")?;
    }
    text.push_str(&reading::report(table)?.text);
    shares(&mut text, table)?;
    Ok(text)
}

fn rules(text: &mut String, table: &RuleTable) -> fmt::Result {
    let scored: Vec<_> = table.rules.iter().filter(|rule| rule.points > 0).collect();
    writeln!(text, "\n{} scored rules in {} groups and alone, with their points:", scored.len(), table.groups.len())?;
    let mut categories: Vec<&str> = Vec::new();
    for rule in &scored {
        if !categories.contains(&&*rule.category) {
            categories.push(&rule.category);
        }
    }
    for category in categories {
        let members: Vec<_> = scored.iter().filter(|rule| &*rule.category == category).collect();
        let points: Vec<String> = members.iter().map(|rule| format!("{} {}", rule.id, rule.points)).collect();
        writeln!(text, "  {category} ({}): {}", members.len(), points.join(", "))?;
    }
    Ok(())
}

fn red_flags(text: &mut String, table: &RuleTable) -> fmt::Result {
    writeln!(text, "\n{} red flags:", table.red_flags.len())?;
    for level in CareLevel::ALL.into_iter().rev() {
        let ids: Vec<&str> = table.red_flags.iter().filter(|flag| flag.level == level).map(|flag| &*flag.id).collect();
        if !ids.is_empty() {
            writeln!(text, "  {} ({}): {}", level.as_str(), ids.len(), ids.join(", "))?;
        }
    }
    writeln!(text)
}

/// The results of the table for the synthetic demo cohort: enough to see whether the table is plausible.
fn shares(text: &mut String, table: &RuleTable) -> fmt::Result {
    let people = cohort(&table.asked);
    let old = people.iter().filter(|one| one.get(Item::Age) > Some(65));
    writeln!(text, "\nshares over the synthetic demo cohort, not representative of real people:")?;
    share(text, table, "all ages", people.iter())?;
    share(text, table, "over 65", old)
}

fn share<'a>(
    text: &mut String,
    table: &RuleTable,
    name: &str,
    people: impl Iterator<Item = &'a Answers>,
) -> fmt::Result {
    let outcomes: Vec<_> = people.map(|one| score(table, one, ScoreOptions::PERSON)).collect();
    let all = outcomes.len().max(1);
    let percent = |count: usize| (count * 200 / all).div_ceil(2);
    write!(text, "  {name} ({} people): ", outcomes.len())?;
    for band in Band::ALL {
        let count = outcomes.iter().filter(|one| one.band() == Some(band)).count();
        write!(text, "{} {} %, ", band.as_str(), percent(count))?;
    }
    let unsettled = outcomes.iter().filter(|one| one.band().is_none()).count();
    if unsettled > 0 {
        write!(text, "not settled {} %, ", percent(unsettled))?;
    }
    let flagged = outcomes.iter().filter(|one| one.flagged()).count();
    writeln!(text, "flagged {} %", percent(flagged))
}

/// Counts names, as `a 3, b 1` in the order of names.
fn counted(names: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// The name of an enum value as it is written in the table.
fn snake(value: &impl serde::Serialize) -> String {
    toml::Value::try_from(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

fn leaves(value: &toml::Value) -> usize {
    match value {
        toml::Value::Table(table) => table.values().map(leaves).sum(),
        toml::Value::Array(array) => array.iter().map(leaves).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_the_current_table_names_its_range_and_both_shares() {
        let releases = Releases::load().unwrap();
        let release = releases.current();
        let text = summary(&release.table, &release.files).unwrap();
        for expected in
            ["reachable total 0 to 44", "high 15 and above", "all ages (300 people)", "over 65", "reading, es"]
        {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn five_planted_faults_are_listed_on_five_lines() {
        let mut files = crate::rules::released_files("2026.1").unwrap();
        let table = files.get_mut("table.toml").unwrap();
        for (from, to) in [
            ("item = \"smoker\", is = true", "item = \"smokes\", is = true"),
            ("item = \"age\", at_least = 80 }", "item = \"age\", at_least = 81 }"),
            ("id = \"cancer\"\n", "id = \"cancer_\"\n"),
            ("from = 11\n", "from = 40\n"),
            ("item = \"hospital_stays_past_year\", is = 1", "item = \"hospital_stays_past_year\", is = 99"),
        ] {
            assert!(table.contains(from), "{from}");
            *table = table.replacen(from, to, 1);
        }
        let faults = RuleTable::compile(&files).unwrap_err();
        let text = list(&faults);
        for place in ["rules.smoker", "groups.age", "rules.cancer_", "bands", "rules.hospital_stay_1"] {
            assert!(text.contains(place), "{place} is not in\n{text}");
        }
        assert_eq!(text.lines().count(), faults.len() + 1);
    }
}
