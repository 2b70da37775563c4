//! A clinic and its settings.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyNumber {
    /// What the number is for, such as a nurse line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Digits and spaces, with an optional + at the beginning.
    pub number: String,
}

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
