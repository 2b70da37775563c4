//! `rules diff`: the differences between two tables.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::process::ExitCode;

use toml::Value;

use super::files_of;
use crate::cli::output::print;
use crate::domain::screening::rule_diff::{DiffKind, EntryDiff, FieldDiff, RuleDiff};

pub(super) fn run(before: &str, after: &str, json: bool) -> anyhow::Result<ExitCode> {
    let diff = RuleDiff::between(&files_of(before)?, &files_of(after)?).map_err(anyhow::Error::msg)?;
    print(&if json { serde_json::to_string_pretty(&diff)? + "\n" } else { in_words(&diff)? })?;
    Ok(ExitCode::SUCCESS)
}

fn in_words(diff: &RuleDiff) -> Result<String, fmt::Error> {
    let mut text = format!("{} -> {}\n", diff.before, diff.after);
    for EntryDiff { section, id, change, fields, added } in &diff.entries {
        match (change, added) {
            (DiffKind::Added, Some(entry)) => writeln!(text, "{section}.{id} added: {entry}")?,
            (DiffKind::Added, None) => writeln!(text, "{section}.{id} added")?,
            (DiffKind::Removed, _) => writeln!(text, "{section}.{id} removed")?,
            (DiffKind::Changed, _) => {
                writeln!(text, "{section}.{id} changed")?;
                let shown = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
                for FieldDiff { name, before, after } in fields {
                    writeln!(text, "  {name}: {} -> {}", shown(before), shown(after))?;
                }
            }
        }
    }
    let files: BTreeSet<&String> = diff.texts.iter().map(|text| &text.file).collect();
    for file in files {
        let count = |change| diff.texts.iter().filter(|text| text.file == *file && text.change == change).count();
        let (added, removed, changed) = (count(DiffKind::Added), count(DiffKind::Removed), count(DiffKind::Changed));
        writeln!(text, "{file}: {added} texts added, {removed} removed, {changed} changed")?;
    }
    if diff.entries.is_empty() && diff.texts.is_empty() {
        writeln!(text, "no difference")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::rule_table::RuleFiles;
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

    fn said(before: &RuleFiles, after: &RuleFiles) -> String {
        in_words(&RuleDiff::between(before, after).unwrap()).unwrap()
    }

    #[test]
    fn a_table_does_not_differ_from_itself() {
        let files = released_files("2026.1").unwrap();
        assert_eq!(said(&files, &files), "2026.1 -> 2026.1\nno difference\n");
    }

    #[test]
    fn changed_points_a_moved_band_and_a_reworded_text_are_listed() {
        let (before, after) = edited(&[
            ("table.toml", "version = \"2026.1\"", "version = \"2026.2\""),
            ("table.toml", "from = 11", "from = 12"),
            ("table.toml", "item = \"age\", at_least = 80 }", "item = \"age\", at_least = 85 }"),
            ("texts.en.toml", "How old are you?", "What is your age?"),
        ]);
        let text = said(&before, &after);
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
        let text = said(&before, &after);
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
        let shown = serde_json::to_value(RuleDiff::between(&before, &after).unwrap()).unwrap();
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
        let diff = RuleDiff::between(&whole, &parts).unwrap();
        let shown: Vec<_> = diff.entries.iter().map(|entry| (entry.section, &*entry.id)).collect();
        assert_eq!(shown, [("sources", "another")]);
        parts.insert("again.toml".to_owned(), "version = \"2026.3\"\n".to_owned());
        assert!(RuleDiff::between(&whole, &parts).is_err());
    }
}
