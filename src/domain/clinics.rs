//! A clinic and its settings.

use super::ids::ClinicId;
use super::language::Language;
use super::screening::pathway::PathwayId;
use super::screening::urgency::Urgency;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clinic {
    pub clinic_id: ClinicId,
    pub name: String,
    pub booking_url: String,
    pub emergency_number: String,
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
