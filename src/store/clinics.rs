//! Clinics.

use jiff::Timestamp;

use super::row::{at, language};
use super::{Store, StoreError};
use crate::domain::ids::ClinicId;
use crate::domain::stored::Clinic;

/// Adds a clinic.
///
/// # Errors
/// When another clinic has the name, or the database is away.
pub async fn insert(store: &Store, clinic: &Clinic, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        clinic.clinic_id.0,
        clinic.name,
        clinic.booking_url,
        clinic.emergency_number,
        clinic.language.code(),
        at(now) as _,
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Every clinic, by name.
///
/// # Errors
/// When the database is away.
pub async fn list(store: &Store) -> Result<Vec<Clinic>, StoreError> {
    let rows =
        sqlx::query!("select clinic_id, name, booking_url, emergency_number, language from clinics order by name")
            .fetch_all(&store.pool)
            .await?;
    let clinic = |row: _| {
        let row: ClinicRow = row;
        Ok(Clinic {
            clinic_id: ClinicId(row.0),
            name: row.1,
            booking_url: row.2,
            emergency_number: row.3,
            language: language(&row.4, "clinics")?,
        })
    };
    rows.into_iter()
        .map(|row| clinic((row.clinic_id, row.name, row.booking_url, row.emergency_number, row.language)))
        .collect()
}

type ClinicRow = (uuid::Uuid, String, String, String, String);
