//! What is compared in each section of a rule table.

use super::{EntryChange, Field, Section, Sides, Tables};
use crate::screening::asked::FormList;
use crate::screening::condition::Condition;
use crate::screening::instrument::{Component, Instrument, Method};
use crate::screening::open_questions::linear::Linear;
use crate::screening::pathway::{CaseFinding, Criterion, Pathway};
use crate::screening::questionnaire::Item;
use crate::screening::rule_table::{
    Advice, Band, Confidence, Family, NextScreen, RedFlag, Rule, RuleTable, Source, SourceUse, StatedReason,
};
use crate::screening::texts::TextPart;
use crate::screening::urgency::Urgency;
use crate::screening::words::{Phrase, Words, first_sentence};

pub(super) fn of(tables: Tables<'_>, section: Section) -> Vec<EntryChange> {
    match section {
        Section::Bands => tables.section(section, bands, |table, band| table.band(band).to_owned(), band),
        Section::Rules => tables.section(section, rules, Words::rule_title, rule),
        Section::RedFlags => {
            tables.section(section, red_flags, |table, flag| first_sentence(table.alarm(flag)), red_flag)
        }
        Section::Instruments => {
            tables.section(section, instruments, |table, one| table.instrument(&one.id).to_owned(), instrument)
        }
        Section::Pathways => tables.section(section, pathways, |table, one| table.pathway(one.id).to_owned(), pathway),
        Section::Recommendations => {
            let title = |table: Words<'_>, one: &Advice| first_sentence(table.recommendation(&one.id));
            tables.section(section, recommendations, title, recommendation)
        }
        Section::Risks => tables.section(section, risks, |table, one| first_sentence(table.risk(&one.id)), risk),
        Section::NextScreens => {
            tables.section(section, next_screens, |table, next| table.band(next.band).to_owned(), next_screen)
        }
        Section::Items => tables.section(section, items, |table, one| table.item(one).to_owned(), item),
        Section::Form => tables.section(section, form, |table, list| table.form_list(list).to_owned(), form_list),
        Section::Texts => TextPart::ALL.into_iter().flat_map(|part| text_part(tables, part)).collect(),
        Section::Sources => tables.section(section, sources, |_, one| one.cite.clone(), source),
    }
}

/// The changes of the texts of a part; their ids begin with its name.
fn text_part<'a>(tables: Tables<'a>, part: TextPart) -> Vec<EntryChange> {
    let list = |words: Words<'a>| words.texts().map(|texts| texts.part(part)).unwrap_or_default();
    let title = |words: Words<'a>, _: &'a str| words.text_part(part).to_owned();
    let mut found = tables.section(Section::Texts, list, title, |sides| sides.text(Field::Text, |_, text| text));
    for change in &mut found {
        change.id = format!("{}.{}", part.as_str(), change.id);
    }
    found
}

fn bands(_: Words<'_>) -> Vec<(&str, Band)> {
    Band::ALL.into_iter().map(|band| (band.as_str(), band)).collect()
}

fn rules(words: Words<'_>) -> Vec<(&str, &Rule)> {
    words.table.rules.iter().map(|rule| (&*rule.id, rule)).collect()
}

fn red_flags(words: Words<'_>) -> Vec<(&str, &RedFlag)> {
    words.table.red_flags.iter().map(|flag| (&*flag.id, flag)).collect()
}

fn instruments(words: Words<'_>) -> Vec<(&str, &Instrument)> {
    words.table.instruments.iter().map(|instrument| (&*instrument.id, instrument)).collect()
}

fn pathways(words: Words<'_>) -> Vec<(&str, &Pathway)> {
    words.table.pathways.iter().map(|pathway| (pathway.id.as_str(), pathway)).collect()
}

fn recommendations(words: Words<'_>) -> Vec<(&str, &Advice)> {
    words.table.recommendations.iter().map(|advice| (&*advice.id, advice)).collect()
}

fn risks(words: Words<'_>) -> Vec<(&str, &Advice)> {
    words.table.risks.iter().map(|advice| (&*advice.id, advice)).collect()
}

fn next_screens(words: Words<'_>) -> Vec<(&str, &NextScreen)> {
    words.table.next_screens.iter().map(|next| (next.band.as_str(), next)).collect()
}

fn items(words: Words<'_>) -> Vec<(&str, Item)> {
    words.table.asked.items.iter().map(|item| (item.id(), item)).collect()
}

fn form(_: Words<'_>) -> Vec<(&str, FormList)> {
    FormList::ALL.into_iter().map(|list| (list.as_str(), list)).collect()
}

fn sources(words: Words<'_>) -> Vec<(&str, &Source)> {
    words.table.sources.iter().map(|(id, source)| (&**id, source)).collect()
}

fn band(sides: Sides<'_, Band>) -> Sides<'_, Band> {
    let reason = |words: Words<'_>, band: Band| words.table.high_band.filter(|_| band == Band::High);
    sides
        .value(
            Field::From,
            |words, band| words.table.bands.lowest(band),
            |words, band| Phrase::Text(words.points(words.table.bands.lowest(band))),
        )
        .value(
            Field::Urgency,
            |words, band| urgency(reason(words, band)),
            |words, band| reason_urgency(words, reason(words, band)),
        )
        .value(
            Field::Sources,
            |words, band| used(words.band_sources(band)),
            |words, band| words.sources(words.band_sources(band)),
        )
        .text(Field::Label, Words::band)
}

fn rule<'a>(sides: Sides<'a, &'a Rule>) -> Sides<'a, &'a Rule> {
    let group = |words: Words<'a>, rule: &'a Rule| words.group(rule).map(|group| (&*group.id, group.combination));
    sides
        .value(Field::When, |_, rule| &rule.when, |words, rule| words.condition(&rule.when))
        .value(Field::Points, |_, rule| rule.points, |words, rule| Phrase::Text(words.points(rule.points)))
        .value(Field::Combination, group, |words, rule| Phrase::Text(words.combination(rule)))
        .value(
            Field::Category,
            |_, rule| &*rule.category,
            |words, rule| Phrase::Text(words.category(&rule.category).to_owned()),
        )
        .value(Field::Sources, |_, rule| used(&rule.sources), |words, rule| words.sources(&rule.sources))
        .text(Field::Note, |_, rule| rule.note.as_deref().unwrap_or_default())
        .text(Field::Text, Words::reason)
}

fn red_flag<'a>(sides: Sides<'a, &'a RedFlag>) -> Sides<'a, &'a RedFlag> {
    sides
        .value(Field::When, |_, flag| &flag.when, |words, flag| words.condition(&flag.when))
        .value(Field::Level, |_, flag| flag.level, |words, flag| Phrase::Text(words.level(flag.level).to_owned()))
        .value(Field::Flags, |_, flag| flag.flags, |words, flag| Phrase::Text(words.yes_or_no(flag.flags).to_owned()))
        .value(
            Field::Laboratory,
            |_, flag| flag.laboratory,
            |words, flag| Phrase::Text(words.yes_or_no(flag.laboratory).to_owned()),
        )
        .value(Field::Urgency, |_, flag| urgency(flag.reason), |words, flag| reason_urgency(words, flag.reason))
        .value(Field::Family, |_, flag| family(flag.reason), |words, flag| reason_family(words, flag.reason))
        .value(Field::Sources, |_, flag| used(&flag.sources), |words, flag| words.sources(&flag.sources))
        .text(Field::Note, |_, flag| flag.note.as_deref().unwrap_or_default())
        .text(Field::Text, Words::alarm)
}

fn instrument<'a>(sides: Sides<'a, &'a Instrument>) -> Sides<'a, &'a Instrument> {
    sides
        .value(Field::AgeFrom, |_, one| one.age_from, |words, one| Phrase::Text(words.years(one.age_from)))
        .words(Field::CutOff, |words, one| Phrase::Text(words.cut_off(one).unwrap_or_default()))
        .value(
            Field::Components,
            |_, one| decides(one).components,
            |words, one| shown(decides(one).components.is_some(), words, one),
        )
        .value(
            Field::Formula,
            |_, one| decides(one).formula,
            |words, one| shown(decides(one).formula.is_some(), words, one),
        )
        .value(Field::When, |_, one| decides(one).answer, |words, one| shown(decides(one).answer.is_some(), words, one))
        .value(Field::Flags, |_, one| one.flags, |words, one| Phrase::Text(words.yes_or_no(one.flags).to_owned()))
        .value(Field::Urgency, |_, one| urgency(one.reason), |words, one| reason_urgency(words, one.reason))
        .value(Field::Family, |_, one| family(one.reason), |words, one| reason_family(words, one.reason))
        .words(Field::Accuracy, |words, one| words.accuracy(&one.accuracy))
        .text(Field::Licence, |_, one| one.licence.as_str())
        .value(Field::Sources, |_, one| used(&one.sources), |words, one| words.sources(&one.sources))
        .text(Field::Note, |_, one| one.note.as_deref().unwrap_or_default())
        .text(Field::Label, |words, one| words.instrument(&one.id))
        .text(Field::Text, |words, one| words.instrument_text(&one.id))
}

fn pathway<'a>(sides: Sides<'a, &'a Pathway>) -> Sides<'a, &'a Pathway> {
    sides
        .value(Field::AgeFrom, |_, one| one.age_from, |words, one| Phrase::Text(words.years(one.age_from)))
        .value(Field::Stage, |_, one| one.stage, |words, one| Phrase::Text(words.stage(one.stage).to_owned()))
        .value(
            Field::NeedsPerformance,
            |_, one| one.needs_performance,
            |words, one| Phrase::Text(words.yes_or_no(one.needs_performance).to_owned()),
        )
        .value(
            Field::CaseFinding,
            |words, one| ways(words.table, &one.case_finding),
            |words, one| words.case_finding(&one.case_finding),
        )
        .value(Field::StrengthLow, |_, one| whens(&one.strength_low), |words, one| words.criteria(&one.strength_low))
        .value(
            Field::PerformanceLow,
            |_, one| whens(&one.performance_low),
            |words, one| words.criteria(&one.performance_low),
        )
        .value(Field::Urgency, |_, one| urgency(one.reason), |words, one| reason_urgency(words, one.reason))
        .value(Field::Family, |_, one| family(one.reason), |words, one| reason_family(words, one.reason))
        .value(Field::Sources, |_, one| used(&one.sources), |words, one| words.sources(&one.sources))
        .text(Field::Note, |_, one| one.note.as_deref().unwrap_or_default())
        .text(Field::Label, |words, one| words.pathway(one.id))
        .text(Field::Text, |words, one| words.pathway_text(one.id))
}

fn recommendation<'a>(sides: Sides<'a, &'a Advice>) -> Sides<'a, &'a Advice> {
    advice(sides).text(Field::Text, |words, one| words.recommendation(&one.id))
}

fn risk<'a>(sides: Sides<'a, &'a Advice>) -> Sides<'a, &'a Advice> {
    advice(sides).text(Field::Text, |words, one| words.risk(&one.id))
}

fn advice<'a>(sides: Sides<'a, &'a Advice>) -> Sides<'a, &'a Advice> {
    let when = |advice: &'a Advice| advice.when.as_ref().map(|criterion| &criterion.when);
    sides
        .value(Field::Findings, |_, one| &one.findings, Words::findings)
        .value(
            Field::When,
            |_, one| when(one),
            |words, one| when(one).map_or_else(nothing, |condition| words.condition(condition)),
        )
        .value(Field::FlaggedBy, |_, one| &one.flagged_by, Words::flagged_by)
        .value(Field::Sources, |_, one| used(&one.sources), |words, one| words.sources(&one.sources))
}

fn next_screen<'a>(sides: Sides<'a, &'a NextScreen>) -> Sides<'a, &'a NextScreen> {
    sides
        .value(Field::Days, |_, next| next.days, |words, next| Phrase::Text(words.days(next.days)))
        .value(Field::Sources, |_, next| used(&next.sources), |words, next| words.sources(&next.sources))
        .text(Field::Text, |words, next| words.next_screen(next.band))
}

fn item(sides: Sides<'_, Item>) -> Sides<'_, Item> {
    sides
        .value(Field::Options, |words, item| words.table.asked.options(item).collect::<Vec<_>>(), Words::options)
        .value(Field::When, |words, item| words.table.asked.when_above_0(item), Words::asked_when)
        .text(Field::Label, Words::item)
        .words(Field::Text, Words::question)
}

fn form_list(sides: Sides<'_, FormList>) -> Sides<'_, FormList> {
    let from =
        |words: Words<'_>, list: FormList| words.table.asked.first_open_from().filter(|_| list == FormList::FirstOpen);
    sides.value(Field::Items, |words, list| words.table.asked.list(list), Words::form_items).value(
        Field::AgeFrom,
        from,
        |words, list| Phrase::Text(from(words, list).map(|age| words.years(age)).unwrap_or_default()),
    )
}

fn source<'a>(sides: Sides<'a, &'a Source>) -> Sides<'a, &'a Source> {
    sides
        .text(Field::Cite, |_, source| source.cite.as_str())
        .text(Field::Doi, |_, source| source.doi.as_deref().unwrap_or_default())
        .value(
            Field::Kind,
            |_, source| source.kind,
            |words, source| Phrase::Text(words.source_kind(source.kind).to_owned()),
        )
}

/// The sources of an entry by value: a citation that was reworded is a change of the source, not of the entry.
fn used(uses: &[SourceUse]) -> Vec<(&str, &str, Confidence)> {
    uses.iter().map(|used| (&*used.id, used.effect.as_str(), used.confidence)).collect()
}

fn urgency(reason: Option<StatedReason>) -> Option<Urgency> {
    reason.map(|reason| reason.urgency)
}

fn reason_urgency(words: Words<'_>, reason: Option<StatedReason>) -> Phrase {
    Phrase::Text(urgency(reason).map_or("", |urgency| words.urgency(urgency)).to_owned())
}

fn family(reason: Option<StatedReason>) -> Option<Family> {
    reason.and_then(|reason| reason.family)
}

fn reason_family(words: Words<'_>, reason: Option<StatedReason>) -> Phrase {
    Phrase::Text(family(reason).map_or("", |family| words.family(family)).to_owned())
}

/// What decides an instrument; one of the three.
struct Decides<'a> {
    components: Option<&'a [Component]>,
    formula: Option<&'a [Linear; 2]>,
    answer: Option<&'a Condition>,
}

fn decides(instrument: &Instrument) -> Decides<'_> {
    let none = Decides { components: None, formula: None, answer: None };
    match &instrument.method {
        Method::Sum { components, .. } => Decides { components: Some(&components[..]), ..none },
        Method::Linear(by_sex) => Decides { formula: Some(&**by_sex), ..none },
        Method::Category { positive, .. } => Decides { answer: Some(&positive.when), ..none },
    }
}

fn shown(is_given: bool, words: Words<'_>, instrument: &Instrument) -> Phrase {
    if is_given { words.method(instrument) } else { nothing() }
}

fn nothing() -> Phrase {
    Phrase::List(Vec::new())
}

fn ways<'a>(table: &'a RuleTable, ways: &'a [CaseFinding]) -> Vec<(Option<&'a str>, Option<&'a Condition>)> {
    let way = |way: &'a CaseFinding| match way {
        CaseFinding::Instrument(place) => (Some(&*table.instruments[*place].id), None),
        CaseFinding::When(criterion) => (None, Some(&criterion.when)),
    };
    ways.iter().map(way).collect()
}

fn whens(criteria: &[Criterion]) -> Vec<&Condition> {
    criteria.iter().map(|criterion| &criterion.when).collect()
}
