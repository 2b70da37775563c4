//! The options of the form as codes, with their points.

use serde_json::{Value, json};

use super::names::ANSWERS;
use super::wordings::{Wordings, option_label};
use crate::domain::screening::answers::Answers;
use crate::domain::screening::condition::{Truth, View};
use crate::domain::screening::questionnaire::{Audiences, Kind, Spec};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::texts::Texts;

const EXCLUSIVE: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive";
/// The extensions from which form fillers read points.
const WEIGHTS: [&str; 2] =
    ["http://hl7.org/fhir/StructureDefinition/ordinalValue", "http://hl7.org/fhir/StructureDefinition/itemWeight"];

pub(super) struct Choice {
    /// Name of the option, unique in its item.
    pub(super) option: &'static str,
    /// Code of the option: `<item>.<option>`, so that codes are unique.
    pub(super) code: String,
    /// Value of an answer with only this option.
    value: i32,
}

/// The options of an item that the table asks, in the order of the form.
pub(super) fn choices(table: &RuleTable, spec: &Spec) -> Vec<Choice> {
    let options = spec.kind.options();
    let choice = |option: &'static str| {
        let place = options.iter().position(|known| *known == option);
        let place = place.and_then(|place| i32::try_from(place).ok()).unwrap_or_default();
        let value = if matches!(spec.kind, Kind::Set { .. }) { 1 << place } else { place };
        Choice { option, code: code(spec.id, option), value }
    };
    table.asked.options(spec.item).map(choice).collect()
}

pub(super) fn code(item: &str, option: &str) -> String {
    format!("{item}.{option}")
}

/// The options as answers of the form. Each option of a scored item has its points; an option that excludes all others is
/// marked.
pub(super) fn answers(wordings: Wordings<'_>, spec: &Spec) -> Vec<Value> {
    let choices = choices(wordings.table, spec);
    let points: Vec<i32> = choices.iter().map(|choice| points(wordings.table, spec, choice.value)).collect();
    let scored = points.iter().any(|points| *points != 0);
    let exclusive = if let Kind::Set { exclusive, .. } = spec.kind { exclusive } else { None };
    let answer = |(choice, points): (Choice, i32)| {
        let mut coding = json!({});
        if scored {
            coding["extension"] = WEIGHTS.map(|url| json!({"url": url, "valueDecimal": f64::from(points)})).into();
        }
        coding["system"] = ANSWERS.into();
        coding["code"] = choice.code.into();
        wordings.set(&mut coding, "display", |texts| option_label(texts, spec.id, choice.option));
        if exclusive == Some(choice.option) {
            json!({"extension": [{"url": EXCLUSIVE, "valueBoolean": true}], "valueCoding": coding})
        } else {
            json!({"valueCoding": coding})
        }
    };
    choices.into_iter().zip(points).map(answer).collect()
}

/// The options as concepts of a code system or a value set.
pub(super) fn concepts(wordings: Wordings<'_>, spec: &Spec) -> Vec<Value> {
    let concept = |choice: Choice| {
        let label = |texts: &Texts| option_label(texts, spec.id, choice.option);
        let mut concept = json!({"code": choice.code});
        if let Some(display) = wordings.texts().and_then(label) {
            concept["display"] = display.into();
        }
        let designations = wordings.designations(label);
        if !designations.is_empty() {
            concept["designation"] = designations.into();
        }
        concept
    };
    choices(wordings.table, spec).into_iter().map(concept).collect()
}

/// Points of a single answer in the own score. For the questions of SARC-F they equal the points of SARC-F.
fn points(table: &RuleTable, spec: &Spec, value: i32) -> i32 {
    let mut answers = Answers::default();
    answers.set(spec.item, Some(value));
    let view = View { answers: &answers, audiences: Audiences::ALL };
    let applies = table.rules.iter().filter(|rule| rule.when.evaluate(view) == Truth::True);
    applies.map(|rule| rule.points).sum()
}
