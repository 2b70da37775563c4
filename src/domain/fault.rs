//! A fault: one error in a request, located by its JSON pointer.

use std::fmt;

use serde_json::Number;

use super::language::Language;
use super::names::names;

names! {
    /// The kind of fault; [`FaultCode::as_str`] is its code in JSON.
    #[derive(PartialOrd, Ord)]
    pub enum FaultCode {
        UnknownField = "unknown_field",
        /// The value has a different JSON type than the field.
        Type = "type",
        OutOfRange = "out_of_range",
        /// A number that is not a multiple of the field's step.
        Precision = "precision",
        UnknownOption = "unknown_option",
        Duplicate = "duplicate",
        /// Two entries that exclude each other.
        Contradiction = "contradiction",
        /// The values are valid one by one and impossible together.
        Implausible = "implausible",
        Required = "required",
        /// A text of invalid length, or with characters that are not allowed.
        Text = "text",
        /// A text in the wrong format, such as a date-time without an offset.
        Format = "format",
        /// This credential's role may not set the field.
        NotAllowed = "not_allowed",
        /// Earlier rule tables asked this item or had this option; the current one does not.
        NotAsked = "not_asked",
        /// The field names a resource that does not exist in this clinic.
        NotFound = "not_found",
    }
}

impl FaultCode {
    /// What the code means and what a client does, for the list of codes.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::UnknownField => "The field or parameter is not documented here. Remove it.",
            Self::Type => "The value has another JSON type than the field. Send the documented type.",
            Self::OutOfRange => {
                "A number, a time or the length of a list is outside its bounds. Send one from `minimum` to `maximum`."
            }
            Self::Precision => "The number is too precise. Send a multiple of `step`.",
            Self::UnknownOption => "The value is not an option of the field. Send one of `allowed`.",
            Self::Duplicate => "The field, the parameter or the entry is given twice. Send it once.",
            Self::Contradiction => "Two values exclude each other. Send one of them.",
            Self::Implausible => "The values are possible one by one and impossible together. Ask the person again.",
            Self::Required => "The field is missing. Send it.",
            Self::Text => {
                "The text has a length or characters that are not allowed. Send `minimum` to `maximum` characters."
            }
            Self::Format => {
                "The text has another format, such as a time without an offset. Send the documented format."
            }
            Self::NotAllowed => "The role of the key may not set the field, or the value is not allowed here. Omit it.",
            Self::NotAsked => {
                "The current questionnaire does not have the item or the option. Read the questionnaire again."
            }
            Self::NotFound => {
                "The field names a resource that the clinic does not have. Send the id of an existing one."
            }
        }
    }
}

/// What is wrong and what to send, in each language. `{minimum}`, `{maximum}`, `{step}`, `{allowed}` and `{name}` are replaced by the
/// values of [`Params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    en: &'static str,
    es: &'static str,
}

impl Sentence {
    pub const fn new(en: &'static str, es: &'static str) -> Self {
        Self { en, es }
    }

    pub const fn text(self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Es => self.es,
        }
    }
}

/// What a client can send instead, as values. `minimum` and `maximum` bound a number, the characters of a text or the entries of a
/// list, as the code says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    pub minimum: Option<Number>,
    pub maximum: Option<Number>,
    /// The value must be a multiple of it.
    pub step: Option<Number>,
    /// The options.
    pub allowed: Vec<String>,
    /// A name of the service for the sentence, never one from the request.
    pub name: String,
}

impl Params {
    pub fn range(minimum: impl Into<Number>, maximum: impl Into<Number>) -> Self {
        Self { minimum: Some(minimum.into()), maximum: Some(maximum.into()), ..Self::default() }
    }

    pub fn at_most(maximum: impl Into<Number>) -> Self {
        Self { maximum: Some(maximum.into()), ..Self::default() }
    }

    pub fn allowed<T: Into<String>>(options: impl IntoIterator<Item = T>) -> Self {
        Self { allowed: options.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub fn name(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Whole units of `1 / scale` as a JSON number.
pub fn decimal(units: i32, scale: i32) -> Option<Number> {
    if units % scale == 0 {
        Some((units / scale).into())
    } else {
        Number::from_f64(f64::from(units) / f64::from(scale))
    }
}

/// One error in a request. The sentence never repeats the value that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    pub code: FaultCode,
    pub sentence: Sentence,
    pub params: Option<Box<Params>>,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: FaultCode, sentence: Sentence) -> Self {
        Self { pointer: pointer.into(), code, sentence, params: None }
    }

    /// The fault with the values of its sentence.
    #[must_use]
    pub fn with(self, params: Params) -> Self {
        Self { params: Some(Box::new(params)), ..self }
    }

    /// The same fault in a larger body: prepends `prefix` to the pointer.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }

    /// The sentence with its values.
    pub fn detail(&self, language: Language) -> String {
        let text = self.sentence.text(language);
        let Some(params) = &self.params else { return text.to_owned() };
        let Params { minimum, maximum, step, allowed, name } = &**params;
        let number = |number: &Option<Number>| number.as_ref().map(ToString::to_string).unwrap_or_default();
        text.replace("{minimum}", &number(minimum))
            .replace("{maximum}", &number(maximum))
            .replace("{step}", &number(step))
            .replace("{allowed}", &allowed.join(", "))
            .replace("{name}", name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail(Language::En))
    }
}

/// A text of at least `{minimum}` and at most `{maximum}` characters.
const LENGTH: Sentence = Sentence::new(
    "must be {minimum} to {maximum} characters without control characters",
    "debe tener de {minimum} a {maximum} caracteres, sin caracteres de control",
);
/// A sentence of several fields.
pub const NUL: Sentence =
    Sentence::new("must not hold the character U+0000", "no debe contener el carácter U+0000; quítelo");

/// The text without surrounding white space. Fails with one fault if nothing is left, if it has more than `most`
/// characters, or if it contains a control character that is not one of `controls`.
pub(super) fn checked_text(text: &str, most: usize, controls: &str) -> Result<String, Fault> {
    let text = text.trim();
    let unwanted = |c: char| c.is_control() && !controls.contains(c);
    if text.is_empty() || text.chars().count() > most || text.chars().any(unwanted) {
        return Err(Fault::new("", FaultCode::Text, LENGTH).with(Params::range(1, most)));
    }
    Ok(text.to_owned())
}

/// The maximum number of faults reported for one request.
pub const MOST_FAULTS: usize = 100;

/// The maximum number of characters of a sent name that are repeated.
const NAME_SHOWN: usize = 100;

/// Escapes one reference token of a JSON pointer (RFC 6901 section 3). An unknown name may be long or contain control
/// characters: it is truncated, and they are replaced.
pub fn pointer_token(name: &str) -> String {
    let mut token = String::with_capacity(name.len().min(NAME_SHOWN));
    for (place, character) in name.chars().enumerate() {
        match character {
            _ if place == NAME_SHOWN => {
                token.push('\u{2026}');
                break;
            }
            '~' => token.push_str("~0"),
            '/' => token.push_str("~1"),
            control if control.is_control() => token.push('\u{fffd}'),
            other => token.push(other),
        }
    }
    token
}

/// Keeps the first fault of each pointer: a value of the wrong type is not also reported as missing.
pub fn keep_first_of_each_place(faults: &mut Vec<Fault>) {
    let mut seen = std::collections::HashSet::new();
    faults.retain(|fault| seen.insert(fault.pointer.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_has_the_values_of_its_fault_in_each_language() {
        let fault = checked_text("", 20, "").unwrap_err();
        assert_eq!(fault.detail(Language::En), "must be 1 to 20 characters without control characters");
        assert_eq!(fault.detail(Language::Es), "debe tener de 1 a 20 caracteres, sin caracteres de control");
        let several = Sentence::new("one of {allowed}, by {step}, as {name}", "{name}: {allowed}, {step}");
        let params = Params { step: decimal(5, 10), name: "x".into(), ..Params::allowed(["a", "b"]) };
        let fault = Fault::new("", FaultCode::UnknownOption, several).with(params);
        assert_eq!(fault.detail(Language::En), "one of a, b, by 0.5, as x");
        assert_eq!(decimal(180, 10).unwrap().to_string(), "18");
    }
}
