//! Parses conditions: the closed grammar.

use std::sync::Arc;

use toml::Value;

use super::fault;
use crate::fixed::{Threshold, to_units};
use crate::screening::condition::{Check, Condition, End, Quantity};
use crate::screening::instrument::{Instrument, Method};
use crate::screening::pathway::Criterion;
use crate::screening::questionnaire::{Item, Kind};
use crate::screening::rule_lint::LintFault;

/// Parses a condition: `any_of`, `all_of`, a bound of an instrument's total, or a test of one item or derived quantity.
/// `instruments` are those of the same table.
pub(super) fn condition(
    place: &str,
    value: &Value,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<Condition> {
    let Some(table) = value.as_table() else {
        return fault(faults, place, "a condition must be a table");
    };
    for (key, build) in [("any_of", Condition::AnyOf as fn(Vec<Condition>) -> Condition), ("all_of", Condition::AllOf)]
    {
        if let Some(parts) = table.get(key) {
            return match parts.as_array() {
                Some(parts) if table.len() == 1 && !parts.is_empty() => {
                    let built: Vec<_> =
                        parts.iter().filter_map(|part| condition(place, part, instruments, faults)).collect();
                    (built.len() == parts.len()).then(|| build(built))
                }
                _ => fault(faults, place, &format!("{key} must be the only key and hold conditions")),
            };
        }
    }
    if let Some(id) = table.get("instrument") {
        return total_at_least(place, id, table, instruments, faults);
    }
    let mut operators = table.clone();
    let name = operators.remove("item");
    let unable = operators.remove("unable");
    let Some(quantity) = name.as_ref().and_then(Value::as_str).and_then(Quantity::from_id) else {
        let name = name.as_ref().and_then(Value::as_str).unwrap_or("nothing");
        return fault(faults, place, &format!("names an unknown item: {name}"));
    };
    let test = test(place, quantity, &operators, faults)?;
    let Some(unable) = unable else { return Some(test) };
    let Quantity::Item(measured) = quantity else { return fault(faults, place, "unable requires a measured item") };
    let known = mask(Item::TestsUnable.spec().kind.options(), std::slice::from_ref(&unable));
    match known.filter(|bit| Item::TESTED.get(bit.trailing_zeros() as usize) == Some(&measured)) {
        Some(unable) => Some(Condition::OrUnable { unable, measured, test: Box::new(test) }),
        None => fault(faults, place, &format!("unable names another test: {unable}")),
    }
}

/// Parses `{ instrument = "<id>", at_least = <points> }`; the instrument must be a sum.
fn total_at_least(
    place: &str,
    id: &Value,
    table: &toml::Table,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<Condition> {
    let known = instruments.iter().find(|instrument| Some(&*instrument.id) == id.as_str());
    let points = table.get("at_least").and_then(Value::as_integer).and_then(|points| i32::try_from(points).ok());
    match (known.map(|instrument| &instrument.method), points) {
        (Some(Method::Sum { components, .. }), Some(points)) if table.len() == 2 => {
            Some(Condition::TotalAtLeast { components: Arc::clone(components), points })
        }
        _ => fault(faults, place, &format!("must name an instrument that is a sum, and at_least: {id}")),
    }
}

/// Parses the operators of one quantity: plain, by sex, or by age.
pub(super) fn test(
    place: &str,
    quantity: Quantity,
    operators: &toml::Table,
    faults: &mut Vec<LintFault>,
) -> Option<Condition> {
    if let Some(rows) = operators.get("by_age") {
        let rows = rows.as_array().filter(|rows| operators.len() == 1 && !rows.is_empty());
        let Some(rows) = rows else { return fault(faults, place, "by_age must be the only operator and hold rows") };
        let rows = rows.iter().map(|row| age_row(place, quantity, row, faults)).collect::<Option<Vec<_>>>()?;
        if !rows.is_sorted_by(|one, next| one.0 < next.0) {
            return fault(faults, place, "the rows of by_age must ascend");
        }
        return Some(Condition::ByAge(rows));
    }
    if !operators.values().any(Value::is_table) {
        return Some(Condition::Test { quantity, check: check(place, quantity, operators, faults)? });
    }
    let of_sex = |sex: &str| -> Option<toml::Table> {
        let value = |value: &Value| match value.as_table() {
            Some(by_sex) if by_sex.len() == 2 => by_sex.get(sex).cloned(),
            Some(_) => None,
            None => Some(value.clone()),
        };
        operators.iter().map(|(name, operand)| Some((name.clone(), value(operand)?))).collect()
    };
    let (Some(female), Some(male)) = (of_sex("female"), of_sex("male")) else {
        return fault(faults, place, "a value by sex must name female and male");
    };
    let female = Condition::Test { quantity, check: check(place, quantity, &female, faults)? };
    let male = Condition::Test { quantity, check: check(place, quantity, &male, faults)? };
    Some(Condition::BySex(Box::new([female, male])))
}

/// A row of `by_age`: its minimum age and its test.
fn age_row(place: &str, quantity: Quantity, row: &Value, faults: &mut Vec<LintFault>) -> Option<(i32, Condition)> {
    let mut operators = row.as_table().cloned().unwrap_or_default();
    let from = operators.remove("from").and_then(|from| from.as_integer()).and_then(|from| i32::try_from(from).ok());
    let Some(from) = from else { return fault(faults, place, "a row of by_age has no from") };
    Some((from, test(place, quantity, &operators, faults)?))
}

/// A condition with its text as written.
pub(super) fn criterion(
    place: &str,
    value: &Value,
    instruments: &[Instrument],
    faults: &mut Vec<LintFault>,
) -> Option<Criterion> {
    Some(Criterion { when: condition(place, value, instruments, faults)?, stated: stated(value) })
}

/// The condition as written, for display. Every TOML condition has a JSON form.
pub(super) fn stated(when: &Value) -> serde_json::Value {
    serde_json::to_value(when).unwrap_or_default()
}

/// Parses the operators of one test, for the quantity's kind of value.
fn check(place: &str, quantity: Quantity, operators: &toml::Table, faults: &mut Vec<LintFault>) -> Option<Check> {
    let kind = match quantity {
        Quantity::Item(item) => item.spec().kind,
        _ => Kind::Number { minimum: 0, maximum: i32::MAX, step: 1, scale: 1000, unit: "" },
    };
    let only = |name: &str| (operators.len() == 1).then(|| operators.get(name)).flatten();
    let built = match kind {
        Kind::Flag => only("is").and_then(Value::as_bool).map(|is| Check::OneOf(if is { 2 } else { 1 })),
        Kind::Choice(options) => {
            let one = only("is").map(std::slice::from_ref);
            let many = only("one_of").and_then(Value::as_array).map(Vec::as_slice);
            one.or(many).and_then(|chosen| mask(options, chosen)).map(Check::OneOf)
        }
        Kind::Set { options, .. } => {
            only("includes").map(std::slice::from_ref).and_then(|chosen| mask(options, chosen)).map(Check::Includes)
        }
        Kind::Number { .. } => between(operators),
    };
    built.or_else(|| {
        let message = format!("an operator, its type or an option does not fit {}: {operators}", quantity.id());
        fault(faults, place, message.replace('\n', " ").trim())
    })
}

/// The bits of the options; `None` if an option is unknown.
fn mask(options: &[&str], chosen: &[Value]) -> Option<u32> {
    let bit = |value: &Value| {
        let index = options.iter().position(|option| Some(*option) == value.as_str())?;
        Some(1_u32 << index)
    };
    chosen.iter().map(bit).try_fold(0, |mask, bit| Some(mask | bit?)).filter(|mask| *mask != 0)
}

/// A range from the operators of a number; `None` if an end is given twice.
fn between(operators: &toml::Table) -> Option<Check> {
    let (mut low, mut high) = (None, None);
    for (name, value) in operators {
        let threshold = threshold(value)?;
        let ends: &mut [&mut Option<End>] = match name.as_str() {
            "is" => &mut [&mut low, &mut high],
            "at_least" | "more_than" => &mut [&mut low],
            "at_most" | "less_than" => &mut [&mut high],
            _ => return None,
        };
        let inclusive = !matches!(name.as_str(), "more_than" | "less_than");
        for end in ends {
            if end.replace(End { threshold, inclusive }).is_some() {
                return None;
            }
        }
    }
    (low.is_some() || high.is_some()).then_some(Check::Between { low, high })
}

/// A cut-off in thousandths; `None` if it has more than three decimals.
fn threshold(value: &Value) -> Option<Threshold> {
    match value {
        Value::Integer(whole) => Some(Threshold { thousandths: whole.checked_mul(1000)? }),
        Value::Float(decimal) => to_units(*decimal, 1000).map(|units| Threshold { thousandths: i64::from(units) }),
        _ => None,
    }
}
