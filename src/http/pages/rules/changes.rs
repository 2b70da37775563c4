//! The page with what changed between two versions, side by side.

use std::collections::BTreeMap;

use askama::Template;

use super::lines::{Line, lines};
use super::links::Link;
use crate::domain::language::Language;
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::table_changes::{EntryChange, EntryChangeKind, FieldChange, Section, changes};
use crate::domain::screening::words::Phrase;
use crate::http::kernel::problem::Problem;
use crate::http::pages::address::in_language;
use crate::http::pages::layout::Layout;
use crate::http::pages::rendered;
use crate::http::pages::texts::{self, RulesTexts};

/// Two versions; `before` is absent for the first version.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub before: Option<&'a RuleTable>,
    pub after: &'a RuleTable,
    pub language: Language,
}

#[derive(Template)]
#[template(path = "pages/rule_changes.html")]
struct ChangesPage {
    layout: Layout,
    texts: &'static RulesTexts,
    title: String,
    is_first: bool,
    is_equal: bool,
    table: Link,
    versions: String,
    /// The changes from each other version.
    others: Vec<Link>,
    parts: Vec<Part>,
}

/// Changes of figures and conditions, or of wording.
struct Part {
    anchor: &'static str,
    title: &'static str,
    groups: Vec<Group>,
}

struct Group {
    title: &'static str,
    entries: Vec<Entry>,
}

struct Entry {
    title: String,
    id: String,
    /// The entry in the table that has it; `None` if its page has no such entry.
    link: Option<String>,
    /// `added`, `removed` or `changed`.
    kind: &'static str,
    kind_text: &'static str,
    fields: Vec<Side>,
}

/// A field before and after.
struct Side {
    label: &'static str,
    is_english: bool,
    before: Vec<Line>,
    after: Vec<Line>,
}

pub(super) fn page(compared: Compared<'_>, versions: &[String]) -> Result<Vec<u8>, Problem> {
    let Compared { before, after, language } = compared;
    let texts = &texts::of(language)?.rules;
    let version = &*after.version;
    let found = before.map(|before| changes(before, after, language)).unwrap_or_default();
    let title = match before {
        Some(before) => texts.changes_title.replace("{before}", &before.version).replace("{after}", version),
        None => texts.version.replace("{version}", version),
    };
    let address = match before {
        Some(before) => format!("/rules/{version}/changes?from={}", before.version),
        None => format!("/rules/{version}/changes"),
    };
    let is_compared = |other: &str| *other == *version || before.is_some_and(|before| *other == *before.version);
    let others = versions.iter().filter(|other| !is_compared(other));
    let part = |anchor, title: &'static str, is_wording| {
        let groups = groups(compared, texts, &found, is_wording);
        Part { anchor, title, groups }
    };
    let parts = [part("figures", &texts.changes_figures, false), part("wording", &texts.changes_wording, true)];
    let page = ChangesPage {
        layout: Layout::new(language, &address, title.clone(), None)?,
        texts,
        title,
        is_first: before.is_none(),
        is_equal: before.is_some() && found.is_empty(),
        table: Link::to_table(version, language, &texts.read),
        versions: in_language("/rules", language),
        others: others.map(|other| Link::to_changes(version, other, language, &texts.version)).collect(),
        parts: parts.into_iter().filter(|part| !part.groups.is_empty()).collect(),
    };
    rendered(&page)
}

/// The changes by section; `is_wording` selects those of wording only, or all others.
fn groups(compared: Compared<'_>, texts: &'static RulesTexts, found: &[EntryChange], is_wording: bool) -> Vec<Group> {
    let of = |section: Section| {
        let found = found.iter().filter(|change| change.section == section);
        let changes = found.filter(|change| change.is_wording() == is_wording);
        let entries = changes.map(|change| entry(compared, texts, change)).collect();
        Group { title: named(&texts.sections, section.as_str()), entries }
    };
    Section::ALL.into_iter().map(of).filter(|group| !group.entries.is_empty()).collect()
}

fn entry(compared: Compared<'_>, texts: &'static RulesTexts, change: &EntryChange) -> Entry {
    let table = if change.kind == EntryChangeKind::Removed { compared.before } else { Some(compared.after) };
    let link = table.zip(anchor(change.section)).map(|(table, kind)| {
        let page = in_language(&format!("/rules/{}", table.version), compared.language);
        format!("{page}#{kind}-{}", change.id)
    });
    let kind_text = match change.kind {
        EntryChangeKind::Added => &texts.added,
        EntryChangeKind::Removed => &texts.removed,
        EntryChangeKind::Changed => &texts.changed,
    };
    Entry {
        title: change.title.clone(),
        id: change.id.clone(),
        link,
        kind: change.kind.as_str(),
        kind_text,
        fields: change.fields.iter().map(|field| side(texts, field)).collect(),
    }
}

fn side(texts: &'static RulesTexts, change: &FieldChange) -> Side {
    let shown = |phrase: Option<&Phrase>| phrase.map(|phrase| lines(phrase, texts)).unwrap_or_default();
    Side {
        label: named(&texts.fields, change.field.as_str()),
        is_english: change.field.is_english(),
        before: shown(change.before.as_ref()),
        after: shown(change.after.as_ref()),
    }
}

/// The beginning of an entry's anchor on the page of its table.
const fn anchor(section: Section) -> Option<&'static str> {
    match section {
        Section::Bands => Some("band"),
        Section::Rules => Some("rule"),
        Section::RedFlags => Some("alarm"),
        Section::Instruments => Some("instrument"),
        Section::Pathways => Some("pathway"),
        Section::Recommendations => Some("advice"),
        Section::Risks => Some("risk"),
        Section::NextScreens => Some("next"),
        Section::Sources => Some("source"),
        // The page of a table lists neither the questions nor their texts.
        Section::Items | Section::Form | Section::Texts => None,
    }
}

/// A name by the domain's name; a test ensures that it exists.
fn named(names: &'static BTreeMap<String, String>, name: &str) -> &'static str {
    names.get(name).map(String::as_str).unwrap_or_default()
}
