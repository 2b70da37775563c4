//! Parts of responses that depend only on rule table and language, serialized to JSON once: sources, accuracy and wording are
//! most of an assessment and identical for all subjects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::assessment::AccuracyFigureBody;
use crate::app::App;
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::instrument::Instrument;
use crate::domain::screening::rule_table::{Advice, Id, RuleTable};
use crate::http::kernel::wording::{Wording, text};

/// What a fragment contains; the id names the rule, instrument, pathway or advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    RuleReason,
    RuleSources,
    InstrumentName,
    InstrumentAccuracy,
    InstrumentSourceIds,
    InstrumentAccuracyRows,
    InstrumentLicence,
    InstrumentExplanation,
    InstrumentSources,
    PathwayName,
    PathwayExplanation,
    PathwaySources,
    /// Text of a recommendation or risk.
    AdviceText,
    AdviceSources,
    /// Meaning of the result; the id is empty.
    Outcome,
}

/// The fragments of a rule table in one language.
#[derive(Debug)]
pub struct Fragments(HashMap<Part, HashMap<Box<str>, Box<RawValue>>>);

/// The fragments of every rule table of this binary, in every language.
pub struct AllFragments(HashMap<(Id, Language), Arc<Fragments>>);

impl AllFragments {
    pub(in crate::http) fn new(app: &App) -> Self {
        let releases = rule_tables::list(app);
        let languages = releases.iter().flat_map(|release| Language::ALL.map(|language| (release, language)));
        let fragments = languages.map(|(release, language)| {
            let key = (release.table.version.clone(), language);
            (key, Arc::new(Fragments::new(&release.table, language)))
        });
        Self(fragments.collect())
    }

    /// Returns the fragments of a rule table; those of a table that only the database has are made on each call.
    pub(in crate::http) fn get(&self, table: &RuleTable, language: Language) -> Arc<Fragments> {
        let known = self.0.get(&(table.version.clone(), language));
        known.map_or_else(|| Arc::new(Fragments::new(table, language)), Arc::clone)
    }
}

impl Fragments {
    pub fn new(table: &RuleTable, language: Language) -> Self {
        let mut fragments = Self(HashMap::new());
        let wording = Wording { table, language };
        let texts = wording.texts();
        fragments.put(Part::Outcome, "", texts.map(|texts| &*texts.outcome.explanation).unwrap_or_default());
        for rule in &table.rules {
            let reason = texts.and_then(|texts| texts.rules.get(&*rule.id)).map(|text| &*text.reason);
            fragments.put(Part::RuleReason, &rule.id, reason.unwrap_or_default());
            fragments.put(Part::RuleSources, &rule.id, wording.sources(&rule.sources));
        }
        for instrument in &table.instruments {
            let (id, texts) = (&*instrument.id, texts.and_then(|texts| texts.instruments.get(&*instrument.id)));
            let rows: Vec<_> = instrument.accuracy.iter().map(|row| wording.accuracy(row)).collect();
            fragments.put(Part::InstrumentName, id, texts.map(|texts| &*texts.name).unwrap_or_default());
            fragments.put(Part::InstrumentAccuracy, id, AccuracyFigureBody::first(&instrument.accuracy));
            fragments.put(Part::InstrumentSourceIds, id, source_ids(instrument));
            fragments.put(Part::InstrumentAccuracyRows, id, rows);
            fragments.put(Part::InstrumentLicence, id, &instrument.licence);
            fragments.put(Part::InstrumentExplanation, id, texts.map(|texts| &*texts.explanation).unwrap_or_default());
            fragments.put(Part::InstrumentSources, id, wording.sources(&instrument.sources));
        }
        for pathway in &table.pathways {
            let id = pathway.id.as_str();
            let texts = texts.and_then(|texts| texts.pathways.get(id));
            fragments.put(Part::PathwayName, id, texts.map(|texts| &*texts.name).unwrap_or_default());
            fragments.put(Part::PathwayExplanation, id, texts.map(|texts| &*texts.explanation).unwrap_or_default());
            fragments.put(Part::PathwaySources, id, wording.sources(&pathway.sources));
        }
        fragments.advice(wording, &table.recommendations, texts.map(|texts| &texts.recommendations));
        fragments.advice(wording, &table.risks, texts.map(|texts| &texts.risks));
        fragments
    }

    /// Returns a fragment; JSON null if the table has none, which the rule table linter rules out.
    pub fn get(&self, part: Part, id: &str) -> &RawValue {
        self.0.get(&part).and_then(|of| of.get(id)).map_or(RawValue::NULL, |fragment| &**fragment)
    }

    fn put(&mut self, part: Part, id: &str, value: impl Serialize) {
        // Serializing strings and numbers does not fail.
        if let Ok(json) = to_raw_value(&value) {
            self.0.entry(part).or_default().insert(id.into(), json);
        }
    }

    fn advice(&mut self, wording: Wording<'_>, entries: &[Advice], texts: Option<&BTreeMap<String, String>>) {
        for entry in entries {
            self.put(Part::AdviceText, &entry.id, text(texts, &entry.id));
            self.put(Part::AdviceSources, &entry.id, wording.sources(&entry.sources));
        }
    }
}

/// The sources of an instrument and of its accuracy, each once.
fn source_ids(instrument: &Instrument) -> BTreeSet<&str> {
    let own = instrument.sources.iter().map(|used| &*used.id);
    own.chain(instrument.accuracy.iter().map(|row| &*row.source)).collect()
}
