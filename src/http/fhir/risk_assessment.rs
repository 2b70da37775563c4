//! `RiskAssessment`: the outcomes of the validated instruments for a response.
//!
//! Only Ishii has a probability, because its authors published one. No qualitative likelihood is derived: the own score is not
//! validated, and an instrument's outcome is not a probability.

use serde_json::{Value, json};

use super::element::element;
use super::observation::positive;
use super::scored::Scored;
use crate::domain::screening::instrument::{InstrumentResult, Outcome};

pub(super) fn render(scored: &Scored<'_>) -> Value {
    let texts = scored.texts();
    let assessment = scored.assessment;
    let advice = assessment.recommendations.iter().filter_map(|id| texts?.recommendations.get(&**id)).cloned();
    let predictions = assessment.instruments.iter().filter_map(|one| prediction(scored, one));
    element(json!({
        "resourceType": "RiskAssessment",
        "id": scored.id,
        "meta": scored.meta(),
        "status": scored.status(),
        "method": {"text": format!("sarcoscreen, rule table {}", assessment.rule_table)},
        "subject": scored.subject,
        "occurrenceDateTime": scored.answered,
        "basis": scored.response.as_ref().map(|response| [response]),
        "prediction": predictions.collect::<Vec<_>>(),
        "mitigation": advice.collect::<Vec<_>>().join("\n"),
        "note": texts.map(|texts| [json!({"text": texts.outcome.explanation})]),
    }))
}

/// The prediction of an instrument whose outcome is settled.
fn prediction(scored: &Scored<'_>, result: &InstrumentResult) -> Option<Value> {
    if !matches!(result.outcome, Outcome::Positive | Outcome::Negative) {
        return None;
    }
    let instrument = scored.table.instrument(&result.instrument)?;
    let name = scored.texts().and_then(|texts| texts.instruments.get(&*instrument.id)).map(|text| &*text.name);
    let total = result.total.map(|total| format!(", {}", instrument.shown(total))).unwrap_or_default();
    let range = instrument.cut_off(scored.answers).and_then(|cut_off| positive(instrument, cut_off));
    let range = range.map(|text| format!(" ({text})")).unwrap_or_default();
    Some(element(json!({
        "outcome": {"text": "Sarcopenia"},
        // In per cent, as FHIR specifies.
        "probabilityDecimal": instrument.probability(scored.answers, result.total).map(percent),
        "rationale": format!("{}: {}{total}{range}", name.unwrap_or_default(), result.outcome.as_str()),
    })))
}

/// A share in per cent, rounded to a tenth.
fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}
