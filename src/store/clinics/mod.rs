//! Stores clinics.

pub(super) mod row;

use jiff::Timestamp;
use sqlx::types::Json;

use super::audit;
use super::database::{Store, at};
use super::error::{Result, StoreError};
use crate::domain::clinics::{Clinic, DueHours, Profile};
use crate::domain::{audit::AuditEntry, ids::ClinicId, screening::pathway::PathwayId};
use row::ClinicRow;

pub async fn insert(store: &Store, clinic: &Clinic, now: Timestamp) -> Result<()> {
    let mut transaction = store.begin_jobs(clinic.clinic_id).await?;
    sqlx::query!(
        "insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at, pathways, slug, profile)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        clinic.clinic_id.0,
        clinic.name,
        clinic.booking_url,
        clinic.emergency_number(),
        clinic.language.as_str(),
        at(now) as _,
        &names(&clinic.pathways),
        clinic.slug,
        Json(&clinic.profile) as _,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Updates the settings of a clinic and adds an audit entry. `false` if the clinic does not exist.
pub async fn update(store: &Store, clinic: &Clinic, entry: &AuditEntry) -> Result<bool> {
    let mut transaction = store.begin_jobs(clinic.clinic_id).await?;
    let languages: Vec<String> = clinic.languages.iter().map(|language| language.as_str().to_owned()).collect();
    let done = sqlx::query!(
        "update clinics
         set name = $2, booking_url = $3, emergency_number = $4, language = $5, pathways = $6, languages = $7,
             due_today_hours = $8, due_this_week_hours = $9, due_routine_hours = $10, retention_days = $11,
             suspended_at = case when $12 then coalesce(suspended_at, $13) end, audit_retention_years = $14,
             slug = $15, profile = $16
         where clinic_id = $1",
        clinic.clinic_id.0,
        clinic.name,
        clinic.booking_url,
        clinic.emergency_number(),
        clinic.language.as_str(),
        &names(&clinic.pathways),
        &languages,
        i32::from(clinic.due.today),
        i32::from(clinic.due.this_week),
        i32::from(clinic.due.routine),
        clinic.retention_days.and_then(|days| i32::try_from(days).ok()),
        clinic.suspended,
        at(entry.at) as _,
        clinic.audit_retention_years.and_then(|years| i32::try_from(years).ok()),
        clinic.slug,
        Json(&clinic.profile) as _,
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 1 {
        audit::insert(&store.keys, &mut transaction, entry).await?;
    }
    transaction.commit().await?;
    Ok(done.rows_affected() == 1)
}

/// Every clinic, ordered by name.
pub async fn list(store: &Store) -> Result<Vec<Clinic>> {
    let rows = sqlx::query_as!(
        ClinicRow,
        r#"select clinic_id, name, booking_url, emergency_number, language, pathways, languages,
                  suspended_at is not null as "suspended!", due_today_hours, due_this_week_hours, due_routine_hours,
                  retention_days, audit_retention_years, slug, profile as "profile: Json<Profile>"
           from clinics order by name"#
    )
    .fetch_all(&mut *store.jobs().await?)
    .await?;
    rows.into_iter().map(ClinicRow::read).collect()
}

/// The hours within which follow-ups of a clinic are due. Fails when the clinic does not exist.
pub async fn due(store: &Store, clinic_id: ClinicId) -> Result<DueHours> {
    let row = sqlx::query!(
        "select due_today_hours, due_this_week_hours, due_routine_hours from clinics where clinic_id = $1",
        clinic_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?
    .ok_or(StoreError::Missing)?;
    row::due([row.due_today_hours, row.due_this_week_hours, row.due_routine_hours])
}

fn names(pathways: &[PathwayId]) -> Vec<String> {
    pathways.iter().map(|pathway| pathway.as_str().to_owned()).collect()
}
