//! Collects all faults of form: of a body that could not be parsed, of query parameters, and of validation.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::node::Node;
use super::object::Object;
use super::problem::{Problem, ProblemType};
use super::reader::{Place, Reader};
use super::text::{BLANK, EMAIL, TELEPHONE};
use crate::domain::fault::{Fault, FaultCode, MOST_FAULTS, NUL, Params, Sentence, pointer_token};

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
            faults.push(Fault::new(pointer, FaultCode::Text, NUL));
        } else if let Err(error) = serde_urlencoded::from_str::<T>(pair) {
            faults.push(fault(pointer, &error.to_string()));
        } else if names.insert(name.clone()) {
            fit.push(pair.to_owned());
        } else if !(LISTS.contains(&&*name) && lengthen::<T>(&mut fit, &name, &value)) {
            faults.push(Fault::new(
                pointer,
                FaultCode::Duplicate,
                Sentence::new(
                    "the parameter is given twice; send it once",
                    "el parámetro aparece dos veces; envíelo una sola vez",
                ),
            ));
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
                faults.extend(found.iter().map(|error| of_error(pointer.clone(), error)));
            }
        }
    }
}

/// The fault of a value that a validator refused.
fn of_error(pointer: String, error: &ValidationError) -> Fault {
    let value = |name: &str| error.params.get(name);
    let bound = |name: &str| value(name).and_then(Value::as_number).cloned();
    let (minimum, maximum) = (bound("min"), bound("max"));
    let is_list = value("value").is_some_and(Value::is_array);
    let (code, sentence) = match (&*error.code, minimum.is_some()) {
        ("range", _) => (FaultCode::OutOfRange, RANGE),
        ("length", true) if is_list => (FaultCode::OutOfRange, ENTRIES),
        ("length", false) if is_list => (FaultCode::OutOfRange, MOST_ENTRIES),
        ("length", true) => (FaultCode::Text, LENGTH),
        ("length", false) => (FaultCode::Text, MOST_LENGTH),
        (EMAIL, _) => (FaultCode::Format, EMAIL_FORM),
        (TELEPHONE, _) => (FaultCode::Format, TELEPHONE_FORM),
        (BLANK, _) => (FaultCode::Format, NOT_BLANK),
        _ => (FaultCode::Format, FORMAT),
    };
    Fault::new(pointer, code, sentence).with(Params { minimum, maximum, ..Params::default() })
}

/// Turns the reader's message into a fault. Only the part about what was expected is kept: the rest repeats the input.
fn fault(pointer: String, message: &str) -> Fault {
    let expected = message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    // Only this message ends in names of the service. Others may end in the input, which is never repeated.
    let options = expected.filter(|_| message.starts_with("unknown variant"));
    let allowed: Vec<String> = options.map(quoted).unwrap_or_default();
    let (code, sentence) = if message.starts_with("unknown field") {
        return Fault::new(pointer, FaultCode::UnknownField, UNKNOWN);
    } else if message.starts_with("unknown variant") {
        (FaultCode::UnknownOption, if allowed.is_empty() { OTHER_OPTION } else { OPTIONS })
    } else if message.starts_with("duplicate field") {
        (FaultCode::Duplicate, TWICE)
    } else if message.starts_with("missing field") {
        (FaultCode::Required, MISSING)
    } else if message.starts_with("invalid type") {
        (FaultCode::Type, expected.map_or(TYPE, of_type))
    } else if message.starts_with("invalid value") {
        (FaultCode::Format, expected.map_or(FORMAT, of_type))
    } else {
        (FaultCode::Format, of_format(message))
    };
    Fault::new(pointer, code, sentence).with(Params::allowed(allowed))
}

/// The sentence for a text that could not be parsed, from the parser's message. Dates and times have one sentence: their parser does
/// not say which of them it expects.
fn of_format(message: &str) -> Sentence {
    if message.starts_with("UUID") {
        UUID
    } else if message.starts_with("provided string was not `true` or `false`") {
        FLAG
    } else if ["invalid digit found", "number too ", "cannot parse integer"]
        .iter()
        .any(|kind| message.starts_with(kind))
    {
        WHOLE
    } else if ["expected ", "failed to ", "cannot parse civil", "parsed "].iter().any(|kind| message.starts_with(kind))
    {
        TIME
    } else {
        FORMAT
    }
}

/// The names in backticks: the options of an enumeration.
fn quoted(expected: &str) -> Vec<String> {
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The sentence for an expected type, as the readers name it.
fn of_type(expected: &str) -> Sentence {
    match expected {
        "a boolean" => FLAG,
        "f32" | "f64" => NUMBER,
        "a sequence" => LIST,
        object if object == "a map" || object.starts_with("an object") => OBJECT,
        text if text.contains("string") => TEXT,
        whole if ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"].contains(&whole) => WHOLE,
        _ => TYPE,
    }
}

const RANGE: Sentence = Sentence::new("must be from {minimum} to {maximum}", "debe estar entre {minimum} y {maximum}");
const LENGTH: Sentence =
    Sentence::new("must have {minimum} to {maximum} characters", "debe tener de {minimum} a {maximum} caracteres");
const MOST_LENGTH: Sentence =
    Sentence::new("must have at most {maximum} characters", "debe tener como máximo {maximum} caracteres");
const ENTRIES: Sentence =
    Sentence::new("must have {minimum} to {maximum} entries", "debe tener de {minimum} a {maximum} elementos");
const MOST_ENTRIES: Sentence =
    Sentence::new("must have at most {maximum} entries", "debe tener como máximo {maximum} elementos");
const EMAIL_FORM: Sentence = Sentence::new(
    "must be one e-mail address such as name@example.org, of at most 254 characters",
    "debe ser una sola dirección de correo electrónico como nombre@example.org, de 254 caracteres como máximo",
);
const TELEPHONE_FORM: Sentence = Sentence::new(
    "must be 5 to 20 digits, with spaces and + - ( ) . / between them, then at most one extension such as ;ext=12; at \
     most 40 characters",
    "debe tener de 5 a 20 cifras, con espacios y + - ( ) . / entre ellas, y después una extensión como máximo, como \
     ;ext=12; 40 caracteres como máximo",
);
const NOT_BLANK: Sentence = Sentence::new(
    "must not be blank or hold control characters",
    "no debe estar en blanco ni contener caracteres de control",
);
const UNKNOWN: Sentence = Sentence::new("unknown field; remove it", "campo desconocido; quítelo");
const OPTIONS: Sentence = Sentence::new("must be one of {allowed}", "debe ser uno de estos valores: {allowed}");
const OTHER_OPTION: Sentence =
    Sentence::new("must be one of the documented options", "debe ser una de las opciones documentadas");
const TWICE: Sentence =
    Sentence::new("the field occurs twice; send it once", "el campo aparece dos veces; envíelo una sola vez");
const MISSING: Sentence = Sentence::new("a field is missing; send it", "falta un campo; envíelo");
const TYPE: Sentence = Sentence::new("must have the documented type", "debe tener el tipo documentado");
const FORMAT: Sentence = Sentence::new("must have the documented format", "debe tener el formato documentado");
const UUID: Sentence = Sentence::new(
    "must be an id such as 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b",
    "debe ser un id como 0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b",
);
const TIME: Sentence = Sentence::new(
    "must be a time with its offset such as 2026-03-01T09:30:00Z, or where only a day is documented, a day such as 2026-03-01",
    "debe ser una hora con su desfase como 2026-03-01T09:30:00Z o, donde solo se documenta un día, un día como 2026-03-01",
);
const FLAG: Sentence = Sentence::new("must be true or false", "debe ser true o false");
const NUMBER: Sentence = Sentence::new("must be a number", "debe ser un número");
const WHOLE: Sentence = Sentence::new("must be a whole number", "debe ser un número entero");
const TEXT: Sentence = Sentence::new("must be a string", "debe ser un texto");
const LIST: Sentence = Sentence::new("must be an array", "debe ser una lista");
const OBJECT: Sentence = Sentence::new("must be an object", "debe ser un objeto");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_cannot_be_parsed_says_what_to_send() {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Parameters {
            at: Option<jiff::Timestamp>,
            day: Option<jiff::civil::Date>,
            id: Option<uuid::Uuid>,
            count: Option<u32>,
            flag: Option<bool>,
        }
        let cases = [
            ("at=x", TIME),
            ("at=", TIME),
            ("at=2026-03-01", TIME),
            ("at=2026-03-01T00:00:00", TIME),
            ("at=2026-03-01T25:00:00Z", TIME),
            ("at=2026-03-01T00:00:00Zx", TIME),
            ("day=2026-13-01", TIME),
            ("day=2026-3-1", TIME),
            ("day=2026-03-01T00:00:00Z", TIME),
            ("day=2026-02-30", TIME),
            ("id=x", UUID),
            ("id=0190", UUID),
            ("count=x", WHOLE),
            ("count=1.5", WHOLE),
            ("count=-1", WHOLE),
            ("count=99999999999", WHOLE),
            ("count=", WHOLE),
            ("flag=x", FLAG),
        ];
        for (pair, sentence) in cases {
            let (_, faults) = of_query::<Parameters>(pair);
            let error = serde_urlencoded::from_str::<Parameters>(pair).map(|_| ()).unwrap_err();
            assert_eq!(faults.iter().map(|fault| fault.sentence).collect::<Vec<_>>(), [sentence], "{pair}: {error}");
        }
        assert_eq!(fault("/a".to_owned(), "invalid value: integer `-1`, expected u32").sentence, WHOLE);
    }

    #[test]
    fn the_allowed_values_are_options_of_the_service_and_never_the_input() {
        let allowed = |message: &str| fault("/a".to_owned(), message).params.unwrap().allowed;
        assert!(allowed("cannot parse \"2026, expected `sent`\" at line 1 column 9").is_empty());
        assert_eq!(allowed("unknown variant `x, expected `sent``, expected `female` or `male`"), ["female", "male"]);
    }
}
