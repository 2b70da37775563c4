//! `Observation`: the own score total, the total of each instrument, and measured values.

use serde_json::{Value, json};

use super::element::{concept, element};
use super::names::{RESULTS, SCORE, id_of};
use super::scored::Scored;
use crate::domain::screening::assessment::Score;
use crate::domain::screening::instrument::{Instrument, InstrumentResult, Outcome, PositiveWhen};
use crate::domain::screening::questionnaire::{Audience, Item, Kind};
use crate::domain::screening::rule_table::RuleTable;

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

/// Maximum number of resources of a response: one per instrument, the own score total, and the measured items.
pub(super) const fn most(table: &RuleTable) -> usize {
    table.instruments.len() + 1 + MEASURED.len()
}

/// The observations of a response, each with its id. A total that is not settled is omitted.
pub(super) fn all(scored: &Scored<'_>) -> Vec<(String, Value)> {
    let texts = scored.texts();
    let mut found = vec![own(scored, texts.map(|texts| &*texts.outcome.explanation).unwrap_or_default())];
    for result in &scored.assessment.instruments {
        if let (Some(instrument), Some(total)) = (scored.table.instrument(&result.instrument), result.total) {
            found.push(of_instrument(scored, instrument, result, total));
        }
    }
    found.extend(MEASURED.into_iter().filter_map(|(item, unit, limit)| measurement(scored, item, unit, limit)));
    let named = |one: Value| (one["id"].as_str().unwrap_or_default().to_owned(), element(one));
    found.into_iter().map(named).collect()
}

/// All members of an observation in order. The caller fills those that are null.
fn outline(scored: &Scored<'_>, category: &str, code: &str, name: &str, explanation: &str) -> Value {
    let categories = "http://terminology.hl7.org/CodeSystem/observation-category";
    let id = if scored.id.is_empty() { String::new() } else { format!("{}-{}", scored.id, id_of(code)) };
    json!({
        "resourceType": "Observation",
        "id": id,
        "meta": scored.meta(),
        "status": scored.status(),
        "category": [concept(categories, category, "")],
        "code": concept(RESULTS, code, name),
        "subject": scored.subject,
        "effectiveDateTime": scored.answered,
        "issued": scored.issued,
        "valueQuantity": null,
        "valueInteger": null,
        "interpretation": null,
        "note": (!explanation.is_empty()).then(|| [json!({"text": explanation})]),
        "referenceRange": null,
        "derivedFrom": scored.response.as_ref().map(|response| [response]),
        "component": null,
    })
}

/// The own score total, with its bounds over the open questions. It states no risk: no study has measured one.
fn own(scored: &Scored<'_>, explanation: &str) -> Value {
    let Score { total, lower, upper } = scored.assessment.score;
    let component = |(code, value)| json!({"code": concept(RESULTS, code, ""), "valueInteger": value});
    let mut own = outline(scored, "survey", SCORE, "Own total, not validated", explanation);
    own["valueInteger"] = total.into();
    own["component"] = [("lower", lower), ("upper", upper)].map(component).into();
    own
}

fn of_instrument(scored: &Scored<'_>, instrument: &Instrument, result: &InstrumentResult, total: i32) -> Value {
    let text = scored.texts().and_then(|texts| texts.instruments.get(&*instrument.id));
    let (name, explanation) = text.map(|text| (&*text.name, &*text.explanation)).unwrap_or_default();
    let mut one = outline(scored, "survey", &instrument.id, name, explanation);
    if instrument.scale() == 1 {
        one["valueInteger"] = total.into();
    } else {
        one["valueQuantity"] = json!({"value": instrument.shown(total)});
    }
    one["interpretation"] = json!([interpretation(result.outcome)]);
    let range = instrument.cut_off(scored.answers).and_then(|cut_off| positive(instrument, cut_off));
    one["referenceRange"] = json!(range.map(|text| [json!({"text": text})]));
    one
}

/// A measured value in its unit, with the laboratory's upper limit if given.
fn measurement(scored: &Scored<'_>, item: Item, unit: &str, limit: Option<Item>) -> Option<Value> {
    let spec = item.spec();
    let Kind::Number { scale, .. } = spec.kind else { return None };
    let quantity = |units: i32| {
        let value = f64::from(units) / f64::from(scale);
        json!({"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit})
    };
    let value = scored.answers.get(item)?;
    let category = match spec.audience() {
        Audience::Person => "survey",
        Audience::Staff => "exam",
        Audience::Laboratory => "laboratory",
    };
    let label = scored.texts().and_then(|texts| texts.items.get(item.id())).map(|text| &*text.label);
    let mut one = outline(scored, category, item.id(), label.unwrap_or_default(), "");
    one["valueQuantity"] = quantity(value);
    let high = limit.and_then(|limit| scored.answers.get(limit));
    one["referenceRange"] = json!(high.map(|high| [json!({"high": quantity(high)})]));
    Some(one)
}

/// Positive and negative are codes; other outcomes are text.
fn interpretation(outcome: Outcome) -> Value {
    let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
    match outcome {
        Outcome::Positive => concept(system, "POS", ""),
        Outcome::Negative => concept(system, "NEG", ""),
        Outcome::Undetermined | Outcome::NotApplicable => json!({"text": outcome.as_str().replace('_', " ")}),
    }
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
