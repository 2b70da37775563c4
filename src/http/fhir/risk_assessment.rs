//! `RiskAssessment`: the outcomes of the validated instruments for a response.
//!
//! A probability is given for Ishii alone, whose authors published one. No qualitative likelihood is derived: the own score is
//! not validated, and an instrument's outcome is not a probability.

use super::element::{Annotation, CodeableConcept, Meta, Reference, Typed, elements};
use super::observation::positive;
use super::scored::Scored;
use crate::domain::screening::instrument::{InstrumentResult, Outcome};

elements! {
    /// The outcomes of the instruments.
    RiskAssessment {
        id: String,
        meta: Option<Meta>,
        status: &'static str,
        method: Option<CodeableConcept>,
        subject: Option<Reference>,
        occurrence_date_time: String,
        basis: Vec<Reference>,
        prediction: Vec<Prediction>,
        mitigation: String,
        note: Vec<Annotation>,
    }
    /// The outcome of one instrument.
    Prediction {
        outcome: Option<CodeableConcept>,
        probability_decimal: Option<f64>,
        rationale: String,
    }
}

/// The outcomes of the instruments for a response, in its language.
pub(super) fn render(scored: &Scored<'_>) -> Typed<RiskAssessment> {
    let texts = scored.texts();
    let assessment = scored.assessment;
    let advice = assessment.recommendations.iter().filter_map(|id| texts?.recommendations.get(&**id)).cloned();
    let explanation = texts.map(|texts| texts.outcome.explanation.clone());
    Typed::new(
        "RiskAssessment",
        RiskAssessment {
            id: scored.id.clone(),
            meta: scored.meta(),
            status: "final",
            method: Some(CodeableConcept::text(format!("sarcoscreen, rule table {}", assessment.rule_table))),
            subject: Some(scored.subject.clone()),
            occurrence_date_time: scored.answered.to_string(),
            basis: scored.response.clone().into_iter().collect(),
            prediction: assessment.instruments.iter().filter_map(|one| prediction(scored, one)).collect(),
            mitigation: advice.collect::<Vec<_>>().join("\n"),
            note: explanation.map(|text| Annotation { text }).into_iter().collect(),
        },
    )
}

/// The prediction of an instrument whose outcome is settled.
fn prediction(scored: &Scored<'_>, result: &InstrumentResult) -> Option<Prediction> {
    if !matches!(result.outcome, Outcome::Positive | Outcome::Negative) {
        return None;
    }
    let instrument = scored.table.instrument(&result.instrument)?;
    let text = scored.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
    let name = text.map(|text| text.name.clone()).unwrap_or_default();
    let total = result.total.map(|total| format!(", {}", instrument.shown(total))).unwrap_or_default();
    let range = instrument.cut_off(scored.answers).and_then(|cut_off| positive(instrument, cut_off));
    let range = range.map(|text| format!(" ({text})")).unwrap_or_default();
    Some(Prediction {
        outcome: Some(CodeableConcept::text("Sarcopenia")),
        // In per cent, as FHIR specifies.
        probability_decimal: instrument.probability(scored.answers, result.total).map(percent),
        rationale: format!("{name}: {}{total}{range}", result.outcome.as_str()),
    })
}

/// A share in per cent, rounded to a tenth.
fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}
