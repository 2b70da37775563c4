//! A clinic and its settings.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, FaultCode, Sentence};
use super::ids::ClinicId;
use super::language::Language;
use super::screening::pathway::PathwayId;
use super::screening::urgency::Urgency;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clinic {
    pub clinic_id: ClinicId,
    pub name: String,
    /// The clinic's name in addresses.
    pub slug: Option<String>,
    pub booking_url: String,
    pub profile: Profile,
    /// The language of requests that name none.
    pub language: Language,
    /// The pathways of requests that name none.
    pub pathways: Vec<PathwayId>,
    pub languages: Vec<Language>,
    /// Whether all access to the clinic is blocked.
    pub suspended: bool,
    pub due: DueHours,
    /// How many days submissions are kept; `None` until they are erased.
    pub retention_days: Option<u32>,
    /// How many years audit entries are kept; `None` without limit.
    pub audit_retention_years: Option<u32>,
    /// Whether the clinic's own web form takes submissions. It does while its credential exists and is not revoked.
    pub web_form_open: bool,
}

/// Information that a clinic provides about itself, except its booking address; stored as one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// ISO 3166-1 alpha-2 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// IANA name; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The numbers to call, at least one. Texts name the first.
    #[serde(default)]
    pub emergency_numbers: Vec<EmergencyNumber>,
    /// The identifier systems whose references are the clinic's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_systems: Vec<String>,
    /// Known identifier systems of others, whose references are not those of the clinic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_reference_systems: Vec<String>,
    /// The wording of the offer of a consultation, by language. A language without one has the wording of the rule table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub consultation_offer: BTreeMap<Language, String>,
    /// The address of the privacy notice, by language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub privacy_notice: BTreeMap<Language, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentText>,
}

/// The text that a person agrees to before the clinic may contact them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentText {
    /// Names the text in the stored consents. A text of a version never changes.
    pub version: String,
    pub texts: BTreeMap<Language, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyNumber {
    /// What the number is for, such as a nurse line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Digits and spaces, with an optional + at the beginning.
    pub number: String,
}

const SLUG_NEEDED: Sentence = Sentence::new(
    "must be set: the address of the web form has it",
    "debe indicarse: la dirección del formulario web lo contiene",
);
const PRIVACY_NOTICE_NEEDED: Sentence = Sentence::new(
    "must be set in each language of the clinic: the web form links to it",
    "debe indicarse en cada idioma de la clínica: el formulario web la enlaza",
);
const CONSENT_NEEDED: Sentence = Sentence::new(
    "must have a text in each language of the clinic: the web form shows it",
    "debe tener un texto en cada idioma de la clínica: el formulario web lo muestra",
);

impl Clinic {
    /// The number that texts name.
    #[must_use]
    pub fn emergency_number(&self) -> &str {
        self.profile.emergency_numbers.first().map(|first| &*first.number).unwrap_or_default()
    }

    /// The day at the clinic.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> Date {
        now.to_zoned(self.zone()).date()
    }

    /// The time zone of the clinic; UTC if it names none.
    pub fn zone(&self) -> TimeZone {
        let zone = self.profile.time_zone.as_ref().and_then(|name| TimeZone::get(name).ok());
        zone.unwrap_or(TimeZone::UTC)
    }

    /// The settings that the clinic's web form needs and the clinic lacks.
    pub fn web_form_faults(&self) -> Vec<Fault> {
        let consent = self.profile.consent.as_ref().map(|consent| &consent.texts);
        let in_each = |texts: Option<&BTreeMap<Language, String>>| {
            texts.is_some_and(|texts| self.languages.iter().all(|language| texts.contains_key(language)))
        };
        let needed = [
            (self.slug.is_some(), "/slug", SLUG_NEEDED),
            (in_each(Some(&self.profile.privacy_notice)), "/privacy_notice", PRIVACY_NOTICE_NEEDED),
            (in_each(consent), "/consent", CONSENT_NEEDED),
        ];
        let lacking = needed.into_iter().filter(|(there, ..)| !there);
        lacking.map(|(_, pointer, sentence)| Fault::new(pointer, FaultCode::Required, sentence)).collect()
    }
}

impl Profile {
    /// Whether every consent text that `before` has under the same version is still there, unchanged. A stored consent names a
    /// version, so its text must not become another.
    pub fn keeps_consent_texts(&self, before: &Self) -> bool {
        let Some(earlier) = &before.consent else { return true };
        match &self.consent {
            Some(now) if now.version != earlier.version => true,
            Some(now) => earlier.texts.iter().all(|(language, text)| now.texts.get(language) == Some(text)),
            None => false,
        }
    }
}

/// The hours within which a follow-up of each urgency is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueHours {
    pub today: u16,
    pub this_week: u16,
    pub routine: u16,
}

impl DueHours {
    /// The service's suggestion; it has no published source.
    pub const SUGGESTED: Self = Self { today: 24, this_week: 168, routine: 720 };

    pub const fn hours_for(self, urgency: Urgency) -> u16 {
        match urgency {
            Urgency::Today => self.today,
            Urgency::ThisWeek => self.this_week,
            Urgency::Routine => self.routine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(version: &str, texts: &[(Language, &str)]) -> Profile {
        let texts = texts.iter().map(|(language, text)| (*language, (*text).to_owned())).collect();
        Profile { consent: Some(ConsentText { version: version.to_owned(), texts }), ..Profile::default() }
    }

    #[test]
    fn a_consent_text_changes_only_with_its_version() {
        let before = consent("1", &[(Language::En, "Yes")]);
        for kept in [
            before.clone(),
            consent("1", &[(Language::En, "Yes"), (Language::Es, "Sí")]),
            consent("2", &[(Language::En, "Yes, please")]),
            consent("2", &[(Language::Es, "Sí")]),
        ] {
            assert!(kept.keeps_consent_texts(&before), "{kept:?}");
        }
        for changed in
            [consent("1", &[(Language::En, "Yes, please")]), consent("1", &[(Language::Es, "Sí")]), Profile::default()]
        {
            assert!(!changed.keeps_consent_texts(&before), "{changed:?}");
        }
        assert!(Profile::default().keeps_consent_texts(&Profile::default()));
        assert!(before.keeps_consent_texts(&Profile::default()));
    }
}
