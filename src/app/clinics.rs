//! Clinics: create and list.

use super::ambient::new_id;
use super::{App, AppError};
use crate::domain::language::Language;
use crate::domain::stored::Clinic;
use crate::store;

/// Adds a clinic.
///
/// # Errors
/// When another clinic has the name, or the database is away.
pub async fn create(
    app: &App,
    name: &str,
    booking_url: &str,
    emergency_number: &str,
    language: Language,
) -> Result<Clinic, AppError> {
    let now = app.ambient.now();
    let clinic = Clinic {
        clinic_id: new_id(&*app.ambient, now)?,
        name: name.to_owned(),
        booking_url: booking_url.to_owned(),
        emergency_number: emergency_number.to_owned(),
        language,
    };
    store::clinics::insert(&app.store, &clinic, now).await?;
    Ok(clinic)
}

/// Every clinic, by name.
///
/// # Errors
/// When the database is away.
pub async fn list(app: &App) -> Result<Vec<Clinic>, AppError> {
    Ok(store::clinics::list(&app.store).await?)
}
