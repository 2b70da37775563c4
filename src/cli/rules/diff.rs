//! `rules diff`: what changed from one table to another, read from the files themselves, in their own notation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use toml::{Table, Value};

use super::files_of;
use crate::cli::print;
use crate::domain::rule_table::RuleFiles;

/// The entries of a section by id, or all texts by their path.
type Entries = BTreeMap<String, Value>;

/// The sections of a table in the order of interest.
const SECTIONS: [&str; 7] = ["bands", "rules", "groups", "red_flags", "instruments", "recommendations", "sources"];

pub(super) fn run(before: &str, after: &str) -> anyhow::Result<ExitCode> {
    let (before, after) = (files_of(before)?, files_of(after)?);
    print(&difference(&before, &after)?)?;
    Ok(ExitCode::SUCCESS)
}

fn difference(before: &RuleFiles, after: &RuleFiles) -> anyhow::Result<String> {
    let (old, new) = (table(before, "table.toml")?, table(after, "table.toml")?);
    let mut text = String::new();
    writeln!(text, "{} -> {}", version(&old), version(&new))?;
    for section in SECTIONS {
        compare(&mut text, section, &entries(&old, section), &entries(&new, section))?;
    }
    let names: BTreeSet<&String> =
        before.keys().chain(after.keys()).filter(|name| name.starts_with("texts.")).collect();
    for name in names {
        let flat = |files: &RuleFiles| -> anyhow::Result<Entries> {
            let mut found = Entries::new();
            if files.contains_key(name) {
                flatten("", &Value::Table(table(files, name)?), &mut found);
            }
            Ok(found)
        };
        count_texts(&mut text, name, &flat(before)?, &flat(after)?)?;
    }
    if text.lines().count() == 1 {
        writeln!(text, "no difference")?;
    }
    Ok(text)
}

fn compare(text: &mut String, section: &str, old: &Entries, new: &Entries) -> fmt::Result {
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for id in ids {
        match (old.get(id), new.get(id)) {
            (None, Some(entry)) => writeln!(text, "{section}.{id} added: {entry}")?,
            (Some(_), None) => writeln!(text, "{section}.{id} removed")?,
            (Some(one), Some(other)) if one != other => {
                writeln!(text, "{section}.{id} changed")?;
                fields(text, one, other)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn fields(text: &mut String, old: &Value, new: &Value) -> fmt::Result {
    let none = Table::new();
    let (old, new) = (old.as_table().unwrap_or(&none), new.as_table().unwrap_or(&none));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    for name in names {
        let (one, other) = (old.get(name), new.get(name));
        if one != other {
            writeln!(text, "  {name}: {} -> {}", shown(one), shown(other))?;
        }
    }
    Ok(())
}

fn count_texts(text: &mut String, name: &str, old: &Entries, new: &Entries) -> fmt::Result {
    let added = new.keys().filter(|key| !old.contains_key(*key)).count();
    let removed = old.keys().filter(|key| !new.contains_key(*key)).count();
    let changed = new.iter().filter(|(key, value)| old.get(*key).is_some_and(|known| known != *value)).count();
    if added + removed + changed > 0 {
        writeln!(text, "{name}: {added} texts added, {removed} removed, {changed} changed")?;
    }
    Ok(())
}

/// The entries of a section: a list of tables with ids, or a table by id.
fn entries(table: &Table, section: &str) -> Entries {
    let named = |(index, entry): (usize, &Value)| {
        let id = entry.get("id").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
        (id, entry.clone())
    };
    match table.get(section) {
        Some(Value::Array(list)) => list.iter().enumerate().map(named).collect(),
        Some(Value::Table(by_id)) => by_id.iter().map(|(id, entry)| (id.clone(), entry.clone())).collect(),
        _ => Entries::new(),
    }
}

fn flatten(path: &str, value: &Value, found: &mut Entries) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                flatten(&format!("{path}.{key}"), inner, found);
            }
        }
        leaf => {
            found.insert(path.to_owned(), leaf.clone());
        }
    }
}

fn table(files: &RuleFiles, name: &str) -> anyhow::Result<Table> {
    let text = files.get(name).with_context(|| format!("{name} is missing"))?;
    text.parse().with_context(|| format!("{name} is not TOML"))
}

fn version(table: &Table) -> &str {
    table.get("version").and_then(Value::as_str).unwrap_or("a table without a version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::released_files;

    #[test]
    fn a_table_does_not_differ_from_itself() {
        let files = released_files("2026.1").unwrap();
        assert_eq!(difference(&files, &files).unwrap(), "2026.1 -> 2026.1\nno difference\n");
    }

    #[test]
    fn changed_points_a_moved_band_and_a_reworded_text_are_told() {
        let before = released_files("2026.1").unwrap();
        let mut after = before.clone();
        for (file, from, to) in [
            ("table.toml", "version = \"2026.1\"", "version = \"2026.2\""),
            ("table.toml", "from = 11", "from = 12"),
            ("table.toml", "item = \"age\", at_least = 80 }", "item = \"age\", at_least = 85 }"),
            ("texts.en.toml", "How old are you?", "What is your age?"),
        ] {
            let text = after.get_mut(file).unwrap();
            assert!(text.contains(from), "{from}");
            *text = text.replacen(from, to, 1);
        }
        let text = difference(&before, &after).unwrap();
        for line in [
            "2026.1 -> 2026.2",
            "bands.high changed\n  from: 11 -> 12",
            "rules.age_80_and_over changed\n  when: { at_least = 80, item = \"age\" } -> { ",
            "texts.en.toml: 0 texts added, 0 removed, 1 changed",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
