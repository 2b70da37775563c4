//! The columns of a clinic. They are read with the clinic, and with credentials that sign in to it.

use sqlx::types::Json;

use crate::domain::clinics::{Clinic, DueHours, EmergencyNumber, Profile};
use crate::domain::{ids::ClinicId, screening::pathway::PathwayId};
use crate::store::database::{known, row::language};
use crate::store::error::Result;

pub(in crate::store) struct ClinicRow {
    pub clinic_id: uuid::Uuid,
    pub name: String,
    pub booking_url: String,
    pub emergency_number: String,
    pub language: String,
    pub pathways: Vec<String>,
    pub languages: Vec<String>,
    pub suspended: bool,
    pub due_today_hours: i32,
    pub due_this_week_hours: i32,
    pub due_routine_hours: i32,
    pub retention_days: Option<i32>,
    pub audit_retention_years: Option<i32>,
    pub slug: Option<String>,
    pub profile: Json<Profile>,
}

impl ClinicRow {
    pub(in crate::store) fn read(self) -> Result<Clinic> {
        let mut profile = self.profile.0;
        if profile.emergency_numbers.is_empty() {
            profile.emergency_numbers.push(EmergencyNumber { label: None, number: self.emergency_number });
        }
        let pathway = |name: &String| known(PathwayId::parse(name), "clinics", "pathways");
        Ok(Clinic {
            clinic_id: ClinicId(self.clinic_id),
            name: self.name,
            booking_url: self.booking_url,
            slug: self.slug,
            profile,
            language: language(&self.language, "clinics")?,
            pathways: self.pathways.iter().map(pathway).collect::<Result<_, _>>()?,
            languages: self.languages.iter().map(|code| language(code, "clinics")).collect::<Result<_, _>>()?,
            suspended: self.suspended,
            due: due([self.due_today_hours, self.due_this_week_hours, self.due_routine_hours])?,
            retention_days: self.retention_days.map(i32::unsigned_abs),
            audit_retention_years: self.audit_retention_years.map(i32::unsigned_abs),
        })
    }
}

/// Reads the hours for each urgency, the most urgent first.
pub(super) fn due(hours: [i32; 3]) -> Result<DueHours> {
    let read = |hours: i32| known(hours.try_into().ok(), "clinics", "due hours");
    let [today, this_week, routine] = hours;
    Ok(DueHours { today: read(today)?, this_week: read(this_week)?, routine: read(routine)? })
}
