//! Renders the instruments, pathways, advice and risks of an assessment.

use super::assessment::{AdviceBody, InstrumentBody, PathwayBody, Total};
use super::fragments::Part;
use super::render::Rendering;
use crate::domain::screening::answers::{AnswerValue, Answers};
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::condition::View;
use crate::domain::screening::instrument::{Instrument, InstrumentResult, Method};
use crate::domain::screening::pathway::PathwayResult;
use crate::domain::screening::questionnaire::{Audiences, Item};
use crate::domain::screening::rule_table::{Advice, Id};
use crate::http::kernel::names::{OutcomeName, PathwayName, PositiveWhenName, StageName};
use crate::http::kernel::wording::text;

impl<'a> Rendering<'a> {
    pub(in crate::http) fn instrument(
        &'a self,
        answers: &Answers,
        result: &InstrumentResult,
    ) -> Option<InstrumentBody<'a>> {
        let instrument: &Instrument = self.table.instrument(&result.instrument)?;
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
        })
    }

    pub(in crate::http) fn pathway(&'a self, answers: &Answers, result: PathwayResult) -> Option<PathwayBody<'a>> {
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
    pub(in crate::http) fn advice(
        &'a self,
        entries: &'a [Advice],
        ids: &[Id],
        assessment: &Assessment,
    ) -> Vec<AdviceBody<'a>> {
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

/// The answer that decides an instrument without a total.
fn category(instrument: &Instrument, answers: &Answers) -> Option<String> {
    let Method::Category { item, .. } = instrument.method else { return None };
    let value = serde_json::to_value(AnswerValue { item, value: answers.get(item)? }).ok()?;
    value.as_str().map(str::to_owned)
}
