//! Renders an assessment. Ids and values come from the domain; reasons, sources, accuracy and wording come from the rule table
//! of the assessment's version.

use std::sync::Arc;

use super::assessment::{AssessmentBody, ConsultationBody, FindingBody, OpenQuestionBody, ScoreBody};
use super::fragments::{AllFragments, Fragments, Part};
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::answers::{AnswerValue, Answers};
use crate::domain::screening::assessment::{Assessment, Finding};
use crate::domain::screening::condition::{Known, Quantity, View};
use crate::domain::screening::open_questions::open_questions;
use crate::domain::screening::pathway::PathwayId;
use crate::domain::screening::questionnaire::{Audiences, Item};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::scoring::{ScoreOptions, alarms_open};
use crate::domain::screening::texts::Texts;
use crate::http::kernel::names::{BandName, CareLevelName, LanguageName};
use crate::http::kernel::wording::{Wording, text};

/// The inputs for rendering an assessment.
pub struct Rendering<'a> {
    /// The rule table of the assessment's version.
    pub table: &'a RuleTable,
    /// The language of the texts.
    pub language: Language,
    /// The clinic.
    pub clinic: &'a Clinic,
    /// Serialized fragments of the rule table in this language.
    pub fragments: Arc<Fragments>,
}

impl<'a> Rendering<'a> {
    pub(in crate::http) fn new(
        all: &AllFragments,
        table: &'a RuleTable,
        language: Language,
        clinic: &'a Clinic,
    ) -> Self {
        Self { table, language, clinic, fragments: all.get(table, language) }
    }

    /// Renders an assessment of answers.
    #[must_use]
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
        let instruments = assessment.instruments.iter();
        let (advice, risks) = (&assessment.recommendations, &assessment.risks);
        let band = assessment.band();
        let score = assessment.score;
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
            instruments: instruments.filter_map(|result| self.instrument(answers, result)).collect(),
            pathways: assessment.pathways.iter().filter_map(|result| self.pathway(answers, *result)).collect(),
            red_flags: assessment.red_flags.iter().filter_map(|id| self.wording().red_flag(id)).collect(),
            care_level: assessment.care_level.map(CareLevelName),
            alarm_items_unanswered: answers.alarms_unanswered().map(Item::id).collect(),
            open_questions: open_questions.into_iter().map(OpenQuestionBody::from).collect(),
            recommendations: self.advice(&self.table.recommendations, advice, assessment),
            risks: self.advice(&self.table.risks, risks, assessment),
            consultation: ConsultationBody {
                offered: assessment.offers_consultation(),
                clinic: &self.clinic.name,
                booking_url: assessment.offers_consultation().then_some(&*self.clinic.booking_url),
                emergency_number: &self.clinic.emergency_number,
                text: self.wording().care_text(self.clinic, assessment.care_level, alarms_open(self.table, answers)),
            },
        }
    }

    const fn wording(&self) -> Wording<'a> {
        Wording { table: self.table, language: self.language }
    }

    pub(in crate::http) fn texts(&self) -> Option<&'a Texts> {
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
