//! `Observation`: the own score total, the total of each instrument, and measured values.

use super::element::{Annotation, CodeableConcept, Meta, Reference, Typed, elements};
use super::names::{RESULTS, SCORE, id_of};
use super::scored::Scored;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Score;
use crate::domain::screening::instrument::{Instrument, InstrumentResult, Outcome, PositiveWhen};
use crate::domain::screening::questionnaire::{Audience, Item, Kind};
use crate::domain::screening::rule_table::RuleTable;

elements! {
    /// One total, or one measured value.
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
    /// A decimal number, or a number with a unit.
    Quantity {
        value: Option<f64>,
        unit: Option<&'static str>,
        system: Option<&'static str>,
        code: Option<&'static str>,
    }
    /// The positive range of a total, or the laboratory's upper limit of a value.
    Range {
        high: Option<Quantity>,
        text: String,
    }
    /// One bound of the own score total.
    Component {
        code: Option<CodeableConcept>,
        value_integer: Option<i32>,
    }
}

/// Measured items: unit, and the item with the upper limit. The total of the short battery (SPPB) is reported as that of an
/// instrument.
pub(super) const MEASURED: [(Item, &str, Option<Item>); 10] = [
    (Item::HeightCm, "cm", None),
    (Item::WeightKg, "kg", None),
    (Item::CalfCircumferenceCm, "cm", None),
    (Item::GripStrengthKg, "kg", None),
    (Item::FiveChairStandsS, "s", None),
    (Item::TimedUpAndGoS, "s", None),
    (Item::GaitSpeedMS, "m/s", None),
    (Item::CreatineKinaseUL, "U/L", Some(Item::CreatineKinaseUpperLimitUL)),
    (Item::MyoglobinUgL, "ug/L", Some(Item::MyoglobinUpperLimitUgL)),
    (Item::VitaminDNmolL, "nmol/L", None),
];

/// Whether a code is requested, alone or with the code system of this service.
fn asked(codes: &[String], code: &str) -> bool {
    let full = format!("{RESULTS}|{code}");
    codes.iter().all(|list| list.split(',').any(|one| one == code || one == full))
}

/// Maximum number of resources of a response: one per instrument, the own score total, and the measured items.
pub(super) const fn most(table: &RuleTable) -> usize {
    table.instruments.len() + 1 + MEASURED.len()
}

/// The observations of a response with one of these codes, or all of them without codes. A total that is not settled is
/// omitted.
pub(super) fn all(scored: &Scored<'_>, codes: &[String]) -> Vec<(String, Typed<Observation>)> {
    let texts = scored.texts();
    let mut found = Vec::new();
    if asked(codes, SCORE) {
        found.push(own(scored, texts.map(|texts| texts.outcome.explanation.clone()).unwrap_or_default()));
    }
    for result in &scored.assessment.instruments {
        if let (Some(instrument), Some(total)) = (scored.table.instrument(&result.instrument), result.total)
            && asked(codes, &instrument.id)
        {
            let text = texts.and_then(|texts| texts.instruments.get(&*instrument.id));
            let (name, explanation) =
                text.map(|text| (text.name.clone(), text.explanation.clone())).unwrap_or_default();
            let base = outline(scored, "survey", &instrument.id, &name, explanation);
            found.push(of_instrument(instrument, result, total, base, scored.answers));
        }
    }
    let measured = MEASURED.into_iter().filter(|(item, ..)| asked(codes, item.id()));
    found.extend(measured.filter_map(|(item, unit, limit)| measurement(scored, item, unit, limit)));
    let named = |one: Observation| (one.id.clone(), Typed::new("Observation", one));
    found.into_iter().map(named).collect()
}

fn outline(scored: &Scored<'_>, category: &'static str, code: &str, name: &str, explanation: String) -> Observation {
    let categories = "http://terminology.hl7.org/CodeSystem/observation-category";
    let id = if scored.id.is_empty() { String::new() } else { format!("{}-{}", scored.id, id_of(code)) };
    Observation {
        id,
        meta: scored.meta(),
        status: "final",
        category: vec![CodeableConcept::code(categories, category, None)],
        code: Some(CodeableConcept::code(RESULTS, code, Some(name.to_owned()))),
        subject: Some(scored.subject.clone()),
        effective_date_time: scored.answered.to_string(),
        issued: scored.issued.to_string(),
        note: Some(explanation).filter(|text| !text.is_empty()).map(|text| Annotation { text }).into_iter().collect(),
        derived_from: scored.response.clone().into_iter().collect(),
        ..Observation::default()
    }
}

/// The own score total, with its bounds over the open questions. It states no risk: no study has measured one.
fn own(scored: &Scored<'_>, explanation: String) -> Observation {
    let Score { total, lower, upper } = scored.assessment.score;
    let component = |(code, value)| Component {
        code: Some(CodeableConcept::code(RESULTS, code, None)),
        value_integer: Some(value),
    };
    Observation {
        value_integer: Some(total),
        component: [("lower", lower), ("upper", upper)].map(component).into(),
        ..outline(scored, "survey", SCORE, "Own total, not validated", explanation)
    }
}

fn of_instrument(
    instrument: &Instrument,
    result: &InstrumentResult,
    total: i32,
    base: Observation,
    answers: &Answers,
) -> Observation {
    let whole = (instrument.scale() == 1).then_some(total);
    let cut_off = instrument.cut_off(answers);
    let range = cut_off.and_then(|cut_off| positive(instrument, cut_off));
    Observation {
        value_integer: whole,
        value_quantity: whole
            .is_none()
            .then(|| Quantity { value: Some(instrument.shown(total)), ..Quantity::default() }),
        interpretation: interpretation(result.outcome),
        reference_range: range.map(|text| Range { text, ..Range::default() }).into_iter().collect(),
        ..base
    }
}

/// A measured value in its unit, with the laboratory's upper limit if given.
fn measurement(scored: &Scored<'_>, item: Item, unit: &'static str, limit: Option<Item>) -> Option<Observation> {
    let spec = item.spec();
    let Kind::Number { scale, .. } = spec.kind else { return None };
    let quantity = |units: i32| Quantity {
        value: Some(f64::from(units) / f64::from(scale)),
        unit: Some(unit),
        system: Some("http://unitsofmeasure.org"),
        code: Some(unit),
    };
    let value = scored.answers.get(item)?;
    let category = match spec.audience() {
        Audience::Person => "survey",
        Audience::Staff => "exam",
        Audience::Laboratory => "laboratory",
    };
    let label = scored.texts().and_then(|texts| texts.items.get(item.id())).map(|text| text.label.clone());
    let high = limit.and_then(|limit| scored.answers.get(limit)).map(quantity);
    Some(Observation {
        value_quantity: Some(quantity(value)),
        reference_range: high.map(|high| Range { high: Some(high), ..Range::default() }).into_iter().collect(),
        ..outline(scored, category, item.id(), &label.unwrap_or_default(), String::new())
    })
}

/// Positive and negative are codes; other outcomes are text.
fn interpretation(outcome: Outcome) -> Vec<CodeableConcept> {
    let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
    vec![match outcome {
        Outcome::Positive => CodeableConcept::code(system, "POS", None),
        Outcome::Negative => CodeableConcept::code(system, "NEG", None),
        Outcome::Undetermined | Outcome::NotApplicable => CodeableConcept::text(outcome.as_str().replace('_', " ")),
    }]
}

/// The positive range of totals, as text.
pub(super) fn positive(instrument: &Instrument, cut_off: i32) -> Option<String> {
    let sign = match instrument.positive_when() {
        PositiveWhen::AtLeast => ">=",
        PositiveWhen::AtMost => "<=",
        PositiveWhen::Category => return None,
    };
    Some(format!("positive: {sign} {}", instrument.shown(cut_off)))
}
