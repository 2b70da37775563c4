//! The options of the form as codes, with their points.

use serde_json::{Value, json};

use super::element::element;
use super::names::ANSWERS;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::condition::{Truth, View};
use crate::domain::screening::questionnaire::{Audiences, Kind, Spec};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;

pub(super) struct Choice {
    /// Code of the option: `<item>.<option>`, so that codes are unique.
    pub(super) code: String,
    pub(super) display: String,
    /// Value of an answer with only this option.
    pub(super) value: i32,
}

/// The options of an item that the table asks, in the order of the form.
pub(super) fn choices(table: &RuleTable, spec: &Spec, texts: Option<&Texts>) -> Vec<Choice> {
    let label = |item: &str, option: &str| {
        let labels = texts.and_then(|texts| texts.options.get(item));
        labels.and_then(|labels| labels.get(option)).cloned().unwrap_or_default()
    };
    let options = spec.kind.options();
    let choice = |option: &'static str| {
        let place = options.iter().position(|known| *known == option);
        let place = place.and_then(|place| i32::try_from(place).ok()).unwrap_or_default();
        let value = if matches!(spec.kind, Kind::Set { .. }) { 1 << place } else { place };
        Choice { code: code(spec.id, option), display: label(spec.id, option), value }
    };
    table.asked.options(spec.item).map(choice).collect()
}

pub(super) fn code(item: &str, option: &str) -> String {
    format!("{item}.{option}")
}

/// The options as codes; each option of a scored item has its points in both extensions that form fillers read.
pub(super) fn codings(table: &RuleTable, spec: &Spec, texts: Option<&Texts>) -> Vec<Value> {
    let choices = choices(table, spec, texts);
    let points: Vec<i32> = choices.iter().map(|choice| points(table, spec, choice.value)).collect();
    let scored = points.iter().any(|points| *points != 0);
    let coding = |(choice, points): (Choice, i32)| {
        let urls = [
            "http://hl7.org/fhir/StructureDefinition/ordinalValue",
            "http://hl7.org/fhir/StructureDefinition/itemWeight",
        ];
        let weights = urls.map(|url| json!({"url": url, "valueDecimal": f64::from(points)}));
        element(json!({
            "extension": scored.then_some(weights),
            "system": ANSWERS,
            "code": choice.code,
            "display": choice.display,
        }))
    };
    choices.into_iter().zip(points).map(coding).collect()
}

/// Points of a single answer in the own score. For the questions of SARC-F they equal the points of SARC-F.
fn points(table: &RuleTable, spec: &Spec, value: i32) -> i32 {
    let mut answers = Answers::default();
    answers.set(spec.item, Some(value));
    let view = View { answers: &answers, audiences: Audiences::ALL };
    let applies = table.rules.iter().filter(|rule| rule.when.evaluate(view) == Truth::True);
    applies.map(|rule| rule.points).sum()
}
