//! Renders an assessment. Ids and values come from the domain; reasons, sources, accuracy and wording come from the rule table
//! of the assessment's version.

use std::sync::Arc;

use super::assessment::{
    AdviceBody, AssessmentBody, ConsultationBody, EmergencyNumberBody, FindingBody, InstrumentBody, IntervalBody,
    OpenQuestionBody, PathwayBody, ScoreBody, Total,
};
use super::fragments::{AllFragments, Fragments, Part};
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::answers::{AnswerValue, Answers};
use crate::domain::screening::assessment::{Assessment, Finding};
use crate::domain::screening::condition::{KnownValue, Quantity, View};
use crate::domain::screening::instrument::{Instrument, InstrumentResult, Method};
use crate::domain::screening::open_questions::open_questions;
use crate::domain::screening::pathway::{PathwayId, PathwayResult};
use crate::domain::screening::questionnaire::{Audiences, Item};
use crate::domain::screening::rule_table::{Advice, Id, RuleTable};
use crate::domain::screening::scoring::{ScoreOptions, open_alarms};
use crate::domain::screening::texts::Texts;
use crate::http::kernel::names::{
    BandName, CareLevelName, LanguageName, OutcomeName, PathwayName, PositiveWhenName, StageName,
};
use crate::http::kernel::wording::{Care, SOURCES, Wording, text};

/// The inputs for rendering an assessment.
pub struct Rendering<'a> {
    /// The rule table of the assessment's version.
    pub table: &'a RuleTable,
    pub language: Language,
    pub clinic: &'a Clinic,
    /// The fragments of `table` in `language`.
    pub fragments: Arc<Fragments>,
}

impl<'a> Rendering<'a> {
    pub fn new(all: &AllFragments, table: &'a RuleTable, language: Language, clinic: &'a Clinic) -> Self {
        Self { table, language, clinic, fragments: all.get(table, language) }
    }

    pub fn assessment(
        &'a self,
        answers: &Answers,
        assessment: &Assessment,
        audiences: Audiences,
    ) -> AssessmentBody<'a> {
        let texts = self.texts();
        let pathways: Vec<PathwayId> = assessment.pathways.iter().map(|result| result.pathway).collect();
        let asked = ScoreOptions { audiences, pathways: &pathways };
        let open_questions = open_questions(self.table, answers, asked, assessment);
        let (band, score) = (assessment.band(), assessment.score);
        let instruments = assessment.instruments.iter().filter_map(|result| self.instrument(answers, result));
        let care = Care::of(assessment, open_alarms(self.table, answers, assessment.care_level));
        AssessmentBody {
            rule_table: &self.table.version,
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
            explanation: self.fragments.get(Part::Outcome, ""),
            findings: self.findings(answers, assessment),
            instruments: instruments.collect(),
            pathways: assessment.pathways.iter().filter_map(|result| self.pathway(answers, *result)).collect(),
            red_flags: assessment.red_flags.iter().filter_map(|id| self.wording().red_flag(id)).collect(),
            care_level: assessment.care_level.map(CareLevelName),
            alarm_items_unanswered: self.table.asked.alarms_unanswered(answers).map(Item::id).collect(),
            open_questions: open_questions.into_iter().map(OpenQuestionBody::from).collect(),
            recommendations: self.advice(&self.table.recommendations, &assessment.recommendations, assessment),
            risks: self.advice(&self.table.risks, &assessment.risks, assessment),
            next_screen: self.table.next_screen(assessment).map(|next| IntervalBody {
                days: next.days,
                reason: text(texts.map(|texts| &texts.next_screens), next.band.as_str()),
            }),
            sources_language: SOURCES,
            consultation: ConsultationBody {
                offered: assessment.offers_consultation(),
                clinic: &self.clinic.name,
                booking_url: assessment.offers_consultation().then_some(&*self.clinic.booking_url),
                emergency_number: self.clinic.emergency_number(),
                emergency_numbers: self
                    .clinic
                    .profile
                    .emergency_numbers
                    .iter()
                    .map(EmergencyNumberBody::from)
                    .collect(),
                title: self.wording().care_title(&care),
                text: self.wording().care_text(self.clinic, &care),
            },
        }
    }

    const fn wording(&self) -> Wording<'a> {
        Wording { table: self.table, language: self.language }
    }

    fn texts(&self) -> Option<&'a Texts> {
        self.wording().texts()
    }

    fn findings(&'a self, answers: &Answers, assessment: &Assessment) -> Vec<FindingBody<'a>> {
        // All quantities of a rule that applied are answered, so the audience does not matter.
        let view = View { answers, audiences: Audiences::PERSON };
        let finding = |found: &Finding| {
            let rule = self.table.rule(&found.rule)?;
            Some(FindingBody {
                rule: &rule.id,
                category: &rule.category,
                points: found.points,
                observed: rule.when.observed(view).into_iter().filter_map(|what| observed(view, what)).collect(),
                reason: self.fragments.get(Part::RuleReason, &rule.id),
                sources: self.fragments.get(Part::RuleSources, &rule.id),
            })
        };
        assessment.findings.iter().filter_map(finding).collect()
    }

    fn instrument(&'a self, answers: &Answers, result: &InstrumentResult) -> Option<InstrumentBody<'a>> {
        let instrument = self.table.instrument(&result.instrument)?;
        let fragment = |part| self.fragments.get(part, &instrument.id);
        let total = |units: Option<i32>| units.map(|units| Total { units, scale: instrument.scale() });
        let settling = instrument.would_settle(answers).into_iter();
        Some(InstrumentBody {
            id: &instrument.id,
            name: fragment(Part::InstrumentName),
            outcome: OutcomeName(result.outcome),
            total: total(result.total),
            lower: total(result.lower),
            upper: total(result.upper),
            cut_off: total(instrument.cut_off(answers)),
            positive_when: PositiveWhenName(instrument.positive_when()),
            category: category(instrument, answers),
            probability: instrument.probability(answers, result.total),
            would_settle: settling.map(|items| items.iter().map(Item::id).collect()).collect(),
            accuracy: fragment(Part::InstrumentAccuracy),
            licence: fragment(Part::InstrumentLicence),
            explanation: fragment(Part::InstrumentExplanation),
            sources: fragment(Part::InstrumentSources),
        })
    }

    fn pathway(&'a self, answers: &Answers, result: PathwayResult) -> Option<PathwayBody<'a>> {
        let pathway = self.table.pathway(result.pathway)?;
        let fragment = |part| self.fragments.get(part, pathway.id.as_str());
        let view = View { answers, audiences: Audiences::ALL };
        Some(PathwayBody {
            id: PathwayName(pathway.id),
            name: fragment(Part::PathwayName),
            case_found: result.case_found,
            strength_low: result.strength_low,
            performance_low: result.performance_low,
            stage: StageName(result.stage),
            stage_text: text(self.texts().map(|texts| &texts.stages), result.stage.as_str()),
            needs: pathway.needs(self.table, view, result).iter().map(Item::id).collect(),
            because: pathway.because(self.table, view).iter().map(ToString::to_string).collect(),
            explanation: fragment(Part::PathwayExplanation),
            sources: fragment(Part::PathwaySources),
        })
    }

    /// Renders advice or risks, with the findings that triggered each.
    fn advice(&'a self, entries: &'a [Advice], ids: &[Id], assessment: &Assessment) -> Vec<AdviceBody<'a>> {
        let found = |rule: &&Id| assessment.findings.iter().any(|finding| finding.rule == **rule);
        let advice = |id: &Id| {
            let entry = entries.iter().find(|entry| entry.id == *id)?;
            Some(AdviceBody {
                id: &entry.id,
                text: self.fragments.get(Part::AdviceText, id),
                findings: entry.findings.iter().filter(found).map(|id| &**id).collect(),
                sources: self.fragments.get(Part::AdviceSources, id),
            })
        };
        ids.iter().filter_map(advice).collect()
    }
}

fn observed(view: View<'_>, quantity: Quantity) -> Option<(&'static str, serde_json::Value)> {
    let value = match quantity {
        Quantity::Item(item) => {
            let value = view.answers.get(item)?;
            serde_json::to_value(AnswerValue { item, value }).ok()?
        }
        _ => match view.known(quantity) {
            KnownValue::Value(value) => serde_json::json!(value.rounded()),
            KnownValue::Open | KnownValue::NotAsked => return None,
        },
    };
    Some((quantity.id(), value))
}

/// The answer that decides an instrument without a total.
fn category(instrument: &Instrument, answers: &Answers) -> Option<String> {
    let Method::Category { item, .. } = instrument.method else { return None };
    let value = serde_json::to_value(AnswerValue { item, value: answers.get(item)? }).ok()?;
    value.as_str().map(str::to_owned)
}
