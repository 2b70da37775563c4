//! `rules diff`: the differences between two tables, in words.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};

use super::{check, files_of};
use crate::cli::output::print;
use crate::domain::language::Language;
use crate::domain::screening::rule_table::{RuleFiles, RuleTable};
use crate::domain::screening::table_changes::{EntryChange, changes};
use crate::domain::screening::words::Words;
use crate::http::v1::screening::rule_changes::RuleTableChangesBody;

pub(super) fn run(before: &str, after: &str, language: &str, json: bool) -> anyhow::Result<ExitCode> {
    let language = Language::from_tag(language).context("this language is not supported")?;
    let (before, after) = (table(before, &files_of(before)?)?, table(after, &files_of(after)?)?);
    let text = if json {
        serde_json::to_string_pretty(&RuleTableChangesBody::new(&before, &after, language))? + "\n"
    } else {
        in_words(&before, &after, language)?
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A draft may lack what the linter requires of a release, so that it can be compared while it is written.
fn table(name: &str, files: &RuleFiles) -> anyhow::Result<RuleTable> {
    RuleTable::read(files).map_err(|faults| anyhow!("{name} cannot be read:\n{}", check::list(&faults)))
}

/// A line for each entry; below it each field with its lines before and after.
fn in_words(before: &RuleTable, after: &RuleTable, language: Language) -> Result<String, fmt::Error> {
    let words = Words { table: after, language };
    let mut text = format!("{} -> {}\n", before.version, after.version);
    let found = changes(before, after, language);
    for EntryChange { section, id, title, kind, fields } in &found {
        writeln!(text, "{}.{id} {}: {title}", section.as_str(), kind.as_str())?;
        for change in fields {
            writeln!(text, "  {}", change.field.as_str())?;
            for (sign, side) in [('-', &change.before), ('+', &change.after)] {
                for line in side.iter().flat_map(|phrase| words.lines(phrase)) {
                    writeln!(text, "    {sign} {line}")?;
                }
            }
        }
    }
    if found.is_empty() {
        writeln!(text, "no difference")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rules::released_files;

    /// A release with some replacements.
    fn edited(version: &str, edits: &[(&str, &str, &str)]) -> RuleFiles {
        let mut files = released_files(version).unwrap();
        for (file, from, to) in edits {
            let text = files.get_mut(*file).unwrap();
            assert!(text.contains(from), "{from}");
            *text = text.replacen(from, to, 1);
        }
        files
    }

    fn read(files: &RuleFiles) -> RuleTable {
        table("the table", files).unwrap()
    }

    fn said(before: &RuleFiles, after: &RuleFiles) -> String {
        in_words(&read(before), &read(after), Language::En).unwrap()
    }

    #[test]
    fn a_table_does_not_differ_from_itself() {
        let files = released_files("2026.1").unwrap();
        assert_eq!(said(&files, &files), "2026.1 -> 2026.1\nno difference\n");
    }

    #[test]
    fn changed_points_a_moved_band_and_a_reworded_text_are_listed() {
        let after = edited(
            "2026.1",
            &[
                ("table.toml", "version = \"2026.1\"", "version = \"2026.2\""),
                ("table.toml", "from = 11", "from = 12"),
                ("table.toml", "item = \"age\", at_least = 80 }", "item = \"age\", at_least = 85 }"),
                ("texts.en.toml", "How old are you?", "What is your age?"),
            ],
        );
        let text = said(&released_files("2026.1").unwrap(), &after);
        for line in [
            "2026.1 -> 2026.2\n",
            "\nbands.high changed: ",
            "\n  from\n    - 11 points\n    + 12 points\n",
            "\nrules.age_80_and_over changed: What is your age? at least 85 years\n",
            "\n  when\n    - How old are you? at least 80 years\n    + What is your age? at least 85 years\n",
            "\nitems.age changed: What is your age?\n  label\n    - How old are you?\n    + What is your age?\n",
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
        assert!(text.contains("\nform.first_open changed: "), "{text}");
        assert!(text.contains("\n  age_from\n    - 60 years\n    + 65 years\n"), "{text}");
        assert!(text.contains("form.alarms changed: The alarm questions, in their order\n  items\n    - "), "{text}");
    }

    #[test]
    fn the_same_differences_are_listed_as_json() {
        let before = released_files("2026.1").unwrap();
        let mut after = edited(
            "2026.1",
            &[
                ("table.toml", "version = \"2026.1\"", "version = \"2026.2\""),
                ("table.toml", "from = 11", "from = 12"),
                ("texts.en.toml", "How old are you?", "What is your age?"),
            ],
        );
        let next = "[[next_screens]]\nband = \"low\"\ndays = 365\nsources = []\n";
        after.insert("more.toml".to_owned(), next.to_owned());
        let body = RuleTableChangesBody::new(&read(&before), &read(&after), Language::En);
        let shown = serde_json::to_value(body).unwrap();
        let about = ["before", "after", "language"].map(|name| shown[name].as_str().unwrap());
        assert_eq!(about, ["2026.1", "2026.2", "en"]);
        let entries = shown["entries"].as_array().unwrap();
        let ids: Vec<_> = entries.iter().map(|one| json!([one["section"], one["id"], one["change"]])).collect();
        let expected = [
            json!(["bands", "high", "changed"]),
            json!(["next_screens", "low", "added"]),
            json!(["items", "age", "changed"]),
        ];
        assert_eq!(ids, expected);
        let start = json!([{"name": "from", "before": ["11 points"], "after": ["12 points"]}]);
        assert_eq!((&entries[0]["fields"], &entries[0]["only_wording"]), (&start, &json!(false)));
        let days = json!([{"name": "days", "before": [], "after": ["365 days"]}]);
        assert_eq!(entries[1]["fields"], days);
        assert_eq!(entries[2]["only_wording"], true);
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
        let found = changes(&read(&whole), &read(&parts), Language::En);
        let shown: Vec<_> = found.iter().map(|entry| (entry.section.as_str(), &*entry.id)).collect();
        assert_eq!(shown, [("sources", "another")]);
        parts.insert("again.toml".to_owned(), "version = \"2026.3\"\n".to_owned());
        assert!(table("the table", &parts).is_err());
    }
}
