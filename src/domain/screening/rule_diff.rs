//! The differences between two tables, read from the files themselves, in their own notation.

use std::collections::BTreeSet;

use serde::Serialize;
use toml::{Table, Value};

use super::rule_lint::LintFault;
use super::rule_table::RuleFiles;
use crate::names::names;

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

/// All differences between two tables.
#[derive(Debug, Serialize)]
pub struct RuleDiff {
    /// The versions.
    pub before: String,
    pub after: String,
    pub entries: Vec<EntryDiff>,
    pub texts: Vec<TextDiff>,
}

/// A section entry that differs. For an added or removed entry all fields differ.
#[derive(Debug, Serialize)]
pub struct EntryDiff {
    pub section: &'static str,
    pub id: String,
    pub change: DiffKind,
    pub fields: Vec<FieldDiff>,
    /// The whole entry, if it was added.
    #[serde(skip)]
    pub added: Option<Value>,
}

#[derive(Debug, Serialize)]
pub struct FieldDiff {
    pub name: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// A text that differs, by its path in its file.
#[derive(Debug, Serialize)]
pub struct TextDiff {
    pub file: String,
    pub id: String,
    pub change: DiffKind,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

names! {
    pub enum DiffKind {
        Added = "added",
        Removed = "removed",
        Changed = "changed",
    }
}

impl RuleDiff {
    /// Fails with the first fault if the files are not TOML or do not form a table.
    pub fn between(before: &RuleFiles, after: &RuleFiles) -> Result<Self, LintFault> {
        let (old, new) = (table(before)?, table(after)?);
        let mut entries = Vec::new();
        for section in SECTIONS {
            let (old, new) = (entries_of(&old, section), entries_of(&new, section));
            let differing = differing(&old, &new);
            entries.extend(differing.map(|(id, change)| entry(section, id, change, old.get(id), new.get(id))));
        }
        let mut texts = Vec::new();
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).filter(|name| holds_texts(name)).collect();
        for name in names {
            let (old, new) = (flat(before, name)?, flat(after, name)?);
            texts.extend(differing(&old, &new).map(|(id, change)| TextDiff {
                file: name.clone(),
                id: id.clone(),
                change,
                before: old.get(id).cloned(),
                after: new.get(id).cloned(),
            }));
        }
        Ok(Self { before: version(&old), after: version(&new), entries, texts })
    }
}

/// The keys whose values differ, in order, with the kind of change.
fn differing<'a>(old: &'a Table, new: &'a Table) -> impl Iterator<Item = (&'a String, DiffKind)> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter_map(|key| match (old.get(key), new.get(key)) {
        (None, _) => Some((key, DiffKind::Added)),
        (_, None) => Some((key, DiffKind::Removed)),
        (one, other) => (one != other).then_some((key, DiffKind::Changed)),
    })
}

fn entry(section: &'static str, id: &str, change: DiffKind, old: Option<&Value>, new: Option<&Value>) -> EntryDiff {
    let fields = |value: Option<&Value>| match value {
        Some(Value::Table(fields)) => fields.clone(),
        Some(other) => Table::from_iter([("value".to_owned(), other.clone())]),
        None => Table::new(),
    };
    let (before, after) = (fields(old), fields(new));
    let field = |(name, _): (&String, DiffKind)| FieldDiff {
        name: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    EntryDiff {
        section,
        id: id.to_owned(),
        change,
        fields: differing(&before, &after).map(field).collect(),
        added: new.filter(|_| change == DiffKind::Added).cloned(),
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
fn flat(files: &RuleFiles, name: &str) -> Result<Table, LintFault> {
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
fn table(files: &RuleFiles) -> Result<Table, LintFault> {
    let mut whole = Table::new();
    for (name, text) in files.iter().filter(|(name, _)| !holds_texts(name)) {
        for (section, value) in parsed(name, text)? {
            match (whole.get_mut(&section), value) {
                (None, value) => drop(whole.insert(section, value)),
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (Some(Value::Table(table)), Value::Table(more)) => table.extend(more),
                _ => return Err(LintFault::new(name, format!("defines {section} again"))),
            }
        }
    }
    if whole.is_empty() {
        return Err(LintFault::new("table.toml", "there is no table next to the texts"));
    }
    Ok(whole)
}

fn holds_texts(name: &str) -> bool {
    name.starts_with("texts.")
}

fn parsed(name: &str, text: &str) -> Result<Table, LintFault> {
    text.parse::<Table>().map_err(|error| LintFault::new(name, error.to_string().trim()))
}

fn version(table: &Table) -> String {
    table.get("version").and_then(Value::as_str).unwrap_or("a table without a version").to_owned()
}
