//! Clinics.

use jiff::Timestamp;

use super::row::{at, known, language};
use super::{Store, StoreError};
use crate::domain::ids::ClinicId;
use crate::domain::stored::Clinic;
use crate::domain::submission::PathwayId;

/// Adds a clinic.
///
/// # Errors
/// When another clinic has the name, or the database is away.
pub async fn insert(store: &Store, clinic: &Clinic, now: Timestamp) -> Result<(), StoreError> {
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
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Chooses the pathways that a clinic follows; whether there is such a clinic.
///
/// # Errors
/// When the database is away.
pub async fn set_pathways(store: &Store, clinic_id: ClinicId, pathways: &[PathwayId]) -> Result<bool, StoreError> {
    let done = sqlx::query!("update clinics set pathways = $2 where clinic_id = $1", clinic_id.0, &names(pathways))
        .execute(&store.pool)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Every clinic, by name.
///
/// # Errors
/// When the database is away.
pub async fn list(store: &Store) -> Result<Vec<Clinic>, StoreError> {
    let rows = sqlx::query_as!(
        ClinicRow,
        "select clinic_id, name, booking_url, emergency_number, language, pathways from clinics order by name"
    )
    .fetch_all(&store.pool)
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
}

impl TryFrom<ClinicRow> for Clinic {
    type Error = StoreError;

    fn try_from(row: ClinicRow) -> Result<Self, StoreError> {
        let pathway = |name: &String| known(PathwayId::parse(name), "clinics", "pathways");
        Ok(Self {
            clinic_id: ClinicId(row.clinic_id),
            name: row.name,
            booking_url: row.booking_url,
            emergency_number: row.emergency_number,
            language: language(&row.language, "clinics")?,
            pathways: row.pathways.iter().map(pathway).collect::<Result<_, _>>()?,
        })
    }
}

fn names(pathways: &[PathwayId]) -> Vec<String> {
    pathways.iter().map(|pathway| pathway.as_str().to_owned()).collect()
}
