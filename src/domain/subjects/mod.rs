//! The subject: the record of a person screened, with the clinic's own reference and optional contact data.

pub mod contact;
mod folding;
pub mod history;
pub mod search;
mod telephone;

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

use super::fault::{Fault, checked_text};
use super::ids::SubjectId;
use super::language::Language;
use super::names::names;
use super::receipt_code::ReceiptCode;

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
    pub reference: Option<Reference>,
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

/// The submissions of one source for a subject that other sources use as well.
pub struct SourceShare {
    pub subject_id: SubjectId,
    /// The name of the sender's first key.
    pub sender: String,
    /// The record system that it names, if any.
    pub system: Option<String>,
    pub submissions: i64,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// What a reference finds. A merged subject counts as the one that it was merged into.
pub struct Namesakes {
    /// Whether a subject has the same system and value.
    pub same: bool,
    /// Number of subjects with the value as a reference of the clinic.
    pub of_the_clinic: usize,
}

/// A subject whose reference exists in other systems too.
pub struct NamesakeReference {
    pub subject_id: SubjectId,
    /// The system of the reference; `None` for the clinic's own references.
    pub system: Option<String>,
}

/// What identifies a subject, without its contact data.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    pub subject_id: SubjectId,
    pub reference: Option<Reference>,
    /// The version of the subject.
    pub version: i32,
    pub merged_into: Option<SubjectId>,
    /// Whether others were merged into it. Its reference may then be another than the one that a sender used.
    pub has_merged: bool,
}

/// The subject data of a submission.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SubjectDraft {
    /// The clinic's own reference; `None` for a self-reported submission.
    pub reference: Option<Reference>,
    pub contact: Contact,
    pub consent: Option<Consent>,
}

/// A reference for a subject: 1-128 characters in NFC, without control characters. Its system is the one that assigned it, 1-200
/// characters; without a system, or with one of the clinic's own systems, it is the clinic's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    system: Option<String>,
    value: String,
}

/// Separates a system and a value in the stored form. No text may contain it.
const SEPARATOR: char = '\u{1f}';

/// The field of a look-up. Each has its own normalization and its own blind index. References have no other; contact data
/// stored before 0051 is found by it, and all other contact data by [`search::ContactSearch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookUp {
    Reference,
    /// The name, ignoring case and repeated spaces.
    Name,
    /// The digits of the telephone number, without its extension.
    Telephone,
    /// The e-mail address, ignoring case.
    Email,
}

/// What staff search subjects by.
pub enum Search {
    Field(LookUp, String),
    /// The receipt code of a submission.
    Receipt(ReceiptCode),
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
    pub const MAX_SYSTEM_CHARS: usize = 200;

    /// Fails with one fault for each text that is empty, too long, or contains control characters; its pointer is that text's
    /// place.
    pub fn parse(system: Option<(&str, &str)>, value: (&str, &str)) -> Result<Self, Vec<Fault>> {
        let checked = |(text, place): (&str, &str), most| {
            let composed: String = text.nfc().collect();
            checked_text(&composed, most, "").map_err(|fault| fault.under(place))
        };
        let value = checked(value, Self::MAX_CHARS);
        match (system.map(|system| checked(system, Self::MAX_SYSTEM_CHARS)).transpose(), value) {
            (Ok(system), Ok(value)) => Ok(Self { system, value }),
            (system, value) => Err(system.err().into_iter().chain(value.err()).collect()),
        }
    }

    /// The reference from its stored form.
    pub fn from_stored(text: &str) -> Self {
        match text.split_once(SEPARATOR) {
            Some((system, value)) => Self { system: Some(system.to_owned()), value: value.to_owned() },
            None => Self { system: None, value: text.to_owned() },
        }
    }

    /// The form that is stored sealed and hashed. It links to health data: never log it.
    pub fn stored(&self) -> String {
        self.system.as_ref().map_or_else(|| self.value.clone(), |system| format!("{system}{SEPARATOR}{}", self.value))
    }

    /// The stored form in NFD, if it differs. References stored before 0051 have the form in which they were sent.
    pub fn decomposed(&self) -> Option<String> {
        decomposed(&self.stored())
    }

    /// The reference in clear text. It links to health data: never log it.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The system that assigned it; `None` for the clinic itself.
    pub fn system(&self) -> Option<&str> {
        self.system.as_deref()
    }

    /// A reference without a system, with each of these systems; nothing for a reference that has one.
    pub fn with_each(&self, systems: &[String]) -> impl Iterator<Item = Self> {
        let systems = if self.system.is_none() { systems } else { &[] };
        systems.iter().map(|system| Self { system: Some(system.clone()), value: self.value.clone() })
    }

    /// The reference with the clinic's own system if it is the clinic's own and the clinic names exactly one.
    #[must_use]
    pub fn named(self, own: &[String]) -> Self {
        match own {
            [only] => Self { system: self.system.or_else(|| Some(only.clone())), ..self },
            _ => self,
        }
    }

    #[must_use]
    pub fn without_system(self) -> Self {
        Self { system: None, ..self }
    }

    /// The reference without its system if that is one of these, which are the clinic's own.
    #[must_use]
    pub fn within(self, own: &[String]) -> Self {
        Self { system: self.system.filter(|system| !own.contains(system)), ..self }
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
            Self::Reference => text.trim().nfc().collect(),
            Self::Name => text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
            Self::Email => text.trim().to_lowercase(),
            Self::Telephone => {
                let digits = contact::dialled(text);
                // `+` and `00` are equivalent prefixes of international numbers.
                digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
            }
        }
    }
}

/// A text in NFD, if it differs.
pub fn decomposed(text: &str) -> Option<String> {
    Some(text.nfd().collect::<String>()).filter(|decomposed| decomposed != text)
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
        let parse = |text: &str| Reference::parse(None, (text, ""));
        assert!(parse("   ").is_err());
        assert!(parse(&"x".repeat(129)).is_err());
        assert_eq!(parse(" MRN-1 ").ok().unwrap().value(), "MRN-1");
    }

    #[test]
    fn a_reference_is_kept_in_nfc() {
        let parse = |text: &str| Reference::parse(None, (text, "")).ok().unwrap();
        let (composed, decomposed) = (parse("PEN\u{303}A-7"), parse("PEÑA-7").decomposed());
        assert_eq!((composed.value(), decomposed.as_deref()), ("PEÑA-7", Some("PEN\u{303}A-7")));
        assert_eq!(parse("MRN-7").decomposed(), None);
    }

    #[test]
    fn a_reference_of_another_system_is_another_reference() {
        let of = |system: &str| Reference::parse(Some((system, "system")), ("7", "value")).ok().unwrap();
        let plain = Reference::parse(None, ("7", "value")).ok().unwrap();
        assert_ne!(of("urn:a").stored(), of("urn:b").stored());
        assert_ne!(of("urn:a").stored(), plain.stored());
        assert_eq!(of("urn:a").within(&["urn:a".to_owned()]).stored(), plain.stored());
        for one in [of("urn:a"), plain] {
            assert!(Reference::from_stored(&one.stored()) == one);
        }
        // A system with the separator is refused, because it could be read as another system.
        assert!(Reference::parse(Some(("urn:a\u{1f}", "system")), ("7", "value")).is_err());
    }
}
