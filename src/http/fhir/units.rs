//! Units of other records: a measured value is converted to the unit of the form and rounded to its step.

use serde_json::Value;

use crate::domain::screening::questionnaire::{Item, Kind};

pub(super) const UCUM: &str = "http://unitsofmeasure.org";

/// A unit of the form, and the units that are converted to it, each with its factor. Units are UCUM codes.
type Factors = (&'static str, &'static [(&'static str, f64)]);

/// The foot, the inch and the pound are exact by definition. For vitamin D, the form states that 1 ng/mL is about 2.5 nmol/L.
static FACTORS: [Factors; 7] = [
    ("cm", &[("mm", 0.1), ("dm", 10.0), ("m", 100.0), ("[in_i]", 2.54), ("[ft_i]", 30.48)]),
    ("kg", &[("g", 0.001), ("[lb_av]", POUND), ("[oz_av]", POUND / 16.0), ("[stone_av]", POUND * 14.0)]),
    ("s", &[("ms", 0.001), ("min", 60.0)]),
    ("m/s", &[("cm/s", 0.01), ("m/min", 1.0 / 60.0), ("km/h", 1.0 / 3.6), ("[ft_i]/s", 0.3048), ("[mi_i]/h", MILE)]),
    ("U/L", &[("[IU]/L", 1.0), ("[iU]/L", 1.0), ("ukat/L", 60.0), ("nkat/L", 0.06)]),
    ("ug/L", &[("ng/mL", 1.0), ("ug/dL", 10.0), ("mg/L", 1000.0)]),
    ("nmol/L", &[("ng/mL", 2.5), ("ug/L", 2.5), ("umol/L", 1000.0)]),
];

/// Units of force that dynamometers show, in kilograms-force, which the form calls kilograms.
static FORCES: [(&str, f64); 3] = [("kgf", 1.0), ("[lbf_av]", POUND), ("N", 1.0 / 9.806_65)];

/// A pound in kilograms.
const POUND: f64 = 0.453_592_37;
/// A mile per hour in metres per second.
const MILE: f64 = 0.447_04;

/// Units as records write them without a code, in lower case.
static WORDS: [(&str, &str); 19] = [
    ("lb", "[lb_av]"),
    ("lbs", "[lb_av]"),
    ("pound", "[lb_av]"),
    ("pounds", "[lb_av]"),
    ("oz", "[oz_av]"),
    ("in", "[in_i]"),
    ("inch", "[in_i]"),
    ("inches", "[in_i]"),
    ("ft", "[ft_i]"),
    ("feet", "[ft_i]"),
    ("mph", "[mi_i]/h"),
    ("ft/s", "[ft_i]/s"),
    ("sec", "s"),
    ("seconds", "s"),
    ("iu/l", "[IU]/L"),
    ("u/l", "U/L"),
    ("ng/ml", "ng/mL"),
    ("µg/l", "ug/L"),
    ("nmol/l", "nmol/L"),
];

/// A value in the unit of the form, on the step of its item.
pub(super) struct Amount {
    pub(super) value: f64,
    /// What was changed, as a sentence; absent if the record has this value.
    pub(super) change: Option<String>,
}

/// Reads a quantity as a value of an item. Fails with the reason why it is ignored.
pub(super) fn read(quantity: &Value, item: Item, unit: &'static str) -> Result<Amount, &'static str> {
    let sent = quantity["value"].as_f64().filter(|_| quantity["comparator"].is_null());
    let sent = sent.ok_or("it has no exact value")?;
    let (theirs, factor) = factor(quantity, item, unit).ok_or("its unit cannot be converted to that of the form")?;
    let value = on_step(sent * factor, item);
    let change = if theirs != unit {
        Some(format!("{} is converted: {sent} {theirs} became {value} {unit}", item.id()))
    } else if (value - sent).abs() > 1e-9 {
        Some(format!("{} is rounded: {sent} {unit} became {value} {unit}", item.id()))
    } else {
        None
    };
    Ok(Amount { value, change })
}

/// The unit of a quantity, and its factor: by its UCUM code, or by its text if it has no code.
fn factor(quantity: &Value, item: Item, unit: &'static str) -> Option<(&'static str, f64)> {
    let known = |code: &str| {
        if code == unit {
            return Some((unit, 1.0));
        }
        let (_, listed) = FACTORS.iter().find(|(of_form, _)| *of_form == unit)?;
        let forces = FORCES.iter().filter(|_| item == Item::GripStrengthKg);
        listed.iter().chain(forces).find(|(theirs, _)| *theirs == code).copied()
    };
    if let Some(code) = quantity["code"].as_str() {
        return known(code).filter(|_| quantity["system"] == UCUM);
    }
    let text = quantity["unit"].as_str()?.trim();
    let lower = text.to_lowercase();
    known(text).or_else(|| known(WORDS.iter().find(|(word, _)| *word == lower)?.1))
}

/// The nearest value on the step of an item; a half is rounded away from zero.
fn on_step(value: f64, item: Item) -> f64 {
    let Kind::Number { scale, step, .. } = item.spec().kind else { return value };
    let (scale, step) = (f64::from(scale), f64::from(step));
    // A decimal half may lie just below in binary.
    let steps = (value.abs() * scale / step + 1e-9).round();
    (steps * step / scale).copysign(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn coded(value: f64, code: &str) -> Value {
        json!({"value": value, "unit": "any", "system": UCUM, "code": code})
    }

    fn converted(value: f64, code: &str, item: Item, unit: &'static str) -> Option<f64> {
        read(&coded(value, code), item, unit).ok().map(|amount| amount.value)
    }

    #[test]
    fn a_value_is_converted_and_rounded_to_the_step() {
        assert_eq!(converted(150.0, "[lb_av]", Item::WeightKg, "kg"), Some(68.0));
        assert_eq!(converted(68.0, "[in_i]", Item::HeightCm, "cm"), Some(172.7));
        assert_eq!(converted(1.82, "m", Item::HeightCm, "cm"), Some(182.0));
        assert_eq!(converted(64.35, "kg", Item::WeightKg, "kg"), Some(64.4));
        assert_eq!(converted(300.0, "N", Item::GripStrengthKg, "kg"), Some(30.6));
        assert_eq!(converted(300.0, "N", Item::WeightKg, "kg"), None);
        assert_eq!(converted(2.5, "ukat/L", Item::CreatineKinaseUL, "U/L"), Some(150.0));
    }

    #[test]
    fn a_change_is_stated_and_an_equal_value_is_not() {
        let change = |value, code| read(&coded(value, code), Item::WeightKg, "kg").ok().and_then(|one| one.change);
        assert_eq!(change(64.5, "kg"), None);
        assert_eq!(change(64.53, "kg").as_deref(), Some("weight_kg is rounded: 64.53 kg became 64.5 kg"));
        assert_eq!(change(64_500.0, "g").as_deref(), Some("weight_kg is converted: 64500 g became 64.5 kg"));
    }

    #[test]
    fn a_unit_without_a_code_is_read_by_its_text() {
        let read = |quantity: Value| read(&quantity, Item::WeightKg, "kg").ok().map(|amount| amount.value);
        assert_eq!(read(json!({"value": 150, "unit": "lbs"})), Some(68.0));
        assert_eq!(read(json!({"value": 70, "unit": "kg"})), Some(70.0));
        assert_eq!(read(json!({"value": 70, "unit": "kg", "system": "urn:other", "code": "kg"})), None);
        assert_eq!(read(json!({"value": 70})), None);
        assert_eq!(read(json!({"value": 70, "unit": "kg", "comparator": "<"})), None);
    }
}
