//! Answers out of what a record system sends: those of a questionnaire response, and age and sex of the patient where the
//! response does not say.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::request::HookCall;
use crate::domain::answers::{Answers, RawAnswers};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::questionnaire::{Item, Kind};

/// How the form says of a set: asked, and none.
const NONE_OF_THESE: &str = "none_of_these";

/// Whether a response has an answer of ours: a record system holds responses to many forms.
pub(super) fn is_ours(response: &Value) -> bool {
    let mut found = Found::default();
    found.walk(response, "");
    !found.values.is_empty()
}

/// The answers that are known, and every fault of those that cannot be read. An answer that cannot be read is never passed
/// over: it would count as unanswered.
pub(super) fn known(call: &HookCall, today: Date) -> (Answers, Vec<Fault>) {
    let mut found = Found::default();
    if let Some((at, response)) = &call.response {
        found.walk(response, at);
    }
    if let Some(patient) = &call.patient {
        found.complete(patient, today);
    }
    let text = Value::Object(found.values).to_string();
    let (answers, faults) = match serde_json::from_str::<RawAnswers<'_>>(&text) {
        Ok(raw) => Answers::parse(&raw),
        Err(_) => (Answers::default(), vec![Fault::new("", FaultCode::Type, "the answers cannot be read")]),
    };
    let placed = faults.into_iter().map(|fault| {
        let item = fault.pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        let pointer = found.places.get(item).cloned().unwrap_or_default();
        Fault { pointer, ..fault }
    });
    (answers, found.faults.into_iter().chain(placed).collect())
}

/// Whether the patient is certainly too young, or too old, for the questions.
pub(super) fn is_not_asked(patient: &Value, today: Date) -> bool {
    age_of(patient, today).is_some_and(|age| !is_asked(age))
}

fn age_of(patient: &Value, today: Date) -> Option<i64> {
    patient["birthDate"].as_str().and_then(|born| age(born, today))
}

fn is_asked(age: i64) -> bool {
    let Kind::Number { minimum, maximum, .. } = Item::Age.spec().kind else { return false };
    (i64::from(minimum)..=i64::from(maximum)).contains(&age)
}

/// What was found, as JSON by item, and where.
#[derive(Default)]
struct Found {
    values: Map<String, Value>,
    places: BTreeMap<&'static str, String>,
    faults: Vec<Fault>,
}

impl Found {
    /// Looks through the items of an item, a response or an answer.
    fn walk(&mut self, node: &Value, at: &str) {
        for (index, item) in list(node, "item") {
            let at = format!("{at}/item/{index}");
            if let Some(known) = item["linkId"].as_str().and_then(Item::from_id) {
                self.take(known, item, &at);
            }
            self.walk(item, &at);
            for (index, answer) in list(item, "answer") {
                self.walk(answer, &format!("{at}/answer/{index}"));
            }
        }
    }

    fn take(&mut self, item: Item, node: &Value, at: &str) {
        let mut values = Vec::new();
        for (index, answer) in list(node, "answer") {
            if let Some(value) = value(item, answer) {
                values.push(value);
            } else {
                let detail = "must be valueBoolean, valueInteger, valueDecimal or valueCoding with a code";
                self.faults.push(Fault::new(format!("{at}/answer/{index}"), FaultCode::Type, detail));
            }
        }
        if values.is_empty() {
            return;
        }
        if self.places.insert(item.id(), at.to_owned()).is_some() {
            self.faults.push(Fault::new(at, FaultCode::Duplicate, "is answered twice"));
            return;
        }
        let several = matches!(item.spec().kind, Kind::Set { .. }) || values.len() > 1;
        if matches!(item.spec().kind, Kind::Set { exclusive: None, .. }) && values == [NONE_OF_THESE] {
            values.clear();
        }
        let value = if several { Value::Array(values) } else { values.remove(0) };
        self.values.insert(item.id().to_owned(), value);
    }

    /// Adds age and sex of the patient, where nobody said otherwise.
    fn complete(&mut self, patient: &Value, today: Date) {
        let age = age_of(patient, today).filter(|age| is_asked(*age)).map(Value::from);
        let sex =
            patient["gender"].as_str().filter(|sex| Item::Sex.spec().kind.options().contains(sex)).map(Value::from);
        for (item, value, name) in [(Item::Age, age, "birthDate"), (Item::Sex, sex, "gender")] {
            if let Some(value) = value.filter(|_| !self.values.contains_key(item.id())) {
                self.values.insert(item.id().to_owned(), value);
                self.places.insert(item.id(), format!("/prefetch/patient/{name}"));
            }
        }
    }
}

fn list<'a>(node: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
    node.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter().enumerate()
}

/// The value of an answer. A quantity may be in any unit, so it is not read. An option is named by itself, or as in the form
/// that this service gives out, with its item before it.
fn value(item: Item, answer: &Value) -> Option<Value> {
    let plain = ["valueBoolean", "valueInteger", "valueDecimal"].into_iter().find_map(|name| answer.get(name));
    if let Some(plain) = plain {
        return Some(plain.clone()).filter(|value| !value.is_object());
    }
    let code = answer.pointer("/valueCoding/code")?.as_str()?;
    let option = code.strip_prefix(item.id()).and_then(|rest| rest.strip_prefix('.'));
    Some(Value::from(option.unwrap_or(code)))
}

/// Whole years since a date of birth; a birth date without day or month tells the age only as far as all its days agree.
fn age(born: &str, today: Date) -> Option<i64> {
    let whole: Date = born.parse().ok()?;
    let had_birthday = (today.month(), today.day()) >= (whole.month(), whole.day());
    Some(i64::from(today.year()) - i64::from(whole.year()) - i64::from(!had_birthday))
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_is_counted_in_whole_years_and_never_guessed() {
        let today = jiff::civil::date(2026, 11, 25);
        assert_eq!(age("1944-11-25", today), Some(82));
        assert_eq!(age("1944-11-26", today), Some(81));
        assert_eq!(age("2028-02-29", today), Some(-2));
        for unclear in ["1944", "1944-11", "", "25.11.1944"] {
            assert_eq!(age(unclear, today), None, "{unclear}");
        }
    }
}
