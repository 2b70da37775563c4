//! The parts of an answer that a rule table alone makes in a language: sources, accuracy, reasons, explanations.

use std::collections::BTreeMap;

use super::assessment::{
    AccuracyBody, AdviceBody, InstrumentBody, OpenQuestionBody, PathwayBody, RedFlagBody, ShareBody, SourceBody, Total,
};
use super::{CareLevelName, ConfidenceName, OutcomeName, PathwayName, PositiveWhenName, SourceKindName, StageName};
use crate::domain::answers::{AnswerValue, Answers};
use crate::domain::assessment::Assessment;
use crate::domain::condition::View;
use crate::domain::instrument::{Accuracy, Instrument, InstrumentResult, Method, Share};
use crate::domain::language::Language;
use crate::domain::open_questions::OpenQuestion;
use crate::domain::pathway::PathwayResult;
use crate::domain::questionnaire::{Audiences, Item};
use crate::domain::rule_table::{Advice, Id, RuleTable, SourceUse};
use crate::domain::texts::Texts;

/// A rule table in a language.
#[derive(Clone, Copy)]
pub struct Wording<'a> {
    /// The rule table.
    pub table: &'a RuleTable,
    /// The language of the texts.
    pub language: Language,
}

impl<'a> Wording<'a> {
    pub(super) fn texts(self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    pub(super) fn instrument(self, answers: &Answers, result: &InstrumentResult) -> Option<InstrumentBody> {
        let instrument: &Instrument = self.table.instrument(&result.instrument)?;
        let texts = self.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
        let total = |units: Option<i32>| units.map(|units| Total { units, scale: instrument.scale() });
        let settling = instrument.would_settle(answers).into_iter();
        Some(InstrumentBody {
            id: instrument.id.to_string(),
            name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
            outcome: OutcomeName(result.outcome),
            total: total(result.total),
            lower: total(result.lower),
            upper: total(result.upper),
            cut_off: total(instrument.cut_off(answers)),
            positive_when: PositiveWhenName(instrument.positive_when()),
            category: category(instrument, answers),
            probability: instrument.probability(answers, result.total),
            would_settle: settling.map(|items| items.iter().map(|item| item.id().to_owned()).collect()).collect(),
            accuracy: instrument.accuracy.iter().map(|row| self.accuracy(row)).collect(),
            licence: instrument.licence.clone(),
            explanation: texts.map(|texts| texts.explanation.clone()).unwrap_or_default(),
        })
    }

    pub(super) fn pathway(self, answers: &Answers, result: PathwayResult) -> Option<PathwayBody> {
        let pathway = self.table.pathway(result.pathway)?;
        let texts = self.texts().and_then(|texts| texts.pathways.get(pathway.id.as_str()));
        let view = View { answers, audiences: Audiences::EVERYBODY };
        Some(PathwayBody {
            id: PathwayName(pathway.id),
            name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
            case_found: result.case_found,
            strength_low: result.strength_low,
            performance_low: result.performance_low,
            stage: StageName(result.stage),
            stage_text: text(self.texts().map(|texts| &texts.stages), result.stage.as_str()),
            needs: pathway.needs(self.table, view, result).iter().map(Item::id).collect(),
            because: pathway.because(self.table, view).iter().map(ToString::to_string).collect(),
            explanation: texts.map(|texts| texts.explanation.clone()).unwrap_or_default(),
            sources: self.sources(&pathway.sources),
        })
    }

    /// Advice or risks, with the findings that brought each up.
    pub(super) fn advice(
        self,
        entries: &[Advice],
        ids: &[Id],
        texts: Option<&BTreeMap<String, String>>,
        assessment: &Assessment,
    ) -> Vec<AdviceBody> {
        let found = |rule: &&Id| assessment.findings.iter().any(|finding| finding.rule == **rule);
        let advice = |id: &Id| {
            let entry = entries.iter().find(|entry| entry.id == *id)?;
            Some(AdviceBody {
                id: id.to_string(),
                text: text(texts, id),
                findings: entry.findings.iter().filter(found).map(ToString::to_string).collect(),
                sources: self.sources(&entry.sources),
            })
        };
        ids.iter().filter_map(advice).collect()
    }

    pub(super) fn red_flag(self, id: &str) -> Option<RedFlagBody> {
        let flag = self.table.red_flag(id)?;
        let reason = self.texts().and_then(|texts| texts.red_flags.get(id));
        Some(RedFlagBody {
            id: id.to_owned(),
            level: CareLevelName(flag.level),
            reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
            sources: self.sources(&flag.sources),
        })
    }

    pub(super) fn accuracy(self, row: &Accuracy) -> AccuracyBody {
        let source = self.table.sources.get(row.source.as_str());
        AccuracyBody {
            sensitivity: row.sensitivity.map(ShareBody::from),
            specificity: row.specificity.map(ShareBody::from),
            setting: row.setting.clone(),
            reference: row.reference.clone(),
            source: source.map(|source| source.cite.clone()).unwrap_or_default(),
            note: row.note.clone(),
        }
    }

    pub(super) fn sources(self, uses: &[SourceUse]) -> Vec<SourceBody> {
        let source = |used: &SourceUse| {
            let source = self.table.sources.get(&used.id)?;
            Some(SourceBody {
                kind: SourceKindName(source.kind),
                cite: source.cite.clone(),
                doi: source.doi.clone(),
                effect: used.effect.clone(),
                confidence: ConfidenceName(used.confidence),
            })
        };
        uses.iter().filter_map(source).collect()
    }
}

impl From<Share> for ShareBody {
    fn from(share: Share) -> Self {
        Self { percent: share.percent, low: share.low, high: share.high }
    }
}

impl From<OpenQuestion> for OpenQuestionBody {
    fn from(question: OpenQuestion) -> Self {
        let own = [(question.band, "band"), (question.flagged, "flagged")];
        let own = own.into_iter().filter(|(changes, _)| *changes).map(|(_, what)| what.to_owned());
        let instruments = question.instruments.iter().map(ToString::to_string);
        Self { item: question.item.id(), could_change: own.chain(instruments).collect() }
    }
}

/// The answer that decides an instrument without a total.
fn category(instrument: &Instrument, answers: &Answers) -> Option<String> {
    let Method::Category { item, .. } = instrument.method else { return None };
    let value = serde_json::to_value(AnswerValue { item, value: answers.get(item)? }).ok()?;
    value.as_str().map(str::to_owned)
}

/// A text of a section; the linter proves that it is there.
pub(super) fn text(section: Option<&BTreeMap<String, String>>, key: &str) -> String {
    section.and_then(|section| section.get(key)).cloned().unwrap_or_default()
}
