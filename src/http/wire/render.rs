//! Renders an assessment: ids and values come from the domain, reasons, sources, accuracy and wording from the rule table
//! of its version.

use std::collections::BTreeMap;

use super::assessment::{
    AccuracyBody, AssessmentBody, ConsultationBody, FindingBody, InstrumentBody, RecommendationBody, RedFlagBody,
    ScoreBody, ShareBody, SourceBody,
};
use super::{BandName, CareLevelName, ConfidenceName, LanguageName, OutcomeName, PositiveWhenName, SourceKindName};
use crate::domain::answers::{AnswerValue, Answers};
use crate::domain::assessment::{Assessment, Finding};
use crate::domain::condition::{Known, Quantity, View};
use crate::domain::instrument::{Accuracy, Instrument, InstrumentResult, Share};
use crate::domain::language::Language;
use crate::domain::questionnaire::Audiences;
use crate::domain::red_flag::CareLevel;
use crate::domain::rule_table::{Id, RuleTable, SourceUse};
use crate::domain::scoring::{Alarm, alarms_open};
use crate::domain::stored::Clinic;
use crate::domain::texts::Texts;
use crate::http::problem::AlarmBody;

/// Everything that rendering an assessment reads.
#[derive(Clone, Copy)]
pub struct Rendering<'a> {
    /// The rule table of the assessment's version.
    pub table: &'a RuleTable,
    /// The language of the texts.
    pub language: Language,
    /// The clinic.
    pub clinic: &'a Clinic,
}

impl<'a> Rendering<'a> {
    /// Renders an assessment of some answers.
    #[must_use]
    pub fn assessment(self, answers: &Answers, assessment: &Assessment) -> AssessmentBody {
        let texts = self.texts();
        let band = assessment.band();
        let score = assessment.score;
        AssessmentBody {
            rule_table: assessment.rule_table.to_string(),
            language: LanguageName(self.language),
            score: ScoreBody {
                total: score.total,
                lower: score.lower,
                upper: score.upper,
                max: self.table.max_total(),
                validated: false,
            },
            band: band.map(BandName),
            band_at_least: BandName(assessment.band_at_least),
            band_at_most: BandName(assessment.band_at_most),
            label: text(texts.map(|texts| &texts.bands), band.map_or("unsettled", |band| band.as_str())),
            explanation: texts.map(|texts| texts.outcome.explanation.clone()).unwrap_or_default(),
            findings: self.findings(answers, assessment),
            instruments: assessment.instruments.iter().filter_map(|result| self.instrument(result)).collect(),
            pathways: Vec::new(),
            red_flags: assessment.red_flags.iter().filter_map(|id| self.red_flag(id)).collect(),
            care_level: assessment.care_level.map(CareLevelName),
            alarm_items_unanswered: answers.alarms_unanswered().map(|item| item.id().to_owned()).collect(),
            open_questions: Vec::new(),
            recommendations: self.recommendations(assessment),
            consultation: ConsultationBody {
                offered: assessment.offers_consultation(),
                clinic: self.clinic.name.clone(),
                booking_url: assessment.offers_consultation().then(|| self.clinic.booking_url.clone()),
                emergency_number: self.clinic.emergency_number.clone(),
                text: self.care_text(assessment.care_level, alarms_open(self.table, answers)),
            },
        }
    }

    /// Renders what the red flags say of answers that are refused.
    #[must_use]
    pub fn alarm(self, alarm: &Alarm) -> AlarmBody {
        AlarmBody {
            red_flags: alarm.red_flags.iter().filter_map(|id| self.red_flag(id)).collect(),
            care_level: alarm.care_level.map(CareLevelName),
            care_text: alarm.care_level.map(|level| self.care_text(Some(level), alarm.open)),
        }
    }

    pub(super) fn texts(self) -> Option<&'a Texts> {
        self.table.texts(self.language)
    }

    /// What to do now. Below an emergency, an open alarm is said too: an appointment must not sound as if it could wait.
    fn care_text(self, level: Option<CareLevel>, alarms_open: bool) -> String {
        let stated = |key: &str| text(self.texts().map(|texts| &texts.care_levels), key);
        let unknown = stated("unknown");
        let text = match level {
            None => unknown,
            Some(level) if alarms_open && level < CareLevel::Emergency => {
                format!("{} {unknown}", stated(level.as_str()))
            }
            Some(level) => stated(level.as_str()),
        };
        text.replace("{emergency_number}", &self.clinic.emergency_number)
    }

    fn findings(self, answers: &Answers, assessment: &Assessment) -> Vec<FindingBody> {
        // A rule that applied had every quantity it rests on answered, whoever was asked.
        let view = View { answers, audiences: Audiences::PERSON };
        let finding = |found: &Finding| {
            let rule = self.table.rule(&found.rule)?;
            let reason = self.texts().and_then(|texts| texts.rules.get(&*rule.id));
            Some(FindingBody {
                rule: rule.id.to_string(),
                category: rule.category.to_string(),
                points: found.points,
                observed: rule.when.observed(view).into_iter().filter_map(|what| observed(view, what)).collect(),
                reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
                sources: self.sources(&rule.sources),
            })
        };
        assessment.findings.iter().filter_map(finding).collect()
    }

    fn instrument(self, result: &InstrumentResult) -> Option<InstrumentBody> {
        let instrument: &Instrument = self.table.instrument(&result.instrument)?;
        let texts = self.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
        Some(InstrumentBody {
            id: instrument.id.to_string(),
            name: texts.map(|texts| texts.name.clone()).unwrap_or_default(),
            outcome: OutcomeName(result.outcome),
            total: result.total,
            lower: Some(result.lower),
            upper: Some(result.upper),
            cut_off: Some(instrument.cut_off),
            positive_when: PositiveWhenName(instrument.positive_when),
            category: None,
            probability: None,
            would_settle: Vec::new(),
            accuracy: instrument.accuracy.iter().map(|row| self.accuracy(row)).collect(),
            licence: instrument.licence.clone(),
            explanation: texts.map(|texts| texts.explanation.clone()).unwrap_or_default(),
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
        }
    }

    fn red_flag(self, id: &str) -> Option<RedFlagBody> {
        let flag = self.table.red_flag(id)?;
        let reason = self.texts().and_then(|texts| texts.red_flags.get(id));
        Some(RedFlagBody {
            id: id.to_owned(),
            level: CareLevelName(flag.level),
            reason: reason.map(|text| text.reason.clone()).unwrap_or_default(),
            sources: self.sources(&flag.sources),
        })
    }

    fn recommendations(self, assessment: &Assessment) -> Vec<RecommendationBody> {
        let found: Vec<&str> = assessment.findings.iter().map(|finding| &*finding.rule).collect();
        let recommendation = |id: &Id| {
            let recommendation = self.table.recommendation(id)?;
            let tied = recommendation.findings.iter().filter(|rule| found.contains(&&***rule));
            Some(RecommendationBody {
                id: id.to_string(),
                text: text(self.texts().map(|texts| &texts.recommendations), id),
                findings: tied.map(ToString::to_string).collect(),
                sources: self.sources(&recommendation.sources),
            })
        };
        assessment.recommendations.iter().filter_map(recommendation).collect()
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

/// A text of a section; the linter proves that it is there.
pub(super) fn text(section: Option<&BTreeMap<String, String>>, key: &str) -> String {
    section.and_then(|section| section.get(key)).cloned().unwrap_or_default()
}

fn observed(view: View<'_>, quantity: Quantity) -> Option<(&'static str, serde_json::Value)> {
    let value = match quantity {
        Quantity::Item(item) => {
            let value = view.answers.get(item)?;
            serde_json::to_value(AnswerValue { item, value }).ok()?
        }
        _ => match view.known(quantity) {
            Known::Value(value) => serde_json::json!(value.rounded()),
            Known::Open | Known::NotAsked => return None,
        },
    };
    Some((quantity.id(), value))
}
