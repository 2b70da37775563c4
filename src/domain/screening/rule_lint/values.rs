//! The possible values of items and quantities, and whether a condition can be true.

use std::collections::BTreeMap;

use crate::fixed::{Fraction, Threshold};
use crate::screening::condition::{Check, Condition, Quantity};
use crate::screening::questionnaire::{Item, Kind};

/// Every value that an item can have, with its display form.
pub(super) fn values(item: Item) -> Box<dyn Iterator<Item = (Fraction, String)>> {
    let whole = |value: i64| Fraction { numerator: value, denominator: 1 };
    match item.spec().kind {
        Kind::Number { minimum, maximum, step, scale, .. } => {
            let steps = (minimum..=maximum).step_by(step.unsigned_abs() as usize);
            Box::new(steps.map(move |units| {
                let value = Fraction { numerator: i64::from(units), denominator: i64::from(scale) };
                (value, (f64::from(units) / f64::from(scale)).to_string())
            }))
        }
        Kind::Flag => Box::new((0..2).map(move |flag| (whole(flag), (flag == 1).to_string()))),
        Kind::Choice(options) => {
            Box::new((0..).zip(options).map(move |(index, option)| (whole(index), (*option).to_owned())))
        }
        Kind::Set { options, .. } => {
            Box::new((0..).zip(options).map(move |(bit, option)| (whole(1 << bit), (*option).to_owned())))
        }
    }
}

/// The range of sensible thresholds for the quantity.
pub(super) fn range(quantity: Quantity) -> (Threshold, Threshold) {
    let thousandths = |thousandths| Threshold { thousandths };
    match quantity {
        Quantity::Item(item) => match item.spec().kind {
            Kind::Number { minimum, maximum, scale, .. } => {
                let in_thousandths = |units: i32| thousandths(i64::from(units) * 1000 / i64::from(scale));
                (in_thousandths(minimum), in_thousandths(maximum))
            }
            Kind::Flag | Kind::Choice(_) | Kind::Set { .. } => (thousandths(0), thousandths(0)),
        },
        // The plausibility limits of the body mass index.
        Quantity::Bmi => (thousandths(10_000), thousandths(80_000)),
        Quantity::WeightLoss6MonthsPercent | Quantity::WeightLoss12MonthsPercent => {
            (thousandths(0), thousandths(50_000))
        }
        Quantity::CreatineKinaseRatio | Quantity::MyoglobinRatio => (thousandths(0), thousandths(25_000_000)),
    }
}

/// Whether some answers satisfy the condition. Tests of one item within an `all_of` are tried together.
pub(super) fn reachable(condition: &Condition) -> bool {
    match condition {
        Condition::Test { quantity: Quantity::Item(item), check } => values(*item).any(|(value, _)| check.holds(value)),
        Condition::Test { check: Check::Between { low: Some(low), high: Some(high) }, .. } => {
            low.threshold < high.threshold || (low.threshold == high.threshold && low.inclusive && high.inclusive)
        }
        Condition::Test { .. } | Condition::TotalAtLeast { .. } => true,
        Condition::AnyOf(parts) => parts.iter().any(reachable),
        Condition::BySex(parts) => parts.iter().all(reachable),
        Condition::ByAge(rows) => rows.iter().all(|(_, row)| reachable(row)),
        Condition::OrUnable { test, .. } => reachable(test),
        Condition::AllOf(parts) => {
            let mut checks: BTreeMap<Item, Vec<&Check>> = BTreeMap::new();
            for part in parts {
                if let Condition::Test { quantity: Quantity::Item(item), check } = part
                    && !matches!(check, Check::Includes(_))
                {
                    checks.entry(*item).or_default().push(check);
                }
            }
            let together = |(item, checks): (&Item, &Vec<&Check>)| {
                values(*item).any(|(value, _)| checks.iter().all(|check| check.holds(value)))
            };
            parts.iter().all(reachable) && checks.iter().all(together)
        }
    }
}
