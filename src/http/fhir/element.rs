//! Elements that several resources share.

use std::fmt::Display;

use serde_json::{Value, json};

/// An element or a resource without its absent members: FHIR has no null, no empty text and no empty array.
pub(super) fn element(members: Value) -> Value {
    keep(members, |value| !value.is_null() && *value != "" && value.as_array().is_none_or(|list| !list.is_empty()))
}

fn keep(mut members: Value, kept: impl Fn(&Value) -> bool) -> Value {
    if let Value::Object(members) = &mut members {
        members.retain(|_, value| kept(value));
    }
    members
}

pub(super) fn coding(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

/// A concept with one code, and with text if it is not empty.
pub(super) fn concept(system: &str, code: &str, text: &str) -> Value {
    element(json!({"coding": [coding(system, code)], "text": text}))
}

/// An identifier of another system, or an id of this service.
pub(super) fn identifier(system: &str, value: impl Display) -> Value {
    json!({"system": system, "value": value.to_string()})
}

/// A reference to a resource of this service.
pub(super) fn reference(kind: &str, id: impl Display) -> Value {
    json!({"reference": format!("{kind}/{id}"), "type": kind})
}

/// A reference to something that this service does not serve as a resource, by its id in this service.
pub(super) fn named(kind: &str, system: &str, id: impl Display) -> Value {
    json!({"type": kind, "identifier": identifier(system, id)})
}

/// The reference that a caller gave, with the system and the value of its identifier; empty text is repeated as given.
pub(super) fn given(reference: Option<&str>, identifier: Option<(Option<&str>, &str)>) -> Value {
    let given = |members| keep(members, |value| !value.is_null());
    let identifier = identifier.map(|(system, value)| {
        let value = Some(value).filter(|value| !value.is_empty());
        given(json!({"system": system, "value": value}))
    });
    given(json!({"reference": reference, "identifier": identifier}))
}
