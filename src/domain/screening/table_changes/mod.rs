//! The differences between two rule tables: each entry that was added, removed or changed, with its fields before and
//! after in words.
//!
//! Conditions and figures are compared by value, so that a reworded question does not make a rule differ. Texts are
//! compared as texts; [`Field::is_wording`] tells them apart.

mod entries;

use super::rule_table::RuleTable;
use super::words::{Phrase, Words};
use crate::language::Language;
use crate::names::names;

names! {
    /// A part of a rule table.
    pub enum Section {
        Bands = "bands",
        Rules = "rules",
        RedFlags = "red_flags",
        Instruments = "instruments",
        Pathways = "pathways",
        Recommendations = "recommendations",
        Risks = "risks",
        NextScreens = "next_screens",
        Items = "items",
        /// What the form does with its items.
        Form = "form",
        /// The texts that belong to no entry.
        Texts = "texts",
        Sources = "sources",
    }

    /// What happened to an entry of a rule table.
    pub enum EntryChangeKind {
        Added = "added",
        Removed = "removed",
        Changed = "changed",
    }

    /// A property of an entry.
    pub enum Field {
        From = "from",
        Points = "points",
        Combination = "combination",
        Category = "category",
        When = "when",
        Level = "level",
        Flags = "flags",
        Laboratory = "laboratory",
        Urgency = "urgency",
        Family = "family",
        AgeFrom = "age_from",
        CutOff = "cut_off",
        Components = "components",
        Formula = "formula",
        Accuracy = "accuracy",
        Licence = "licence",
        Stage = "stage",
        NeedsPerformance = "needs_performance",
        CaseFinding = "case_finding",
        StrengthLow = "strength_low",
        PerformanceLow = "performance_low",
        Findings = "findings",
        FlaggedBy = "flagged_by",
        Days = "days",
        Options = "options",
        Items = "items",
        Kind = "kind",
        Cite = "cite",
        Doi = "doi",
        Note = "note",
        Sources = "sources",
        /// The name of an entry.
        Label = "label",
        /// What a person or staff read.
        Text = "text",
    }
}

impl Field {
    /// Whether the field is only read by people and decides nothing.
    pub const fn is_wording(self) -> bool {
        matches!(self, Self::Label | Self::Text)
    }

    /// Whether its words are in English in every language.
    pub const fn is_english(self) -> bool {
        matches!(self, Self::Accuracy | Self::Licence | Self::Cite | Self::Note | Self::Sources)
    }
}

/// An entry that two tables do not have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryChange {
    pub section: Section,
    /// The id of the entry in its section.
    pub id: String,
    /// What the entry is about, in words of the later table that has it.
    pub title: String,
    pub kind: EntryChangeKind,
    /// The fields that differ; of an added or removed entry all that have a value.
    pub fields: Vec<FieldChange>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub field: Field,
    /// `None` if the earlier table has no value.
    pub before: Option<Phrase>,
    /// `None` if the later table has no value.
    pub after: Option<Phrase>,
}

impl EntryChange {
    /// Whether only texts differ.
    pub fn is_wording(&self) -> bool {
        let is_changed = self.kind == EntryChangeKind::Changed || self.section == Section::Texts;
        is_changed && self.fields.iter().all(|change| change.field.is_wording())
    }
}

/// All differences, in the order of [`Section::ALL`]; within a section in the order of the later table, then the
/// removed entries.
pub fn changes(before: &RuleTable, after: &RuleTable, language: Language) -> Vec<EntryChange> {
    let tables = Tables { before: Words { table: before, language }, after: Words { table: after, language } };
    Section::ALL.into_iter().flat_map(|section| entries::of(tables, section)).collect()
}

#[derive(Clone, Copy)]
struct Tables<'a> {
    before: Words<'a>,
    after: Words<'a>,
}

/// An entry in the tables that have it, with the fields that differ.
struct Sides<'a, T> {
    before: Option<(Words<'a>, T)>,
    after: Option<(Words<'a>, T)>,
    fields: Vec<FieldChange>,
}

impl<'a> Tables<'a> {
    /// The changes of a section. `list` has the entries of a table with their ids, `title` names one, `compare` adds
    /// the fields that differ.
    fn section<T: Copy>(
        self,
        section: Section,
        list: impl Fn(Words<'a>) -> Vec<(&'a str, T)>,
        title: impl Fn(Words<'a>, T) -> String,
        compare: impl Fn(Sides<'a, T>) -> Sides<'a, T>,
    ) -> Vec<EntryChange> {
        let (old, new) = (list(self.before), list(self.after));
        let known =
            |entries: &[(&'a str, T)], id: &str| entries.iter().find(|entry| entry.0 == id).map(|entry| entry.1);
        let removed = old.iter().map(|entry| entry.0).filter(|id| known(&new, id).is_none());
        let mut found = Vec::new();
        for id in new.iter().map(|entry| entry.0).chain(removed) {
            let before = known(&old, id).map(|entry| (self.before, entry));
            let after = known(&new, id).map(|entry| (self.after, entry));
            let (kind, latest) = match (before, after) {
                (None, Some(latest)) => (EntryChangeKind::Added, latest),
                (Some(_), Some(latest)) => (EntryChangeKind::Changed, latest),
                (Some(latest), None) => (EntryChangeKind::Removed, latest),
                (None, None) => continue,
            };
            let fields = compare(Sides { before, after, fields: Vec::new() }).fields;
            if kind != EntryChangeKind::Changed || !fields.is_empty() {
                let title = title(latest.0, latest.1);
                found.push(EntryChange { section, id: id.to_owned(), title, kind, fields });
            }
        }
        found
    }
}

impl<'a, T: Copy> Sides<'a, T> {
    /// Adds a field if its value differs; `words` shows it.
    fn value<K: PartialEq>(
        mut self,
        field: Field,
        value: impl Fn(Words<'a>, T) -> K,
        words: impl Fn(Words<'a>, T) -> Phrase,
    ) -> Self {
        let [before, after] = [self.before, self.after].map(|side| side.map(|(table, entry)| value(table, entry)));
        if before != after {
            self.add(field, words);
        }
        self
    }

    /// Adds a field if its words differ.
    fn words(mut self, field: Field, words: impl Fn(Words<'a>, T) -> Phrase) -> Self {
        let [before, after] = [self.before, self.after].map(|side| side.map(|(table, entry)| words(table, entry)));
        if before != after {
            self.add(field, words);
        }
        self
    }

    /// Adds a field if its text differs.
    fn text<S: Into<String>>(self, field: Field, text: impl Fn(Words<'a>, T) -> S) -> Self {
        self.words(field, |table, entry| Phrase::Text(text(table, entry).into()))
    }

    fn add(&mut self, field: Field, words: impl Fn(Words<'a>, T) -> Phrase) {
        let shown = |side: Option<(Words<'a>, T)>| {
            side.map(|(table, entry)| words(table, entry)).filter(|phrase| !phrase.is_empty())
        };
        let (before, after) = (shown(self.before), shown(self.after));
        if before.is_some() || after.is_some() {
            self.fields.push(FieldChange { field, before, after });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::rule_table;

    fn found(from: &str, to: &str) -> Vec<EntryChange> {
        changes(&rule_table("", ""), &rule_table(from, to), Language::En)
    }

    fn text(words: &str) -> Phrase {
        Phrase::Text(words.to_owned())
    }

    #[test]
    fn a_table_does_not_differ_from_itself() {
        assert!(found("", "").is_empty());
    }

    #[test]
    fn a_changed_field_has_both_sides_in_words() {
        let changes = found("points = 2\nwhen", "points = 3\nwhen");
        let fields =
            vec![FieldChange { field: Field::Points, before: Some(text("2 points")), after: Some(text("3 points")) }];
        let (title, kind) = ("Your age: 60 to 69 years".to_owned(), EntryChangeKind::Changed);
        assert_eq!(changes, [EntryChange { section: Section::Rules, id: "old".to_owned(), title, kind, fields }]);
        assert!(!changes[0].is_wording());
    }

    #[test]
    fn an_entry_with_another_id_is_added_and_the_former_one_removed() {
        let changes = found("id = \"ill\"\ngroup", "id = \"sick\"\ngroup");
        let kinds: Vec<_> = changes.iter().map(|change| (&*change.id, change.kind)).collect();
        assert_eq!(kinds, [("sick", EntryChangeKind::Added), ("ill", EntryChangeKind::Removed)]);
        assert!(changes[0].fields.iter().all(|change| change.before.is_none() && change.after.is_some()));
        assert!(changes[1].fields.iter().all(|change| change.before.is_some() && change.after.is_none()));
    }

    #[test]
    fn a_reworded_question_changes_the_item_and_no_rule() {
        let changes = found("Your age", "Age in years");
        let found: Vec<_> = changes.iter().map(|change| (change.section, &*change.id)).collect();
        assert_eq!(found, [(Section::Items, "age")]);
        assert!(changes[0].is_wording());
    }

    #[test]
    fn a_moved_question_and_an_other_text_are_found() {
        let with_form = |lists: &str| rule_table("recommendations = []", &format!("recommendations = []\n{lists}"));
        let before = with_form("form = { alarms = [\"dark_urine\", \"falls_past_year\"] }");
        let after = with_form("form = { alarms = [\"falls_past_year\", \"dark_urine\"] }");
        let found = changes(&before, &after, Language::En);
        let [moved] = &found[..] else { panic!("{found:?}") };
        assert_eq!((moved.section, &*moved.id, moved.fields[0].field), (Section::Form, "alarms", Field::Items));
        let first = with_form("form = { first_open = { items = [\"falls_past_year\"], age_from = 60 } }");
        let found = changes(&with_form(""), &first, Language::En);
        let fields: Vec<_> = found[0].fields.iter().map(|change| (change.field, change.after.clone())).collect();
        let items = Some(Phrase::List(vec![Phrase::Text("Falls".to_owned())]));
        assert_eq!(
            (&*found[0].id, fields),
            ("first_open", vec![(Field::Items, items), (Field::AgeFrom, Some(text("60 years")))])
        );
        let found = self::found("illness = \"Illnesses\"", "illness = \"Diseases\"");
        let of_texts = found.iter().find(|change| change.section == Section::Texts).unwrap();
        assert_eq!((&*of_texts.id, &*of_texts.title), ("categories.illness", "Heading of rules"));
        assert!(of_texts.is_wording());
    }

    #[test]
    fn a_changed_condition_combination_band_and_pathway_are_found() {
        for (from, to, section, field) in [
            ("at_most = 69", "at_most = 70", Section::Rules, Field::When),
            ("cap = 4", "cap = 5", Section::Rules, Field::Combination),
            ("from = 11", "from = 12", Section::Bands, Field::From),
            ("male = 34", "male = 35", Section::Pathways, Field::StrengthLow),
            ("flags = true\nwhen", "flags = true\nlaboratory = true\nwhen", Section::RedFlags, Field::Laboratory),
            ("level = \"emergency\"", "level = \"consultation\"", Section::RedFlags, Field::Level),
            ("cut_off = 4", "cut_off = 5", Section::Instruments, Field::CutOff),
            ("at_least = 4, points = 2", "at_least = 4, points = 3", Section::Instruments, Field::Components),
            ("effect = \"OR 2\"", "effect = \"OR 3\"", Section::Rules, Field::Sources),
            ("10.1000/1", "10.1000/2", Section::Sources, Field::Doi),
        ] {
            let changes = found(from, to);
            let mut of_section = changes.iter().filter(|change| change.section == section);
            let is_found = of_section.any(|change| change.fields.iter().any(|one| one.field == field));
            assert!(is_found, "{to}: {changes:?}");
        }
    }
}
