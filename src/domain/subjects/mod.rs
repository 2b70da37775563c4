//! The subject: the record of a person screened, with the clinic's own reference and optional contact data.

pub mod history;

use jiff::Timestamp;

use super::fault::{Fault, checked_text};
use super::ids::SubjectId;
use super::language::Language;
use super::names::names;

names! {
    /// The preferred way to be contacted.
    pub enum Channel {
        Telephone = "telephone",
        Email = "email",
    }
}

/// A subject with decrypted contact data.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    pub subject_id: SubjectId,
    pub reference: Option<String>,
    pub contact: Contact,
    pub consent: Option<Consent>,
    pub created_at: Timestamp,
    /// Incremented by each change of contact data or consent and by each merge.
    pub version: i32,
    pub merged_into: Option<SubjectId>,
}

/// Contact data. Every field is optional; all are encrypted at rest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contact {
    pub name: Option<String>,
    pub telephone: Option<String>,
    pub email: Option<String>,
    pub channel: Option<Channel>,
    pub language: Option<Language>,
}

/// Consent to be contacted: whether, to which text, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub to_contact: bool,
    pub text_version: String,
    pub given_at: Timestamp,
}

/// The subject data of a submission.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SubjectDraft {
    /// The clinic's own reference; `None` for a self-reported submission.
    pub reference: Option<Reference>,
    pub contact: Contact,
    pub consent: Option<Consent>,
}

/// A clinic's own reference for a subject: 1-128 characters, without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference(String);

/// The field of a look-up. Each has its own normalization and its own blind index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUp {
    Reference,
    /// The name, ignoring case and repeated spaces.
    Name,
    /// The digits of the telephone number.
    Telephone,
    /// The e-mail address, ignoring case.
    Email,
}

impl Subject {
    /// Whether the person consented to be contacted. Without consent, contact data is never shown.
    pub fn may_be_contacted(&self) -> bool {
        self.consent.as_ref().is_some_and(|consent| consent.to_contact)
    }

    /// The subject as shown to staff: contact data only with consent.
    #[must_use]
    pub fn shown(self) -> Self {
        let contact = if self.may_be_contacted() { self.contact.clone() } else { Contact::default() };
        Self { contact, ..self }
    }
}

impl Reference {
    pub const MAX_CHARS: usize = 128;

    /// Fails with one fault if the text is empty, too long, or contains control characters.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        checked_text(text, Self::MAX_CHARS, "").map(Self)
    }

    /// The reference in clear text. It links to health data: never log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Contact {
    /// This contact data, with absent fields taken from `known`.
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
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl LookUp {
    /// The normalized form by which texts are compared; empty if nothing is left to compare.
    pub fn normalize(self, text: &str) -> String {
        match self {
            Self::Reference => text.trim().to_owned(),
            Self::Name => text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
            Self::Email => text.trim().to_lowercase(),
            Self::Telephone => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                // `+` and `00` are equivalent prefixes of international numbers.
                digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_number_have_one_normalized_form() {
        for spelling in ["+34 600-111 222", "0034600111222", "(34) 600 111 222"] {
            assert_eq!(LookUp::Telephone.normalize(spelling), "34600111222");
        }
    }

    #[test]
    fn spellings_of_a_name_have_one_normalized_form() {
        assert_eq!(LookUp::Name.normalize("  Ana   GARCÍA "), LookUp::Name.normalize("ana garcía"));
    }

    #[test]
    fn a_reference_of_spaces_is_refused() {
        assert!(Reference::parse("   ").is_err());
        assert!(Reference::parse(&"x".repeat(129)).is_err());
        assert_eq!(Reference::parse(" MRN-1 ").unwrap().as_str(), "MRN-1");
    }
}
