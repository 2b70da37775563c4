//! `rules diff`: the differences between two tables, read from the files themselves, in their own notation.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Serialize;
use toml::{Table, Value};

use super::files_of;
use crate::cli::output::print;
use crate::domain::screening::rule_table::RuleFiles;

/// The sections of a table, the most interesting first.
const SECTIONS: [&str; 11] = [
    "bands",
    "form",
    "rules",
    "groups",
    "red_flags",
    "instruments",
    "pathways",
    "risks",
    "next_screens",
    "recommendations",
    "sources",
];

/// All differences; `rules diff --json` documents the JSON form.
#[derive(Serialize)]
struct Difference {
    before: String,
    after: String,
    entries: Vec<Entry>,
    texts: Vec<Text>,
}

/// A section entry that differs. For an added or removed entry all fields differ.
#[derive(Serialize)]
struct Entry {
    section: &'static str,
    id: String,
    change: Change,
    fields: Vec<Field>,
    /// The whole entry, if it was added.
    #[serde(skip)]
    added: Option<Value>,
}

#[derive(Serialize)]
struct Field {
    name: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// A text that differs, by its path in its file.
#[derive(Serialize)]
struct Text {
    file: String,
    id: String,
    change: Change,
    before: Option<Value>,
    after: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Added,
    Removed,
    Changed,
}

pub(super) fn run(before: &str, after: &str, json: bool) -> anyhow::Result<ExitCode> {
    let difference = difference(&files_of(before)?, &files_of(after)?)?;
    print(&if json { serde_json::to_string_pretty(&difference)? + "\n" } else { difference.in_words()? })?;
    Ok(ExitCode::SUCCESS)
}

fn difference(before: &RuleFiles, after: &RuleFiles) -> anyhow::Result<Difference> {
    let (old, new) = (table(before)?, table(after)?);
    let mut entries = Vec::new();
    for section in SECTIONS {
        let (old, new) = (entries_of(&old, section), entries_of(&new, section));
        entries.extend(changes(&old, &new).map(|(id, change)| entry(section, id, change, old.get(id), new.get(id))));
    }
    let mut texts = Vec::new();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).filter(|name| holds_texts(name)).collect();
    for name in names {
        let (old, new) = (flat(before, name)?, flat(after, name)?);
        texts.extend(changes(&old, &new).map(|(id, change)| Text {
            file: name.clone(),
            id: id.clone(),
            change,
            before: old.get(id).cloned(),
            after: new.get(id).cloned(),
        }));
    }
    Ok(Difference { before: version(&old), after: version(&new), entries, texts })
}

impl Difference {
    fn in_words(&self) -> Result<String, fmt::Error> {
        let mut text = format!("{} -> {}\n", self.before, self.after);
        for Entry { section, id, change, fields, added } in &self.entries {
            match (change, added) {
                (Change::Added, Some(entry)) => writeln!(text, "{section}.{id} added: {entry}")?,
                (Change::Added, None) => writeln!(text, "{section}.{id} added")?,
                (Change::Removed, _) => writeln!(text, "{section}.{id} removed")?,
                (Change::Changed, _) => {
                    writeln!(text, "{section}.{id} changed")?;
                    let shown = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
                    for Field { name, before, after } in fields {
                        writeln!(text, "  {name}: {} -> {}", shown(before), shown(after))?;
                    }
                }
            }
        }
        let files: BTreeSet<&String> = self.texts.iter().map(|text| &text.file).collect();
        for file in files {
            let count = |change| self.texts.iter().filter(|text| text.file == *file && text.change == change).count();
            let (added, removed, changed) = (count(Change::Added), count(Change::Removed), count(Change::Changed));
            writeln!(text, "{file}: {added} texts added, {removed} removed, {changed} changed")?;
        }
        if self.entries.is_empty() && self.texts.is_empty() {
            writeln!(text, "no difference")?;
        }
        Ok(text)
    }
}

/// The keys whose values differ, in order, with the kind of change.
fn changes<'a>(old: &'a Table, new: &'a Table) -> impl Iterator<Item = (&'a String, Change)> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter_map(|key| match (old.get(key), new.get(key)) {
        (None, _) => Some((key, Change::Added)),
        (_, None) => Some((key, Change::Removed)),
        (one, other) => (one != other).then_some((key, Change::Changed)),
    })
}

fn entry(section: &'static str, id: &str, change: Change, old: Option<&Value>, new: Option<&Value>) -> Entry {
    let fields = |value: Option<&Value>| match value {
        Some(Value::Table(fields)) => fields.clone(),
        Some(other) => Table::from_iter([("value".to_owned(), other.clone())]),
        None => Table::new(),
    };
    let (before, after) = (fields(old), fields(new));
    let field = |(name, _): (&String, Change)| Field {
        name: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    Entry {
        section,
        id: id.to_owned(),
        change,
        fields: changes(&before, &after).map(field).collect(),
        added: new.filter(|_| change == Change::Added).cloned(),
    }
}

/// The entries of a section: a list of tables with ids, or a table by id. Entries without an id are keyed by their band.
fn entries_of(table: &Table, section: &str) -> Table {
    let named = |(index, entry): (usize, &Value)| {
        let id = entry.get("id").or_else(|| entry.get("band")).and_then(Value::as_str);
        (id.map_or_else(|| index.to_string(), str::to_owned), entry.clone())
    };
    match table.get(section) {
        Some(Value::Array(list)) => list.iter().enumerate().map(named).collect(),
        Some(Value::Table(by_id)) => by_id.clone(),
        _ => Table::new(),
    }
}

/// The texts of a file by their paths; none if the file does not exist.
fn flat(files: &RuleFiles, name: &str) -> anyhow::Result<Table> {
    let mut found = Table::new();
    if let Some(text) = files.get(name) {
        flatten(String::new(), Value::Table(parsed(name, text)?), &mut found);
    }
    Ok(found)
}

fn flatten(path: String, value: Value, found: &mut Table) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(path, inner, found);
            }
        }
        leaf => {
            found.insert(path, leaf);
        }
    }
}

/// The table that the files of a version form together: lists are appended, tables merged.
fn table(files: &RuleFiles) -> anyhow::Result<Table> {
    let mut whole = Table::new();
    for (name, text) in files.iter().filter(|(name, _)| !holds_texts(name)) {
        for (section, value) in parsed(name, text)? {
            match (whole.get_mut(&section), value) {
                (None, value) => drop(whole.insert(section, value)),
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (Some(Value::Table(table)), Value::Table(more)) => table.extend(more),
                _ => bail!("{name} defines {section} again"),
            }
        }
    }
    if whole.is_empty() {
        bail!("there is no table next to the texts");
    }
    Ok(whole)
}

fn holds_texts(name: &str) -> bool {
    name.starts_with("texts.")
}

fn parsed(name: &str, text: &str) -> anyhow::Result<Table> {
    text.parse().with_context(|| format!("{name} is not TOML"))
}

fn version(table: &Table) -> String {
    table.get("version").and_then(Value::as_str).unwrap_or("a table without a version").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::released_files;

    /// Release 2026.1, and the same release with some replacements.
    fn edited(edits: &[(&str, &str, &str)]) -> (RuleFiles, RuleFiles) {
        let before = released_files("2026.1").unwrap();
        let mut after = before.clone();
        for (file, from, to) in edits {
            let text = after.get_mut(*file).unwrap();
            assert!(text.contains(from), "{from}");
            *text = text.replacen(from, to, 1);
        }
        (before, after)
    }

    #[test]
    fn a_table_does_not_differ_from_itself() {
        let files = released_files("2026.1").unwrap();
        let difference = difference(&files, &files).unwrap();
        assert_eq!(difference.in_words().unwrap(), "2026.1 -> 2026.1\nno difference\n");
    }

    #[test]
    fn changed_points_a_moved_band_and_a_reworded_text_are_listed() {
        let (before, after) = edited(&[
            ("table.toml", "version = \"2026.1\"", "version = \"2026.2\""),
            ("table.toml", "from = 11", "from = 12"),
            ("table.toml", "item = \"age\", at_least = 80 }", "item = \"age\", at_least = 85 }"),
            ("texts.en.toml", "How old are you?", "What is your age?"),
        ]);
        let text = difference(&before, &after).unwrap().in_words().unwrap();
        for line in [
            "2026.1 -> 2026.2",
            "bands.high changed\n  from: 11 -> 12",
            "rules.age_80_and_over changed\n  when: { at_least = 80, item = \"age\" } -> { ",
            "texts.en.toml: 0 texts added, 0 removed, 1 changed",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_changed_form_is_listed() {
        let before = released_files("2026.3").unwrap();
        let mut after = before.clone();
        let text = after.get_mut("table.toml").unwrap();
        *text = text.replace("age_from = 60 }", "age_from = 65 }").replace("    \"muscle_pain\",\n", "");
        let text = difference(&before, &after).unwrap().in_words().unwrap();
        assert!(text.contains("form.first_open changed\n  age_from: 60 -> 65\n"), "{text}");
        assert!(text.contains("form.alarms changed\n  value: ["), "{text}");
    }

    #[test]
    fn the_same_differences_are_listed_as_json() {
        let (before, mut after) = edited(&[
            ("table.toml", "version = \"2026.1\"", "version = \"2026.2\""),
            ("table.toml", "from = 11", "from = 12"),
            ("texts.en.toml", "How old are you?", "What is your age?"),
        ]);
        after.insert("more.toml".to_owned(), "[[next_screens]]\nband = \"low\"\ndays = 365\n".to_owned());
        let shown = serde_json::to_value(difference(&before, &after).unwrap()).unwrap();
        let days = serde_json::json!([{"name": "band", "before": null, "after": "low"},
            {"name": "days", "before": null, "after": 365}]);
        let expected = serde_json::json!({
            "before": "2026.1",
            "after": "2026.2",
            "entries": [
                {"section": "bands", "id": "high", "change": "changed",
                    "fields": [{"name": "from", "before": 11, "after": 12}]},
                {"section": "next_screens", "id": "low", "change": "added", "fields": days},
            ],
            "texts": [{"file": "texts.en.toml", "id": "items.age.label", "change": "changed",
                "before": "How old are you?", "after": "What is your age?"}],
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_table_in_several_files_is_the_table_in_one() {
        let whole = released_files("2026.1").unwrap();
        let mut parts = whole.clone();
        let text = parts.remove("table.toml").unwrap();
        let (start, rest) = text.split_at(text.find("[[instruments]]").unwrap());
        let (instruments, more) = rest.split_at(rest.find("[[recommendations]]").unwrap());
        let sources = "[sources.another]\nkind = \"judgement\"\ncite = \"Another\"\n";
        parts.insert("table.toml".to_owned(), format!("{start}{more}"));
        parts.insert("instruments.toml".to_owned(), format!("{sources}{instruments}"));
        let difference = difference(&whole, &parts).unwrap();
        let shown: Vec<_> = difference.entries.iter().map(|entry| (entry.section, &*entry.id)).collect();
        assert_eq!(shown, [("sources", "another")]);
        parts.insert("again.toml".to_owned(), "version = \"2026.3\"\n".to_owned());
        assert!(super::difference(&whole, &parts).is_err());
    }
}
