//! Collects every fault of form: of a body whose typed reading failed, of query parameters, and of validation.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::problem::{Problem, ProblemType};
use super::wire::object::Object;
use crate::domain::fault::{Fault, FaultCode, pointer_token};

/// A body with more faults than this is not searched further.
const MOST_FAULTS: usize = 100;

/// Reads a tree again and again, each time without the part that failed, until the rest can be read.
///
/// # Errors
/// When not even the outline is right: then the faults found so far are the answer.
pub(super) fn collect<T: DeserializeOwned>(bytes: &[u8], tree: &Value) -> Result<(T, Vec<Fault>), Problem> {
    let mut tree = tree.clone();
    let mut faults = Vec::new();
    while faults.len() < MOST_FAULTS {
        match serde_path_to_error::deserialize::<_, Object<T>>(&tree) {
            Ok(Object(value)) => {
                if faults.is_empty() {
                    faults.push(twice::<T>(bytes));
                }
                return Ok((value, faults));
            }
            Err(error) => {
                let pointer = pointer(error.path());
                faults.push(fault(pointer.clone(), &error.inner().to_string()));
                if !remove(&mut tree, &pointer) {
                    break;
                }
            }
        }
    }
    if faults.is_empty() {
        return Err(Problem::new(ProblemType::MalformedRequest, "the body cannot be read"));
    }
    // Whatever else is wrong, alarms in the answers must be seen.
    if let Some(fields) = tree.as_object_mut() {
        fields.retain(|name, _| name == "answers");
    }
    match serde_json::from_value::<Object<T>>(tree) {
        Ok(Object(value)) => Ok((value, faults)),
        Err(_) => Err(Problem::content(faults, None)),
    }
}

/// The tree keeps only the last of two equal fields; the bytes still show the fault.
fn twice<T: DeserializeOwned>(bytes: &[u8]) -> Fault {
    let read = serde_path_to_error::deserialize::<_, Object<T>>(&mut serde_json::Deserializer::from_slice(bytes));
    let pointer = read.err().map(|error| twice_at(pointer(error.path()), &error.inner().to_string()));
    Fault::new(pointer.unwrap_or_default(), FaultCode::Duplicate, "a field stands twice")
}

/// Where a fault is: the reader stands at the object when it meets a field for the second time; its message has the name,
/// which is one of ours.
fn twice_at(object: String, message: &str) -> String {
    let name = message.strip_prefix("duplicate field `").and_then(|rest| rest.split_once('`'));
    name.map_or(object.clone(), |(name, _)| format!("{object}/{}", pointer_token(name)))
}

/// Reads query parameters as far as they can be read, with every fault of the others.
pub(super) fn of_query<T: DeserializeOwned>(query: &str) -> (Option<T>, Vec<Fault>) {
    let mut pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut faults = Vec::new();
    loop {
        let text = serde_urlencoded::to_string(&pairs).unwrap_or_default();
        let parser = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        match serde_path_to_error::deserialize::<_, T>(parser) {
            Ok(value) => return (Some(value), faults),
            Err(error) => {
                let pointer = twice_at(pointer(error.path()), &error.inner().to_string());
                let before = pairs.len();
                pairs.retain(|(name, _)| format!("/{}", pointer_token(name)) != pointer);
                faults.push(fault(pointer, &error.inner().to_string()));
                if pairs.len() == before {
                    return (None, faults);
                }
            }
        }
    }
}

/// The faults that the wire type's own validation finds.
pub(super) fn of_validation(value: &impl Validate) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Err(errors) = value.validate() {
        flatten("", &errors, &mut faults);
    }
    faults
}

fn flatten(prefix: &str, errors: &ValidationErrors, faults: &mut Vec<Fault>) {
    for (field, kind) in errors.errors() {
        let pointer = format!("{prefix}/{}", pointer_token(field));
        match kind {
            ValidationErrorsKind::Struct(inner) => flatten(&pointer, inner, faults),
            ValidationErrorsKind::List(entries) => {
                for (index, inner) in entries {
                    flatten(&format!("{pointer}/{index}"), inner, faults);
                }
            }
            ValidationErrorsKind::Field(found) => {
                for error in found {
                    let code = match &*error.code {
                        "range" => FaultCode::OutOfRange,
                        "email" | "url" | "form" => FaultCode::Format,
                        _ => FaultCode::Text,
                    };
                    let bound = |name: &str| error.params.get(name).map(|value| format!(" {name} {value}"));
                    let bounds: String = ["min", "max"].into_iter().filter_map(bound).collect();
                    let detail = error.message.as_ref().map_or_else(
                        || format!("must keep to the {} of the document{bounds}", error.code),
                        ToString::to_string,
                    );
                    faults.push(Fault::new(pointer.clone(), code, detail));
                }
            }
        }
    }
}

/// Turns the reader's message into a fault. Only the part that says what was expected is kept: the rest repeats what
/// was sent.
fn fault(pointer: String, message: &str) -> Fault {
    let expected = message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    let must = |otherwise: &str| expected.map_or_else(|| otherwise.to_owned(), |what| format!("must be {what}"));
    let (code, detail) = if message.starts_with("unknown field") {
        (FaultCode::UnknownField, "there is no such field".to_owned())
    } else if message.starts_with("unknown variant") {
        (FaultCode::UnknownOption, must("must be one of the document's options"))
    } else if message.starts_with("duplicate field") {
        (FaultCode::Duplicate, "the field stands twice".to_owned())
    } else if message.starts_with("missing field") {
        (FaultCode::Required, "a field is missing".to_owned())
    } else if message.starts_with("invalid type") {
        (FaultCode::Type, must("must have the type that the document says"))
    } else {
        (FaultCode::Format, "must have the form that the document says".to_owned())
    };
    Fault::new(pointer, code, detail)
}

fn pointer(path: &Path) -> String {
    let token = |segment: &Segment| match segment {
        Segment::Map { key } => format!("/{}", pointer_token(key)),
        Segment::Seq { index } => format!("/{index}"),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(token).collect()
}

/// Takes the value at a pointer out of the tree; `false` when there is nothing to take out.
fn remove(tree: &mut Value, pointer: &str) -> bool {
    let Some((parent, token)) = pointer.rsplit_once('/') else { return false };
    let name = token.replace("~1", "/").replace("~0", "~");
    match tree.pointer_mut(parent) {
        Some(Value::Object(fields)) => fields.shift_remove(&name).is_some(),
        Some(Value::Array(entries)) => {
            let index = name.parse().ok().filter(|index| *index < entries.len());
            index.map(|index: usize| entries.remove(index)).is_some()
        }
        _ => false,
    }
}
