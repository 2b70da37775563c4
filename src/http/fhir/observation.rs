//! Observation: the totals of a submission, the own one and that of each instrument.

use super::element::{Annotation, CodeableConcept, Meta, Reference, Typed, elements};
use super::names::{RESULTS, SCORE, id_of};
use super::response::{meta, person};
use crate::domain::assessment::Score;
use crate::domain::instrument::{Instrument, InstrumentResult, Outcome, PositiveWhen};
use crate::domain::rule_table::RuleTable;
use crate::domain::stored::StoredSubmission;

elements! {
    /// One total.
    Observation {
        id: String,
        meta: Option<Meta>,
        status: &'static str,
        category: Vec<CodeableConcept>,
        code: Option<CodeableConcept>,
        subject: Option<Reference>,
        effective_date_time: String,
        issued: String,
        value_quantity: Option<Quantity>,
        value_integer: Option<i32>,
        interpretation: Vec<CodeableConcept>,
        note: Vec<Annotation>,
        reference_range: Vec<Range>,
        derived_from: Vec<Reference>,
        component: Vec<Component>,
    }
    /// A number that is not whole.
    Quantity {
        value: Option<f64>,
    }
    /// Which totals are positive.
    Range {
        text: String,
    }
    /// One bound of the own total.
    Component {
        code: Option<CodeableConcept>,
        value_integer: Option<i32>,
    }
}

/// Whether a code is asked for: alone or with our system.
fn asked(codes: &[String], code: &str) -> bool {
    let full = format!("{RESULTS}|{code}");
    codes.iter().all(|list| list.split(',').any(|one| one == code || one == full))
}

/// How many resources a submission makes at most: one an instrument, and the own total.
pub(super) const fn most(table: &RuleTable) -> usize {
    table.instruments.len() + 1
}

/// The observations of a submission with one of these codes; without codes, all of them. A total that is not settled is none.
pub(super) fn all(table: &RuleTable, stored: &StoredSubmission, codes: &[String]) -> Vec<(String, Typed<Observation>)> {
    let texts = table.texts(stored.language);
    let mut found = Vec::new();
    if asked(codes, SCORE) {
        found.push(own(stored, texts.map(|texts| texts.outcome.explanation.clone()).unwrap_or_default()));
    }
    for result in &stored.assessment.instruments {
        if let (Some(instrument), Some(total)) = (table.instrument(&result.instrument), result.total)
            && asked(codes, &instrument.id)
        {
            let text = texts.and_then(|texts| texts.instruments.get(&*instrument.id));
            let (name, explanation) =
                text.map(|text| (text.name.clone(), text.explanation.clone())).unwrap_or_default();
            let base = outline(stored, &instrument.id, &name, explanation);
            found.push(of_instrument(instrument, result, total, base, stored));
        }
    }
    let named = |one: Observation| (one.id.clone(), Typed::new("Observation", one));
    found.into_iter().map(named).collect()
}

fn outline(stored: &StoredSubmission, code: &str, name: &str, explanation: String) -> Observation {
    let category = "http://terminology.hl7.org/CodeSystem/observation-category";
    Observation {
        id: format!("{}-{}", stored.submission_id, id_of(code)),
        meta: Some(meta(1, stored.received_at)),
        status: "final",
        category: vec![CodeableConcept::code(category, "survey", None)],
        code: Some(CodeableConcept::code(RESULTS, code, Some(name.to_owned()))),
        subject: Some(person(stored.subject_id)),
        effective_date_time: stored.answered().to_string(),
        issued: stored.received_at.to_string(),
        note: Some(explanation).filter(|text| !text.is_empty()).map(|text| Annotation { text }).into_iter().collect(),
        derived_from: vec![Reference::to("QuestionnaireResponse", stored.submission_id)],
        ..Observation::default()
    }
}

/// The own total, with the bounds that open questions leave. It says nothing of a risk: no study has measured it.
fn own(stored: &StoredSubmission, explanation: String) -> Observation {
    let Score { total, lower, upper } = stored.assessment.score;
    let component = |(code, value)| Component {
        code: Some(CodeableConcept::code(RESULTS, code, None)),
        value_integer: Some(value),
    };
    Observation {
        value_integer: Some(total),
        component: [("lower", lower), ("upper", upper)].map(component).into(),
        ..outline(stored, SCORE, "Own total, not validated", explanation)
    }
}

fn of_instrument(
    instrument: &Instrument,
    result: &InstrumentResult,
    total: i32,
    base: Observation,
    stored: &StoredSubmission,
) -> Observation {
    let whole = (instrument.scale() == 1).then_some(total);
    let cut_off = instrument.cut_off(&stored.answers);
    Observation {
        value_integer: whole,
        value_quantity: whole.is_none().then(|| Quantity { value: Some(instrument.shown(total)) }),
        interpretation: interpretation(result.outcome),
        reference_range: cut_off
            .and_then(|cut_off| positive(instrument, cut_off))
            .map(|text| Range { text })
            .into_iter()
            .collect(),
        ..base
    }
}

/// Positive and negative are codes; what is neither is words.
fn interpretation(outcome: Outcome) -> Vec<CodeableConcept> {
    let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
    vec![match outcome {
        Outcome::Positive => CodeableConcept::code(system, "POS", None),
        Outcome::Negative => CodeableConcept::code(system, "NEG", None),
        Outcome::Undetermined | Outcome::NotApplicable => CodeableConcept::text(outcome.as_str().replace('_', " ")),
    }]
}

/// Which totals are positive, as a sentence of signs.
pub(super) fn positive(instrument: &Instrument, cut_off: i32) -> Option<String> {
    let sign = match instrument.positive_when() {
        PositiveWhen::AtLeast => ">=",
        PositiveWhen::AtMost => "<=",
        PositiveWhen::Category => return None,
    };
    Some(format!("positive: {sign} {}", instrument.shown(cut_off)))
}
