//! Parses instruments.

use serde::Deserialize;
use toml::Value;

use super::condition::{criterion, test};
use super::fault;
use crate::fixed::to_units;
use crate::screening::condition::Quantity;
use crate::screening::instrument::{Accuracy, Component, Instrument, Method, PositiveWhen};
use crate::screening::open_questions::item_set::ItemSet;
use crate::screening::open_questions::linear::{Linear, Logistic, Term};
use crate::screening::questionnaire::{Item, Kind};
use crate::screening::rule_lint::LintFault;
use crate::screening::rule_table::{Family, Id, SourceUse, StatedReason};
use crate::screening::urgency::Urgency;

/// An instrument as written: `components` with a `cut_off`, `linear` for each sex, or a `category`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceInstrument {
    id: Id,
    /// Years.
    age_from: i32,
    flags: bool,
    urgency: Option<Urgency>,
    family: Option<Family>,
    positive_when: PositiveWhen,
    /// Points, for a sum.
    cut_off: Option<i32>,
    /// The parts of a sum.
    #[serde(default)]
    components: Vec<SourceComponent>,
    /// The weighted sum of each sex.
    #[serde(default)]
    linear: Vec<SourceLinear>,
    /// The condition on one answer.
    category: Option<Value>,
    licence: String,
    note: Option<String>,
    accuracy: Vec<Accuracy>,
    #[serde(default)]
    sources: Vec<SourceUse>,
}

/// A part of a sum as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceComponent {
    /// An item or a derived quantity.
    item: String,
    /// Operators of a test, with `points`.
    steps: Vec<toml::Table>,
}

/// The greatest cut-off of a weighted sum, points. It keeps sums far below the limits of their type.
const GREATEST_CUT_OFF: i32 = 100_000;
/// The greatest weight of a term, points for one unit of its item.
const GREATEST_WEIGHT: f64 = 100.0;

/// A weighted sum as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceLinear {
    /// `female` or `male`.
    sex: String,
    /// Points.
    cut_off: i32,
    terms: Vec<SourceTerm>,
    logistic: Option<SourceLogistic>,
}

/// A term as written: `times * (item - minus)`, in the item's unit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTerm {
    item: String,
    minus: i32,
    /// Points for one unit, at most three decimals.
    times: f64,
}

/// The constants of a probability as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceLogistic {
    divide_by: f64,
    minus: f64,
}

/// Parses one instrument: exactly one of its three forms.
pub(super) fn instrument(place: &str, source: SourceInstrument, faults: &mut Vec<LintFault>) -> Option<Instrument> {
    let parts = (&source.components[..], &source.linear[..], &source.category, source.cut_off);
    let method = match (source.positive_when, parts) {
        (PositiveWhen::AtLeast | PositiveWhen::AtMost, ([_, ..], [], None, Some(cut_off))) => Method::Sum {
            lower_is_worse: source.positive_when == PositiveWhen::AtMost,
            cut_off,
            components: source
                .components
                .into_iter()
                .map(|part| component(place, part, faults))
                .collect::<Option<_>>()?,
        },
        (PositiveWhen::AtLeast, ([], [_, _], None, None)) => {
            let mut of_sex = |sex: &str| match source.linear.iter().find(|linear| linear.sex == sex) {
                Some(found) => linear(place, found, faults),
                None => fault(faults, place, "a linear score must name female and male"),
            };
            Method::Linear(Box::new([of_sex("female")?, of_sex("male")?]))
        }
        (PositiveWhen::Category, ([], [], Some(category), None)) => {
            let item = category.get("item").and_then(Value::as_str).and_then(Item::from_id);
            let Some(item) = item else { return fault(faults, place, "category names an unknown item") };
            Method::Category { item, positive: criterion(place, category, &[], faults)? }
        }
        _ => {
            let message = "must be a sum with components and a cut_off, linear for two sexes, or a category";
            return fault(faults, place, message);
        }
    };
    Some(Instrument {
        id: source.id,
        age_from: source.age_from,
        flags: source.flags,
        reason: StatedReason::of(source.urgency, source.family),
        method,
        accuracy: source.accuracy,
        licence: source.licence,
        note: source.note,
        sources: source.sources,
    })
}

/// Parses a part of a sum; its steps become conditions on its item.
fn component(place: &str, source: SourceComponent, faults: &mut Vec<LintFault>) -> Option<Component> {
    let Some(quantity) = Quantity::from_id(&source.item) else {
        return fault(faults, place, &format!("names an unknown item {}", source.item));
    };
    let stated = serde_json::to_value(&source.steps).unwrap_or_default();
    let mut steps = Vec::new();
    for mut step in source.steps {
        let points = step.remove("points").and_then(|points| points.as_integer());
        let Some(points) = points.and_then(|points| i32::try_from(points).ok()) else {
            return fault(faults, place, "a step has no points");
        };
        steps.push((test(place, quantity, &step, faults)?, points));
    }
    let items = steps.iter().fold(ItemSet::EMPTY, |items, (when, _)| items.with(when.items()));
    Some(Component { quantity, steps, items, stated })
}

/// Parses a weighted sum into thousandths of a point.
fn linear(place: &str, source: &SourceLinear, faults: &mut Vec<LintFault>) -> Option<Linear> {
    let terms = source.terms.iter().map(|source| term(place, source, faults)).collect::<Option<_>>()?;
    let logistic = source.logistic.as_ref();
    if !(0..=GREATEST_CUT_OFF).contains(&source.cut_off) {
        return fault(faults, place, &format!("a cut-off must be from 0 to {GREATEST_CUT_OFF}"));
    }
    if logistic.is_some_and(|source| !source.divide_by.is_normal() || !source.minus.is_finite()) {
        return fault(faults, place, "a logistic function needs finite constants and a divisor that is not 0");
    }
    Some(Linear {
        cut_off: source.cut_off * Linear::SCALE,
        terms,
        logistic: logistic.map(|source| Logistic { divide_by: source.divide_by, minus: source.minus }),
    })
}

/// A term in the units of its item. The weight must be a whole number of thousandths of a point for one unit, to be exact.
fn term(place: &str, source: &SourceTerm, faults: &mut Vec<LintFault>) -> Option<Term> {
    let item = Item::from_id(&source.item);
    let Some((item, Kind::Number { minimum, maximum, scale, .. })) = item.map(|item| (item, item.spec().kind)) else {
        return fault(faults, place, &format!("a term names an item that is not a number: {}", source.item));
    };
    let minus = source.minus.checked_mul(scale).filter(|minus| (minimum..=maximum).contains(minus));
    if minus.is_none() || source.times.abs() > GREATEST_WEIGHT {
        let message = format!("minus must lie in the range of {}, times within {GREATEST_WEIGHT}", source.item);
        return fault(faults, place, &message);
    }
    match to_units(source.times, Linear::SCALE).filter(|times| times % scale == 0) {
        Some(times) => Some(Term { item, minus: source.minus * scale, times: times / scale }),
        None => fault(faults, place, &format!("{} cannot be exact for {}", source.times, source.item)),
    }
}
