//! A fault: one error in a request, located by its JSON pointer.

use std::fmt;

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

/// One error in a request. The detail never repeats the value that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    pub code: FaultCode,
    /// One English sentence for the developer of the client.
    pub detail: String,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: FaultCode, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }

    /// The same fault in a larger body: prepends `prefix` to the pointer.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}

/// The text without surrounding white space. Fails with one fault if nothing is left, if it has more than `most`
/// characters, or if it contains a control character that is not one of `controls`.
pub(super) fn checked_text(text: &str, most: usize, controls: &str) -> Result<String, Fault> {
    let text = text.trim();
    let unwanted = |c: char| c.is_control() && !controls.contains(c);
    if text.is_empty() || text.chars().count() > most || text.chars().any(unwanted) {
        let detail = format!("must be 1 to {most} characters without control characters");
        return Err(Fault::new("", FaultCode::Text, detail));
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
