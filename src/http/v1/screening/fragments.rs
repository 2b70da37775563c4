//! Parts of responses that depend only on rule table and language, serialized to JSON once: sources, accuracy and wording are
//! most of an assessment and identical for all subjects.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::app::App;
use crate::app::screening::rule_tables;
use crate::domain::language::Language;
use crate::domain::screening::instrument::Instrument;
use crate::domain::screening::pathway::Pathway;
use crate::domain::screening::rule_table::{Advice, Id, Rule, RuleTable};
use crate::http::kernel::wording::Wording;

/// What a fragment contains; the id names the rule, instrument, pathway or advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Reason of a rule.
    RuleReason,
    /// Sources of a rule.
    RuleSources,
    /// Name of an instrument.
    InstrumentName,
    /// Accuracy of an instrument.
    InstrumentAccuracy,
    /// Terms of use of an instrument.
    InstrumentLicence,
    /// Meaning of an instrument's outcome.
    InstrumentExplanation,
    /// Name of a pathway.
    PathwayName,
    /// Meaning of a pathway.
    PathwayExplanation,
    /// Sources of a pathway.
    PathwaySources,
    /// Text of a recommendation or risk.
    AdviceText,
    /// Sources of a recommendation or risk.
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
    /// Serializes all fragments.
    #[must_use]
    pub fn new(table: &RuleTable, language: Language) -> Self {
        let mut fragments = Self(HashMap::new());
        let wording = Wording { table, language };
        let outcome = wording.texts().map(|texts| &*texts.outcome.explanation).unwrap_or_default();
        fragments.put(Part::Outcome, "", outcome);
        for rule in &table.rules {
            fragments.rule(wording, rule);
        }
        for instrument in &table.instruments {
            fragments.instrument(wording, instrument);
        }
        for pathway in &table.pathways {
            fragments.pathway(wording, pathway);
        }
        for advice in &table.recommendations {
            fragments.advice(wording, advice, wording.texts().and_then(|texts| texts.recommendations.get(&*advice.id)));
        }
        for risk in &table.risks {
            fragments.advice(wording, risk, wording.texts().and_then(|texts| texts.risks.get(&*risk.id)));
        }
        fragments
    }

    /// Returns a fragment; JSON null if the table has none, which the rule table linter rules out.
    #[must_use]
    pub fn get(&self, part: Part, id: &str) -> &RawValue {
        self.0.get(&part).and_then(|of| of.get(id)).map_or(RawValue::NULL, |fragment| &**fragment)
    }

    fn put(&mut self, part: Part, id: &str, value: impl Serialize) {
        // Serializing strings and numbers does not fail.
        if let Ok(json) = to_raw_value(&value) {
            self.0.entry(part).or_default().insert(id.into(), json);
        }
    }

    fn rule(&mut self, wording: Wording<'_>, rule: &Rule) {
        let reason = wording.texts().and_then(|texts| texts.rules.get(&*rule.id));
        self.put(Part::RuleReason, &rule.id, reason.map(|text| &*text.reason).unwrap_or_default());
        self.put(Part::RuleSources, &rule.id, wording.sources(&rule.sources));
    }

    fn instrument(&mut self, wording: Wording<'_>, instrument: &Instrument) {
        let (id, texts) = (&*instrument.id, wording.texts().and_then(|texts| texts.instruments.get(&*instrument.id)));
        let accuracy: Vec<_> = instrument.accuracy.iter().map(|row| wording.accuracy(row)).collect();
        self.put(Part::InstrumentName, id, texts.map(|texts| &*texts.name).unwrap_or_default());
        self.put(Part::InstrumentAccuracy, id, accuracy);
        self.put(Part::InstrumentLicence, id, &instrument.licence);
        self.put(Part::InstrumentExplanation, id, texts.map(|texts| &*texts.explanation).unwrap_or_default());
    }

    fn pathway(&mut self, wording: Wording<'_>, pathway: &Pathway) {
        let id = pathway.id.as_str();
        let texts = wording.texts().and_then(|texts| texts.pathways.get(id));
        self.put(Part::PathwayName, id, texts.map(|texts| &*texts.name).unwrap_or_default());
        self.put(Part::PathwayExplanation, id, texts.map(|texts| &*texts.explanation).unwrap_or_default());
        self.put(Part::PathwaySources, id, wording.sources(&pathway.sources));
    }

    fn advice(&mut self, wording: Wording<'_>, advice: &Advice, text: Option<&String>) {
        self.put(Part::AdviceText, &advice.id, text.map(String::as_str).unwrap_or_default());
        self.put(Part::AdviceSources, &advice.id, wording.sources(&advice.sources));
    }
}
