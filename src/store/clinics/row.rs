//! The columns of a clinic. They are read with the clinic, and with credentials that sign in to it.

use crate::domain::clinics::{Clinic, DueHours};
use crate::domain::ids::ClinicId;
use crate::domain::screening::pathway::PathwayId;
use crate::store::database::row::{known, language};
use crate::store::error::StoreError;

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
}

impl TryFrom<ClinicRow> for Clinic {
    type Error = StoreError;

    fn try_from(row: ClinicRow) -> Result<Self, StoreError> {
        let hours = |hours: i32| known(hours.try_into().ok(), "clinics", "due hours");
        let pathway = |name: &String| known(PathwayId::parse(name), "clinics", "pathways");
        Ok(Self {
            clinic_id: ClinicId(row.clinic_id),
            name: row.name,
            booking_url: row.booking_url,
            emergency_number: row.emergency_number,
            language: language(&row.language, "clinics")?,
            pathways: row.pathways.iter().map(pathway).collect::<Result<_, _>>()?,
            languages: row.languages.iter().map(|code| language(code, "clinics")).collect::<Result<_, _>>()?,
            suspended: row.suspended,
            due: DueHours {
                today: hours(row.due_today_hours)?,
                this_week: hours(row.due_this_week_hours)?,
                routine: hours(row.due_routine_hours)?,
            },
            retention_days: row.retention_days.map(i32::unsigned_abs),
            audit_retention_years: row.audit_retention_years.map(i32::unsigned_abs),
        })
    }
}
