//! The subject: the person screened, by the clinic's own reference, with contact data where it was given.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, FaultCode};
use super::language::Language;

/// How a person wishes to be contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By telephone.
    Telephone,
    /// By e-mail.
    Email,
}

/// Contact data. Every part is optional; all of it is encrypted at rest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The person's name.
    pub name: Option<String>,
    /// A telephone number.
    pub telephone: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// Preferred channel.
    pub channel: Option<Channel>,
    /// Preferred language.
    pub language: Option<Language>,
}

/// Whether the person agreed to be contacted, to which text, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Whether the clinic may contact the person.
    pub to_contact: bool,
    /// The version of the text agreed to.
    pub text_version: String,
    /// When.
    pub given_at: Timestamp,
}

/// What a submission says about its person.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SubjectDraft {
    /// The clinic's own reference; absent for a self-reported submission.
    pub reference: Option<Reference>,
    /// Contact data.
    pub contact: Contact,
    /// Consent.
    pub consent: Option<Consent>,
}

/// A clinic's own reference of a person: 1-128 visible characters, no control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference(String);

/// What a look-up compares by. Each form has its own normalization and its own blind index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// The clinic's reference, exactly.
    Reference,
    /// The name, without regard to case and spacing.
    Name,
    /// The telephone number's digits.
    Telephone,
    /// The e-mail address, without regard to case.
    Email,
}

impl Reference {
    /// Longest reference, characters.
    pub const MAX_CHARS: usize = 128;

    /// Parses a reference; surrounding white space does not belong to it.
    ///
    /// # Errors
    /// One fault when it is empty, too long, or holds control characters.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let trimmed = text.trim();
        let length = trimmed.chars().count();
        if length == 0 || length > Self::MAX_CHARS || trimmed.chars().any(char::is_control) {
            let detail = format!("must be 1 to {} characters without control characters", Self::MAX_CHARS);
            return Err(Fault::new("", FaultCode::Text, detail));
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The reference in clear. Health data stands behind it: never log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Contact {
    /// This contact data, completed by what was known before.
    #[must_use]
    pub fn over(self, known: Self) -> Self {
        Self {
            name: self.name.or(known.name),
            telephone: self.telephone.or(known.telephone),
            email: self.email.or(known.email),
            channel: self.channel.or(known.channel),
            language: self.language.or(known.language),
        }
    }
}

impl SubjectDraft {
    /// Whether anything at all is said about the person.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl LookUp {
    /// The form of a text that two spellings of the same thing share; empty when nothing is left to compare.
    #[must_use]
    pub fn normalize(self, text: &str) -> String {
        match self {
            Self::Reference => text.trim().to_owned(),
            Self::Name => text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
            Self::Email => text.trim().to_lowercase(),
            Self::Telephone => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                // An international number is the same with + and with 00.
                digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
            }
        }
    }
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Telephone, Self::Email];

    /// The channel's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telephone => "telephone",
            Self::Email => "email",
        }
    }

    /// Reads a channel's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_share_a_form() {
        for spelling in ["+34 600-111 222", "0034600111222", "(34) 600 111 222"] {
            assert_eq!(LookUp::Telephone.normalize(spelling), "34600111222");
        }
    }

    #[test]
    fn spellings_of_one_name_share_a_form() {
        assert_eq!(LookUp::Name.normalize("  Ana   GARCÍA "), LookUp::Name.normalize("ana garcía"));
    }

    #[test]
    fn a_reference_of_spaces_is_refused() {
        assert!(Reference::parse("   ").is_err());
        assert!(Reference::parse(&"x".repeat(129)).is_err());
        assert_eq!(Reference::parse(" MRN-1 ").unwrap().as_str(), "MRN-1");
    }
}
