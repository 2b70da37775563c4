//! Collects all faults of form: of a body that could not be parsed, of query parameters, and of validation.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::node::Node;
use super::object::Object;
use super::problem::{Problem, ProblemType};
use super::reader::{Place, Reader};
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, pointer_token};

/// Reads a body as far as possible, with all faults of the rest. No field of the type may be required: one with a fault is
/// absent. Fails with the faults found so far if the body cannot be read at all.
pub(in crate::http) fn collect<T: DeserializeOwned>(mut tree: Node<'_>) -> Result<(T, Vec<Fault>), Problem> {
    let mut faults = Vec::new();
    let mut behind = Place::new();
    loop {
        let at = RefCell::default();
        let Err(error) = Object::<T>::deserialize(Reader::new(&tree, &behind, &at)) else { break };
        behind = at.into_inner();
        faults.push(fault(tree.pointer(&behind), &error.to_string()));
        if behind.is_empty() {
            return Err(Problem::content(faults, None));
        }
        tree.remove(&behind);
        if faults.len() > MOST_FAULTS {
            // The rest is skipped, except the answers: alarms in them must be found.
            tree.remove_behind(&behind, "answers");
            break;
        }
    }
    match Object::<T>::deserialize(Reader::new(&tree, &[], &RefCell::default())) {
        Ok(Object(value)) if !faults.is_empty() => Ok((value, faults)),
        Err(_) if !faults.is_empty() => Err(Problem::content(faults, None)),
        _ => Err(Problem::new(ProblemType::MalformedRequest, "the body cannot be read")),
    }
}

/// Parameters that may be lists: several of one name are the same as one with commas.
const LISTS: [&str; 1] = ["state"];

/// Reads query parameters as far as possible, with all faults of the others. Each pair is read by itself, so no field of the
/// type may be required.
pub(in crate::http) fn of_query<T: DeserializeOwned>(query: &str) -> (Option<T>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut names = HashSet::new();
    let mut fit: Vec<String> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { continue };
        let pointer = format!("/{}", pointer_token(&name));
        if name.contains('\0') || value.contains('\0') {
            faults.push(Fault::new(pointer, FaultCode::Text, "must not hold the character U+0000"));
        } else if let Err(error) = serde_urlencoded::from_str::<T>(pair) {
            faults.push(fault(pointer, &error.to_string()));
        } else if names.insert(name.clone()) {
            fit.push(pair.to_owned());
        } else if !(LISTS.contains(&&*name) && lengthen::<T>(&mut fit, &name, &value)) {
            faults.push(Fault::new(pointer, FaultCode::Duplicate, "the parameter is given twice"));
        }
        if faults.len() > MOST_FAULTS {
            return (None, faults);
        }
    }
    (serde_urlencoded::from_str(&fit.join("&")).ok(), faults)
}

/// Adds a value to a list parameter that was already given. `false` if the parameter is not a list.
fn lengthen<T: DeserializeOwned>(fit: &mut [String], name: &str, value: &str) -> bool {
    let Some(known) = fit.iter_mut().find(|pair| pair.split('=').next() == Some(name)) else { return false };
    let longer = format!("{known},{}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>());
    let is_list = serde_urlencoded::from_str::<T>(&longer).is_ok();
    if is_list {
        *known = longer;
    }
    is_list
}

pub(in crate::http) fn of_validation(value: &impl Validate) -> Vec<Fault> {
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
                        || format!("must satisfy the documented {}{bounds}", error.code),
                        ToString::to_string,
                    );
                    faults.push(Fault::new(pointer.clone(), code, detail));
                }
            }
        }
    }
}

/// Turns the reader's message into a fault. Only the part about what was expected is kept: the rest repeats the input.
fn fault(pointer: String, message: &str) -> Fault {
    let expected = message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    let must = |otherwise: &str| expected.map_or_else(|| otherwise.to_owned(), |what| format!("must be {what}"));
    let (code, detail) = if message.starts_with("unknown field") {
        (FaultCode::UnknownField, "unknown field".to_owned())
    } else if message.starts_with("unknown variant") {
        (FaultCode::UnknownOption, must("must be one of the documented options"))
    } else if message.starts_with("duplicate field") {
        (FaultCode::Duplicate, "the field occurs twice".to_owned())
    } else if message.starts_with("missing field") {
        (FaultCode::Required, "a field is missing".to_owned())
    } else if message.starts_with("invalid type") {
        (FaultCode::Type, must("must have the documented type"))
    } else {
        (FaultCode::Format, "must have the documented format".to_owned())
    };
    Fault::new(pointer, code, detail)
}
