//! Renders an assessment. Ids and values come from the domain; reasons, sources, accuracy and wording come from the rule table
//! of the assessment's version.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::assessment::{
    AdviceBody, AssessmentBody, ConsultationBody, EmergencyNumberBody, FindingBody, FlagReasonBody, InstrumentBody,
    IntervalBody, OpenQuestionBody, PathwayBody, ScoreBody, Total,
};
use super::evidence::TotalEvidenceBody;
use super::fragments::{AllFragments, Fragments, Part};
use super::view::AssessmentView;
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::answers::{AnswerValue, Answers};
use crate::domain::screening::assessment::{Assessment, Finding};
use crate::domain::screening::condition::{KnownValue, Quantity, View};
use crate::domain::screening::instrument::{Instrument, InstrumentResult, Method};
use crate::domain::screening::open_questions::open_questions;
use crate::domain::screening::pathway::{PathwayId, PathwayResult};
use crate::domain::screening::questionnaire::{Audiences, Item};
use crate::domain::screening::rule_table::{Advice, Band, Id, RuleTable};
use crate::domain::screening::scoring::{ScoreOptions, open_alarms};
use crate::domain::screening::texts::Texts;
use crate::http::kernel::names::{
    BandName, CareLevelName, LanguageName, OutcomeName, PathwayName, PositiveWhenName, StageName,
};
use crate::http::kernel::wording::{Care, RedFlagBody, SOURCES, Wording, text};

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
        view: AssessmentView,
    ) -> AssessmentBody<'a> {
        let pathways: Vec<PathwayId> = assessment.pathways.iter().map(|result| result.pathway).collect();
        let asked = ScoreOptions { audiences, pathways: &pathways };
        let open_questions = open_questions(self.table, answers, asked, assessment);
        let (band, score) = (assessment.band(), assessment.score);
        let care = self.care(answers, assessment);
        let person = view >= AssessmentView::Person;
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
            flagged: assessment.flagged(),
            flag_reasons: assessment.flag_reasons.iter().map(FlagReasonBody::from).collect(),
            care_level: assessment.care_level.map(CareLevelName),
            care_title: self.wording().care_title(&care),
            red_flags: assessment.red_flags.iter().filter_map(|id| self.red_flag(id, view)).collect(),
            alarm_items_unanswered: self.table.asked.alarms_unanswered(answers).map(Item::id).collect(),
            open_questions: open_questions.into_iter().map(OpenQuestionBody::from).collect(),
            label: person.then(|| self.label(assessment)),
            explanation: person.then(|| self.explanation()),
            findings: person.then(|| self.findings(answers, assessment, view)),
            instruments: person.then(|| self.instruments(answers, assessment, view)),
            pathways: person.then(|| {
                let results = assessment.pathways.iter();
                results.filter_map(|result| self.pathway(answers, *result, view)).collect()
            }),
            recommendations: person
                .then(|| self.advice(&self.table.recommendations, &assessment.recommendations, assessment, view)),
            risks: person.then(|| self.advice(&self.table.risks, &assessment.risks, assessment, view)),
            next_screen: self.table.next_screen(assessment).filter(|_| person).map(|next| IntervalBody {
                days: next.days,
                reason: text(self.texts().map(|texts| &texts.next_screens), next.band.as_str()),
            }),
            consultation: person.then(|| self.consultation(assessment, &care)),
            sources_language: view.has_evidence().then_some(SOURCES),
            evidence: view.has_evidence().then(|| self.table.evidence.iter().map(TotalEvidenceBody::from).collect()),
        }
    }

    fn care(&self, answers: &Answers, assessment: &Assessment) -> Care {
        Care::of(assessment, open_alarms(self.table, answers, assessment.care_level))
    }

    pub(in crate::http) fn label(&'a self, assessment: &Assessment) -> &'a str {
        text(self.texts().map(|texts| &texts.bands), assessment.band().map_or("unsettled", Band::as_str))
    }

    pub(in crate::http) fn explanation(&self) -> &RawValue {
        self.fragments.get(Part::Outcome, "")
    }

    pub(in crate::http) fn care_text(&self, answers: &Answers, assessment: &Assessment) -> String {
        self.wording().care_text(self.clinic, &self.care(answers, assessment))
    }

    fn consultation(&'a self, assessment: &Assessment, care: &Care) -> ConsultationBody<'a> {
        let clinic = self.clinic;
        ConsultationBody {
            offered: assessment.offers_consultation(),
            clinic: &clinic.name,
            booking_url: assessment.offers_consultation().then_some(&*clinic.booking_url),
            emergency_number: clinic.emergency_number(),
            emergency_numbers: clinic.profile.emergency_numbers.iter().map(EmergencyNumberBody::from).collect(),
            text: self.wording().care_text(clinic, care),
        }
    }

    fn red_flag(&self, id: &str, view: AssessmentView) -> Option<RedFlagBody> {
        let body = self.wording().red_flag(id)?;
        let sources = || self.table.red_flag(id).map(|flag| self.wording().sources(&flag.sources));
        Some(RedFlagBody { sources: view.has_evidence().then(sources).flatten(), ..body })
    }

    const fn wording(&self) -> Wording<'a> {
        Wording { table: self.table, language: self.language }
    }

    fn texts(&self) -> Option<&'a Texts> {
        self.wording().texts()
    }

    pub(in crate::http) fn findings(
        &'a self,
        answers: &Answers,
        assessment: &Assessment,
        view: AssessmentView,
    ) -> Vec<FindingBody<'a>> {
        // All quantities of a rule that applied are answered, so the audience does not matter.
        let known = View { answers, audiences: Audiences::PERSON };
        let finding = |found: &Finding| {
            let rule = self.table.rule(&found.rule)?;
            Some(FindingBody {
                rule: &rule.id,
                category: &rule.category,
                points: found.points,
                observed: rule.when.observed(known).into_iter().filter_map(|what| observed(known, what)).collect(),
                reason: self.fragments.get(Part::RuleReason, &rule.id),
                sources: view.has_evidence().then(|| self.fragments.get(Part::RuleSources, &rule.id)),
            })
        };
        assessment.findings.iter().filter_map(finding).collect()
    }

    pub(in crate::http) fn instruments(
        &'a self,
        answers: &Answers,
        assessment: &Assessment,
        view: AssessmentView,
    ) -> Vec<InstrumentBody<'a>> {
        assessment.instruments.iter().filter_map(|result| self.instrument(answers, result, view)).collect()
    }

    fn instrument(
        &'a self,
        answers: &Answers,
        result: &InstrumentResult,
        view: AssessmentView,
    ) -> Option<InstrumentBody<'a>> {
        let instrument = self.table.instrument(&result.instrument)?;
        let fragment = |part| self.fragments.get(part, &instrument.id);
        let evidence = |part| view.has_evidence().then(|| fragment(part));
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
            source_ids: fragment(Part::InstrumentSourceIds),
            accuracy_rows: evidence(Part::InstrumentAccuracyRows),
            licence: evidence(Part::InstrumentLicence),
            explanation: evidence(Part::InstrumentExplanation),
            sources: evidence(Part::InstrumentSources),
        })
    }

    fn pathway(&'a self, answers: &Answers, result: PathwayResult, view: AssessmentView) -> Option<PathwayBody<'a>> {
        let pathway = self.table.pathway(result.pathway)?;
        let fragment = |part| self.fragments.get(part, pathway.id.as_str());
        let evidence = |part| view.has_evidence().then(|| fragment(part));
        let known = View { answers, audiences: Audiences::ALL };
        Some(PathwayBody {
            id: PathwayName(pathway.id),
            name: fragment(Part::PathwayName),
            case_found: result.case_found,
            strength_low: result.strength_low,
            performance_low: result.performance_low,
            stage: StageName(result.stage),
            stage_text: text(self.texts().map(|texts| &texts.stages), result.stage.as_str()),
            needs: pathway.needs(self.table, known, result).iter().map(Item::id).collect(),
            because: pathway.because(self.table, known).iter().map(ToString::to_string).collect(),
            explanation: evidence(Part::PathwayExplanation),
            sources: evidence(Part::PathwaySources),
        })
    }

    /// Renders advice or risks, with the findings that triggered each.
    fn advice(
        &'a self,
        entries: &'a [Advice],
        ids: &[Id],
        assessment: &Assessment,
        view: AssessmentView,
    ) -> Vec<AdviceBody<'a>> {
        let found = |rule: &&Id| assessment.findings.iter().any(|finding| finding.rule == **rule);
        let advice = |id: &Id| {
            let entry = entries.iter().find(|entry| entry.id == *id)?;
            Some(AdviceBody {
                id: &entry.id,
                text: self.fragments.get(Part::AdviceText, id),
                findings: entry.findings.iter().filter(found).map(|id| &**id).collect(),
                sources: view.has_evidence().then(|| self.fragments.get(Part::AdviceSources, id)),
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
