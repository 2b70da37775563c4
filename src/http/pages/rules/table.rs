//! The page of one version.

use askama::Template;

use super::entries::{Entries, Entry, UsedSource, source_anchor};
use super::evidence::Measured;
use super::links::Link;
use super::search::{LONGEST, Search};
use crate::domain::language::Language;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::{Advice, Band, Id, Source};
use crate::domain::screening::words::Words;
use crate::http::kernel::problem::Problem;
use crate::http::pages::address::in_language;
use crate::http::pages::assets::RULES_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::rendered;
use crate::http::pages::texts::{self, RulesTexts};

#[derive(Template)]
#[template(path = "pages/rule_table.html")]
struct TablePage<'a> {
    layout: Layout,
    texts: &'static RulesTexts,
    title: String,
    state: &'static str,
    is_current: bool,
    digest: &'a str,
    /// The JSON of the version.
    json: String,
    versions: String,
    changes: Option<Link>,
    search: SearchForm,
    most: String,
    bands: Vec<BandRow<'a>>,
    /// What was measured of the total.
    evidence: Vec<Measured<'a>>,
    sections: Vec<Section<'a>>,
    sources: Vec<SourceRow<'a>>,
}

struct SearchForm {
    /// The page without a search.
    address: String,
    /// The words that were searched; empty on the complete page.
    text: String,
    longest: usize,
    /// How many entries were found.
    found: String,
    found_none: bool,
}

struct BandRow<'a> {
    anchor: String,
    label: &'a str,
    range: String,
    sources: Vec<UsedSource<'a>>,
}

struct Section<'a> {
    anchor: &'static str,
    title: &'static str,
    text: &'static str,
    groups: Vec<Group<'a>>,
}

/// Entries under a heading; the heading may be empty.
struct Group<'a> {
    title: &'a str,
    entries: Vec<Entry<'a>>,
}

struct SourceRow<'a> {
    anchor: String,
    cite: &'a str,
    kind: &'static str,
    doi: Option<&'a str>,
}

pub(super) fn page(
    words: Words<'_>,
    digest: &str,
    is_current: bool,
    before: Option<&str>,
    search: Option<Search>,
) -> Result<Vec<u8>, Problem> {
    let (table, language) = (words.table, words.language);
    let texts = &texts::of(language)?.rules;
    let address = format!("/rules/{}", table.version);
    let title = texts.title.replace("{version}", &table.version);
    let entries = Entries { words, texts };
    let mut sections = sections(entries);
    let all = count(&sections);
    if let Some(search) = &search {
        retain(&mut sections, search);
    }
    let page = TablePage {
        layout: Layout::new(language, &address, title.clone(), Some(&RULES_MODULE.address))?,
        texts,
        title,
        state: if is_current { &texts.state_current } else { &texts.state_earlier },
        is_current,
        digest,
        json: format!("/v1/rule-tables/{}", table.version),
        versions: in_language("/rules", language),
        changes: before.map(|before| Link::to_changes(&table.version, before, language, &texts.changes)),
        search: SearchForm::new(&address, language, texts, search, count(&sections), all),
        most: texts.total_most.replace("{max}", &table.max_total().to_string()),
        bands: Band::ALL.into_iter().map(|band| band_row(entries, band)).collect(),
        evidence: entries.evidence(),
        sections,
        sources: table.sources.iter().map(|source| source_row(words, source)).collect(),
    };
    rendered(&page)
}

impl SearchForm {
    fn new(
        address: &str,
        language: Language,
        texts: &RulesTexts,
        search: Option<Search>,
        found: usize,
        all: usize,
    ) -> Self {
        let counted = texts.search_found.replace("{n}", &found.to_string()).replace("{all}", &all.to_string());
        Self {
            address: in_language(address, language),
            found: if search.is_some() { counted } else { String::new() },
            text: search.map(|search| search.text).unwrap_or_default(),
            longest: LONGEST,
            found_none: found == 0,
        }
    }
}

/// The sections that have entries. Earlier versions have no pathways, risks and intervals.
fn sections<'a>(entries: Entries<'a>) -> Vec<Section<'a>> {
    let (words, texts) = (entries.words, entries.texts);
    let table = words.table;
    let advice = |advice: &'a Advice| entries.advice("advice", advice, words.recommendation(&advice.id));
    let risk = |risk: &'a Advice| entries.advice("risk", risk, words.risk(&risk.id));
    let instruments = table.instruments.iter().map(|instrument| entries.instrument(instrument)).collect();
    let pathways = table.pathways.iter().map(|pathway| entries.pathway(pathway)).collect();
    let advice = table.recommendations.iter().map(advice).collect();
    let risks = table.risks.iter().map(risk).collect();
    let next = table.next_screens.iter().map(|next| entries.next_screen(next)).collect();
    let sections = [
        Section::new("rules", &texts.rules_title, "", rules(entries)),
        Section::new("alarms", &texts.alarms_title, &texts.alarms_text, alarms(entries)),
        Section::new("instruments", &texts.instruments_title, &texts.instruments_text, one_group(instruments)),
        Section::new("pathways", &texts.pathways_title, &texts.pathways_text, one_group(pathways)),
        Section::new("advice", &texts.advice_title, "", one_group(advice)),
        Section::new("risks", &texts.risks_title, "", one_group(risks)),
        Section::new("next", &texts.next_title, "", one_group(next)),
    ];
    sections.into_iter().filter(|section| section.entries().next().is_some()).collect()
}

fn one_group(entries: Vec<Entry<'_>>) -> Vec<Group<'_>> {
    vec![Group { title: "", entries }]
}

/// The rules by category, in the order of the table.
fn rules(entries: Entries<'_>) -> Vec<Group<'_>> {
    let mut groups: Vec<(&Id, Group<'_>)> = Vec::new();
    for rule in &entries.words.table.rules {
        let place = groups.iter().position(|(category, _)| **category == rule.category).unwrap_or(groups.len());
        if place == groups.len() {
            groups.push((&rule.category, Group { title: entries.words.category(&rule.category), entries: Vec::new() }));
        }
        groups[place].1.entries.push(entries.rule(rule));
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The alarms by level, the most urgent first.
fn alarms(entries: Entries<'_>) -> Vec<Group<'_>> {
    let of = |level: CareLevel| {
        let flags = entries.words.table.red_flags.iter().filter(|flag| flag.level == level);
        Group { title: entries.words.level(level), entries: flags.map(|flag| entries.alarm(flag)).collect() }
    };
    let groups = CareLevel::ALL.into_iter().rev().map(of);
    groups.filter(|group| !group.entries.is_empty()).collect()
}

fn band_row(entries: Entries<'_>, band: Band) -> BandRow<'_> {
    let bands = entries.words.table.bands;
    let next = Band::ALL.into_iter().find(|next| *next > band);
    let (from, to) = (bands.lowest(band), next.map(|next| bands.lowest(next) - 1));
    BandRow {
        anchor: format!("band-{}", band.as_str()),
        label: entries.words.band(band),
        range: match to {
            Some(to) => format!("{from} – {to}"),
            None => entries.texts.band_from.replace("{from}", &from.to_string()),
        },
        sources: entries.sources(entries.words.band_sources(band)),
    }
}

fn source_row<'a>(words: Words<'a>, (id, source): (&'a Id, &'a Source)) -> SourceRow<'a> {
    let kind = words.source_kind(source.kind);
    SourceRow { anchor: source_anchor(id), cite: &source.cite, kind, doi: source.doi.as_deref() }
}

/// Keeps only the entries that a search finds.
fn retain(sections: &mut Vec<Section<'_>>, search: &Search) {
    for group in sections.iter_mut().flat_map(|section| &mut section.groups) {
        group.entries.retain(|entry| search.finds(&entry.words()));
    }
    for section in sections.iter_mut() {
        section.groups.retain(|group| !group.entries.is_empty());
    }
    sections.retain(|section| !section.groups.is_empty());
}

fn count(sections: &[Section<'_>]) -> usize {
    sections.iter().flat_map(Section::entries).count()
}

impl<'a> Section<'a> {
    fn new(anchor: &'static str, title: &'static str, text: &'static str, groups: Vec<Group<'a>>) -> Self {
        Self { anchor, title, text, groups }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.groups.iter().flat_map(|group| &group.entries)
    }
}
