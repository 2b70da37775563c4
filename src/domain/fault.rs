//! A fault: one thing wrong with what was sent, named by its JSON pointer.

use std::fmt;

/// What kind of fault it is; the wire code is [`FaultCode::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultCode {
    /// The field is not part of the contract.
    UnknownField,
    /// The value has another JSON type than the field.
    Type,
    /// A number outside the field's range.
    OutOfRange,
    /// A number off the field's step.
    Precision,
    /// A text that is not among the field's options.
    UnknownOption,
    /// The same entry or field stands twice.
    Duplicate,
    /// Two entries that exclude each other.
    Contradiction,
    /// Each value may be right, together they cannot be.
    Implausible,
    /// The field must be given here.
    Required,
    /// A text shorter or longer than allowed, or with characters that are not allowed.
    Text,
    /// A text of another form than the field's, such as a date without an offset.
    Format,
    /// The field may not be set by this credential's role.
    NotAllowed,
    /// The field names something that does not exist here.
    NotFound,
}

impl FaultCode {
    /// Every code, for the published list.
    pub const ALL: [Self; 13] = [
        Self::UnknownField,
        Self::Type,
        Self::OutOfRange,
        Self::Precision,
        Self::UnknownOption,
        Self::Duplicate,
        Self::Contradiction,
        Self::Implausible,
        Self::Required,
        Self::Text,
        Self::Format,
        Self::NotAllowed,
        Self::NotFound,
    ];

    /// The code as it stands in a problem document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::Type => "type",
            Self::OutOfRange => "out_of_range",
            Self::Precision => "precision",
            Self::UnknownOption => "unknown_option",
            Self::Duplicate => "duplicate",
            Self::Contradiction => "contradiction",
            Self::Implausible => "implausible",
            Self::Required => "required",
            Self::Text => "text",
            Self::Format => "format",
            Self::NotAllowed => "not_allowed",
            Self::NotFound => "not_found",
        }
    }
}

/// One thing wrong with what was sent. The detail never repeats the value that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the place in the body.
    pub pointer: String,
    /// The kind of fault.
    pub code: FaultCode,
    /// One English sentence for the developer of the client.
    pub detail: String,
}

impl Fault {
    /// Builds a fault.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: FaultCode, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }

    /// The same fault inside a larger body: `prefix` goes before its pointer.
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

/// More faults of one request are not told.
pub const MOST_FAULTS: usize = 100;

/// Characters of a sent name that are repeated, at most.
const NAME_SHOWN: usize = 100;

/// Escapes one reference token of a JSON pointer (RFC 6901 section 3). A name that no field has may be long or hold control
/// characters: it is cut off, and they are replaced.
#[must_use]
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

/// Drops repeated faults of one place, keeping the first: a value of the wrong type is not also missing.
pub fn keep_first_of_each_place(faults: &mut Vec<Fault>) {
    let mut seen = std::collections::HashSet::new();
    faults.retain(|fault| seen.insert(fault.pointer.clone()));
}
