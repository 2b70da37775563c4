//! The entries of a rule table as a page shows them.

use super::lines::{Line, lines};
use crate::domain::screening::instrument::{Accuracy, Instrument};
use crate::domain::screening::pathway::Pathway;
use crate::domain::screening::rule_table::{Advice, Confidence, NextScreen, RedFlag, Rule, SourceUse, StatedReason};
use crate::domain::screening::words::{Phrase, Words};
use crate::http::pages::texts::RulesTexts;

/// An entry; parts that it does not have are empty.
#[derive(Default)]
pub(super) struct Entry<'a> {
    /// The id of its element, which its links name.
    pub anchor: String,
    /// The id in the rule table.
    pub id: &'a str,
    pub heading: &'a str,
    /// Its points or its level.
    pub lead: String,
    /// Whether a part of it is the authors' judgement.
    pub is_judgement: bool,
    /// What a person or staff read.
    pub text: &'a str,
    /// Conditions, with a label.
    pub blocks: Vec<Block>,
    /// Short values, with a label.
    pub facts: Vec<Fact>,
    pub accuracy: Vec<AccuracyRow<'a>>,
    pub licence: &'a str,
    pub note: &'a str,
    pub sources: Vec<UsedSource<'a>>,
}

pub(super) struct Block {
    pub label: &'static str,
    pub lines: Vec<Line>,
}

pub(super) struct Fact {
    pub label: &'static str,
    pub value: String,
}

pub(super) struct AccuracyRow<'a> {
    pub figures: String,
    pub setting: &'a str,
    pub reference: &'a str,
    pub note: &'a str,
    pub anchor: String,
    pub cite: &'a str,
}

pub(super) struct UsedSource<'a> {
    /// The anchor of the source in the list of sources.
    pub anchor: String,
    pub cite: &'a str,
    pub effect: &'a str,
    pub confidence: &'static str,
}

/// Words the entries of a table.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    pub words: Words<'a>,
    pub texts: &'static RulesTexts,
}

impl<'a> Entries<'a> {
    pub(super) fn rule(self, rule: &'a Rule) -> Entry<'a> {
        Entry {
            lead: self.words.points(rule.points),
            text: self.words.reason(rule),
            blocks: self.blocks([(&self.texts.applies, self.words.condition(&rule.when))]),
            facts: facts([(&self.texts.combination, Some(self.words.combination(rule)))]),
            note: rule.note.as_deref().unwrap_or_default(),
            ..self.entry("rule", &rule.id, &rule.sources)
        }
    }

    pub(super) fn alarm(self, flag: &'a RedFlag) -> Entry<'a> {
        let yes = |holds: bool| Some(self.words.yes_or_no(holds).to_owned());
        let [urgency, family] = self.reason(flag.reason);
        Entry {
            lead: self.words.level(flag.level).to_owned(),
            text: self.words.alarm(flag),
            blocks: self.blocks([(&self.texts.applies, self.words.condition(&flag.when))]),
            facts: facts([
                (&self.texts.flags, yes(flag.flags)),
                (&self.texts.laboratory, yes(true).filter(|_| flag.laboratory)),
                urgency,
                family,
            ]),
            note: flag.note.as_deref().unwrap_or_default(),
            ..self.entry("alarm", &flag.id, &flag.sources)
        }
    }

    pub(super) fn instrument(self, instrument: &'a Instrument) -> Entry<'a> {
        let [urgency, family] = self.reason(instrument.reason);
        Entry {
            heading: self.words.instrument(&instrument.id),
            text: self.words.instrument_text(&instrument.id),
            blocks: self.blocks([(&self.texts.method, self.words.method(instrument))]),
            facts: facts([
                (&self.texts.age_from, Some(self.words.years(instrument.age_from))),
                (&self.texts.cut_off, self.words.cut_off(instrument)),
                (&self.texts.flags, Some(self.words.yes_or_no(instrument.flags).to_owned())),
                urgency,
                family,
            ]),
            accuracy: instrument.accuracy.iter().map(|row| self.accuracy(row)).collect(),
            licence: &instrument.licence,
            note: instrument.note.as_deref().unwrap_or_default(),
            ..self.entry("instrument", &instrument.id, &instrument.sources)
        }
    }

    pub(super) fn pathway(self, pathway: &'a Pathway) -> Entry<'a> {
        let [urgency, family] = self.reason(pathway.reason);
        let needs_performance = self.words.yes_or_no(pathway.needs_performance).to_owned();
        Entry {
            heading: self.words.pathway(pathway.id),
            text: self.words.pathway_text(pathway.id),
            blocks: self.blocks([
                (&self.texts.case_finding, self.words.case_finding(&pathway.case_finding)),
                (&self.texts.strength_low, self.words.criteria(&pathway.strength_low)),
                (&self.texts.performance_low, self.words.criteria(&pathway.performance_low)),
            ]),
            facts: facts([
                (&self.texts.age_from, Some(self.words.years(pathway.age_from))),
                (&self.texts.stage, Some(self.words.stage(pathway.stage).to_owned())),
                (&self.texts.needs_performance, Some(needs_performance)),
                urgency,
                family,
            ]),
            note: pathway.note.as_deref().unwrap_or_default(),
            ..self.entry("pathway", pathway.id.as_str(), &pathway.sources)
        }
    }

    /// An advice or a risk; `kind` begins its anchor.
    pub(super) fn advice(self, kind: &str, advice: &'a Advice, text: &'a str) -> Entry<'a> {
        let when = advice.when.as_ref().map(|criterion| self.words.condition(&criterion.when));
        Entry {
            text,
            blocks: self.blocks([
                (&self.texts.findings, self.words.findings(advice)),
                (&self.texts.applies, when.unwrap_or_else(|| Phrase::List(Vec::new()))),
                (&self.texts.flagged_by, self.words.flagged_by(advice)),
            ]),
            ..self.entry(kind, &advice.id, &advice.sources)
        }
    }

    pub(super) fn next_screen(self, next: &'a NextScreen) -> Entry<'a> {
        Entry {
            heading: self.words.band(next.band),
            text: self.words.next_screen(next.band),
            facts: facts([(&self.texts.days, Some(self.words.days(next.days)))]),
            ..self.entry("next", next.band.as_str(), &next.sources)
        }
    }

    pub(super) fn sources(self, uses: &'a [SourceUse]) -> Vec<UsedSource<'a>> {
        let source = |used: &'a SourceUse| UsedSource {
            anchor: source_anchor(&used.id),
            cite: self.cite(&used.id),
            effect: &used.effect,
            confidence: self.words.confidence(used.confidence),
        };
        uses.iter().map(source).collect()
    }

    fn entry(self, kind: &str, id: &'a str, sources: &'a [SourceUse]) -> Entry<'a> {
        Entry {
            anchor: format!("{kind}-{id}"),
            id,
            is_judgement: sources.iter().any(|used| used.confidence == Confidence::Judgement),
            sources: self.sources(sources),
            ..Entry::default()
        }
    }

    fn accuracy(self, row: &'a Accuracy) -> AccuracyRow<'a> {
        AccuracyRow {
            figures: self.words.figures(row),
            setting: &row.setting,
            reference: &row.reference,
            note: row.note.as_deref().unwrap_or_default(),
            anchor: source_anchor(&row.source),
            cite: self.cite(&row.source),
        }
    }

    fn cite(self, id: &'a str) -> &'a str {
        self.words.table.sources.get(id).map_or(id, |source| &*source.cite)
    }

    /// The urgency and the evidence of a reason to flag.
    fn reason(self, reason: Option<StatedReason>) -> [(&'static str, Option<String>); 2] {
        let urgency = reason.map(|reason| self.words.urgency(reason.urgency).to_owned());
        let family = reason.and_then(|reason| reason.family).map(|family| self.words.family(family).to_owned());
        [(&self.texts.urgency, urgency), (&self.texts.family, family)]
    }

    /// The blocks that have a condition.
    fn blocks<const N: usize>(self, blocks: [(&'static str, Phrase); N]) -> Vec<Block> {
        let given = blocks.into_iter().filter(|(_, phrase)| !phrase.is_empty());
        given.map(|(label, phrase)| Block { label, lines: lines(&phrase, self.texts) }).collect()
    }
}

impl Entry<'_> {
    /// All its words, for the search.
    pub(super) fn words(&self) -> String {
        let mut words = vec![self.id, self.heading, &self.lead, self.text, self.licence, self.note];
        words.extend(self.blocks.iter().flat_map(|block| &block.lines).map(|line| &*line.text));
        words.extend(self.facts.iter().map(|fact| &*fact.value));
        let rows = self.accuracy.iter();
        words.extend(rows.flat_map(|row| [&*row.figures, row.setting, row.reference, row.note, row.cite]));
        words.extend(self.sources.iter().flat_map(|source| [source.cite, source.effect]));
        words.join("\n")
    }
}

/// The facts that have a value.
fn facts<const N: usize>(facts: [(&'static str, Option<String>); N]) -> Vec<Fact> {
    facts.into_iter().filter_map(|(label, value)| Some(Fact { label, value: value? })).collect()
}

pub(super) fn source_anchor(id: &str) -> String {
    format!("source-{id}")
}
