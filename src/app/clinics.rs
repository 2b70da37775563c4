//! Clinics: create and list.

use super::ambient::new_id;
use super::{App, AppError};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::ClinicId;
use crate::domain::language::Language;
use crate::domain::stored::{Clinic, DueHours};
use crate::domain::submission::PathwayId;
use crate::store;

/// Adds a clinic.
///
/// # Errors
/// Every fault of the fields at once; when another clinic has the name, or the database is away.
pub async fn create(
    app: &App,
    name: &str,
    booking_url: &str,
    emergency_number: &str,
    language: Language,
    pathways: &[PathwayId],
) -> Result<Clinic, AppError> {
    let faults = faults(name, booking_url, emergency_number);
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults));
    }
    let now = app.ambient.now();
    let clinic = Clinic {
        clinic_id: new_id(&*app.ambient, now)?,
        name: name.to_owned(),
        booking_url: booking_url.to_owned(),
        emergency_number: emergency_number.to_owned(),
        language,
        pathways: pathways.to_vec(),
        languages: Language::ALL.to_vec(),
        suspended: false,
        due: DueHours::SUGGESTED,
        retention_days: None,
    };
    store::clinics::insert(&app.store, &clinic, now).await?;
    Ok(clinic)
}

/// Chooses the pathways that a clinic follows where a request asks for none. Keys that are in use follow within seconds.
///
/// # Errors
/// When there is no such clinic, or the database is away.
pub async fn set_pathways(app: &App, clinic_id: ClinicId, pathways: &[PathwayId]) -> Result<(), AppError> {
    let found = store::clinics::set_pathways(&app.store, clinic_id, pathways).await?;
    found.then_some(()).ok_or(AppError::NotFound)
}

/// Every clinic, by name.
///
/// # Errors
/// When the database is away.
pub async fn list(app: &App) -> Result<Vec<Clinic>, AppError> {
    Ok(store::clinics::list(&app.store).await?)
}

fn faults(name: &str, booking_url: &str, emergency_number: &str) -> Vec<Fault> {
    let length = name.chars().count();
    let named = (1..=200).contains(&length) && name.trim() == name && !name.chars().any(char::is_control);
    let host = booking_url.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let link = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    let bookable =
        host.is_some_and(|host| !host.is_empty()) && booking_url.len() <= 2000 && booking_url.chars().all(link);
    let digits = emergency_number.chars().all(|c| c.is_ascii_digit());
    let callable = digits && (2..=20).contains(&emergency_number.len());
    let checks = [
        (named, "/name", FaultCode::Text, "must be 1 to 200 characters without space at either end"),
        (bookable, "/booking_url", FaultCode::Format, "must be an https address of at most 2000 characters"),
        (callable, "/emergency_number", FaultCode::Format, "must be 2 to 20 digits"),
    ];
    checks.into_iter().filter(|check| !check.0).map(|(_, at, code, detail)| Fault::new(at, code, detail)).collect()
}

#[cfg(test)]
mod tests {
    use super::faults;

    #[test]
    fn every_fault_of_a_clinic_is_told_at_once() {
        let places = |name, url, number| faults(name, url, number).into_iter().map(|fault| fault.pointer).collect();
        let none: Vec<String> = Vec::new();
        assert_eq!(none, places("Clinic", "https://clinic.example/book?from=screen", "112"));
        let all: Vec<String> = places(" ", "javascript:alert(1)", "+49 112");
        assert_eq!(all, ["/name", "/booking_url", "/emergency_number"]);
        let all: Vec<String> = places(&"x".repeat(201), "https:///book", "1");
        assert_eq!(all, ["/name", "/booking_url", "/emergency_number"]);
    }
}
