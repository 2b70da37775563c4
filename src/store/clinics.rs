//! Clinics.

use jiff::Timestamp;

use super::row::{at, known, language};
use super::{Store, StoreError};
use crate::domain::ids::ClinicId;
use crate::domain::stored::{Clinic, DueHours};
use crate::domain::submission::PathwayId;

/// Adds a clinic.
///
/// # Errors
/// When another clinic has the name, or the database is away.
pub async fn insert(store: &Store, clinic: &Clinic, now: Timestamp) -> Result<(), StoreError> {
    let mut transaction = store.begin_jobs(clinic.clinic_id).await?;
    sqlx::query!(
        "insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at, pathways)
         values ($1, $2, $3, $4, $5, $6, $7)",
        clinic.clinic_id.0,
        clinic.name,
        clinic.booking_url,
        clinic.emergency_number,
        clinic.language.code(),
        at(now) as _,
        &names(&clinic.pathways),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Chooses the pathways that a clinic follows; whether there is such a clinic.
///
/// # Errors
/// When the database is away.
pub async fn set_pathways(store: &Store, clinic_id: ClinicId, pathways: &[PathwayId]) -> Result<bool, StoreError> {
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let done = sqlx::query!("update clinics set pathways = $2 where clinic_id = $1", clinic_id.0, &names(pathways))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// Every clinic, by name.
///
/// # Errors
/// When the database is away.
pub async fn list(store: &Store) -> Result<Vec<Clinic>, StoreError> {
    let rows = sqlx::query_as!(
        ClinicRow,
        r#"select clinic_id, name, booking_url, emergency_number, language, pathways, languages,
                  suspended_at is not null as "suspended!", due_today_hours, due_this_week_hours, due_routine_hours,
                  retention_days
           from clinics order by name"#
    )
    .fetch_all(&mut *store.jobs().await?)
    .await?;
    rows.into_iter().map(Clinic::try_from).collect()
}

/// A clinic's columns.
pub(super) struct ClinicRow {
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
        })
    }
}

fn names(pathways: &[PathwayId]) -> Vec<String> {
    pathways.iter().map(|pathway| pathway.as_str().to_owned()).collect()
}
