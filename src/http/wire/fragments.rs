//! What answers repeat of a rule table in a language, as JSON that is written once: sources, accuracy and wording are most
//! of an assessment, and the same for everybody.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Wording;
use crate::domain::instrument::Instrument;
use crate::domain::language::Language;
use crate::domain::pathway::Pathway;
use crate::domain::rule_table::{Advice, Rule, RuleTable};

/// What a fragment says of the thing that its id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Why a rule counts.
    RuleReason,
    /// Where a rule comes from.
    RuleSources,
    /// What an instrument is called.
    InstrumentName,
    /// How accurate an instrument is.
    InstrumentAccuracy,
    /// Under what terms an instrument may be used.
    InstrumentLicence,
    /// What an instrument's outcome means.
    InstrumentExplanation,
    /// What a pathway is called.
    PathwayName,
    /// What a pathway means.
    PathwayExplanation,
    /// Where a pathway comes from.
    PathwaySources,
    /// What a recommendation or risk says.
    AdviceText,
    /// Where a recommendation or risk comes from.
    AdviceSources,
    /// What an outcome means; its id is empty.
    Outcome,
}

/// The fragments of a rule table in a language.
#[derive(Debug)]
pub struct Fragments(HashMap<Part, HashMap<Box<str>, Box<RawValue>>>);

impl Fragments {
    /// Writes all of them.
    #[must_use]
    pub fn of(table: &RuleTable, language: Language) -> Self {
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

    /// A fragment; null where the table has none, which its linter rules out.
    #[must_use]
    pub fn get(&self, part: Part, id: &str) -> &RawValue {
        self.0.get(&part).and_then(|of| of.get(id)).map_or(RawValue::NULL, |fragment| &**fragment)
    }

    fn put(&mut self, part: Part, id: &str, value: impl Serialize) {
        // Texts and numbers can always be written.
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
