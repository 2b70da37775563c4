//! The items of the forms, with the extensions that form renderers read.

use serde_json::{Value, json};

use super::element::coding;
use super::names::{LOINC, LOINC_SYSTEM, RESULTS, STRENGTH_DAYS};
use super::observation::MEASURED;
use super::options;
use super::units::UCUM;
use super::wordings::Wordings;
use crate::domain::screening::questionnaire::{Item, Kind, Spec};
use crate::domain::screening::texts::Texts;

/// Extensions of FHIR R4.
const CORE: &str = "http://hl7.org/fhir/StructureDefinition";
/// The question in a few words, of Structured Data Capture.
const SHORT_TEXT: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-shortText";
const ITEM_CONTROL: &str = "http://hl7.org/fhir/questionnaire-item-control";

/// Units of the form as UCUM codes. Counts have no unit.
const UNITS: [(&str, &str); 9] = [
    ("years", "a"),
    ("kg", "kg"),
    ("cm", "cm"),
    ("s", "s"),
    ("m_per_s", "m/s"),
    ("u_per_l", "U/L"),
    ("ug_per_l", "ug/L"),
    ("nmol_per_l", "nmol/L"),
    ("hours", "h"),
];

pub(super) fn question(wordings: Wordings<'_>, spec: &Spec) -> Value {
    let asked_when = wordings.table.asked.when_above_0(spec.item).iter();
    let enabled: Vec<_> =
        asked_when.map(|item| json!({"question": item.id(), "operator": ">", "answerDecimal": 0.0})).collect();
    let mut question = json!({"linkId": spec.id});
    let mut set = |name: &str, values: Vec<Value>| {
        if !values.is_empty() {
            question[name] = values.into();
        }
    };
    set("extension", extensions(wordings, spec));
    set("code", codes(spec.item));
    wordings.set(&mut question, "text", |texts| Some(texts.items.get(spec.id)?.label.clone()));
    question["type"] = kind(spec).into();
    if !enabled.is_empty() {
        question["enableWhen"] = enabled.into();
        question["enableBehavior"] = "any".into();
    }
    question["required"] = spec.required().into();
    if matches!(spec.kind, Kind::Set { .. }) {
        question["repeats"] = true.into();
    }
    let options = options::answers(wordings, spec);
    if !options.is_empty() {
        question["answerOption"] = options.into();
    }
    if let Some(help) = help(wordings, spec) {
        question["item"] = [help].into();
    }
    question
}

const fn kind(spec: &Spec) -> &'static str {
    match spec.kind {
        Kind::Number { scale: 1, .. } => "integer",
        Kind::Number { .. } => "decimal",
        Kind::Flag => "boolean",
        Kind::Choice(_) | Kind::Set { .. } => "choice",
    }
}

fn extensions(wordings: Wordings<'_>, spec: &Spec) -> Vec<Value> {
    let mut extensions = Vec::new();
    let mut short = json!({"url": SHORT_TEXT});
    wordings.set(&mut short, "valueString", |texts| texts.items.get(spec.id)?.short.clone());
    if short.get("valueString").is_some() {
        extensions.push(short);
    }
    match spec.kind {
        Kind::Number { maximum, scale, unit, .. } => {
            extensions.push(bound("minValue", spec.least(), scale));
            extensions.push(bound("maxValue", maximum, scale));
            let places = scale.checked_ilog10().unwrap_or_default();
            if places > 0 {
                extensions.push(json!({"url": format!("{CORE}/maxDecimalPlaces"), "valueInteger": places}));
            }
            extensions.extend(unit_of(wordings, unit));
        }
        Kind::Choice(_) => extensions.push(control("radio-button")),
        Kind::Set { .. } => extensions.push(control("check-box")),
        Kind::Flag => {}
    }
    extensions
}

fn bound(name: &str, units: i32, scale: i32) -> Value {
    let url = format!("{CORE}/{name}");
    if scale == 1 {
        json!({"url": url, "valueInteger": units})
    } else {
        json!({"url": url, "valueDecimal": f64::from(units) / f64::from(scale)})
    }
}

/// The unit of a number. `None` for counts.
fn unit_of(wordings: Wordings<'_>, unit: &str) -> Option<Value> {
    let (_, code) = UNITS.iter().find(|(known, _)| *known == unit)?;
    let mut value = coding(UCUM, code);
    wordings.set(&mut value, "display", |texts: &Texts| texts.units.get(unit).cloned());
    Some(json!({"url": format!("{CORE}/questionnaire-unit"), "valueCoding": value}))
}

fn control(code: &str) -> Value {
    let concept = json!({"coding": [coding(ITEM_CONTROL, code)]});
    json!({"url": format!("{CORE}/questionnaire-itemControl"), "valueCodeableConcept": concept})
}

/// The help for a question, as a text that renderers show beside it.
fn help(wordings: Wordings<'_>, spec: &Spec) -> Option<Value> {
    let mut help = json!({"extension": [control("help")], "linkId": format!("{}.help", spec.id)});
    wordings.set(&mut help, "text", |texts| Some(texts.items.get(spec.id)?.help.clone()));
    help["type"] = "display".into();
    help.get("text").is_some().then_some(help)
}

/// The codes of an item: that of its observations, and that of LOINC if one is confirmed.
fn codes(item: Item) -> Vec<Value> {
    let own = MEASURED.into_iter().filter(|(measured, ..)| *measured == item).map(|_| coding(RESULTS, item.id()));
    let loinc = LOINC.into_iter().chain([STRENGTH_DAYS]).filter(|(_, known)| *known == item);
    own.chain(loinc.map(|(code, _)| coding(LOINC_SYSTEM, code))).collect()
}
