//! Clinics: create, change, list.

use super::{App, AppError, Result, ambient::new_id, audit::operator_entry};
use crate::domain::audit::{AUDIT_YEARS, AuditAction};
use crate::domain::clinics::{Clinic, DueHours};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::{language::Language, screening::pathway::PathwayId};
use crate::store;

/// Creates a clinic. Fails when another clinic has the name.
pub async fn create(
    app: &App,
    name: &str,
    booking_url: &str,
    emergency_number: &str,
    language: Language,
    pathways: &[PathwayId],
) -> Result<Clinic> {
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
        audit_retention_years: None,
    };
    store::clinics::insert(&app.store, &clinic, now).await?;
    Ok(clinic)
}

/// Stores the settings of a clinic and audits the change. Running instances apply it within seconds. A suspended clinic
/// accepts no requests, and keeps its data. Fails when another clinic has the name.
pub async fn change(app: &App, clinic: &Clinic) -> Result<()> {
    let mut faults = faults(&clinic.name, &clinic.booking_url, &clinic.emergency_number);
    let due = [1, clinic.due.today, clinic.due.this_week, clinic.due.routine, 8760];
    let kept = clinic.retention_days.is_none_or(|days| (1..=36_500).contains(&days));
    let audited = clinic.audit_retention_years.is_none_or(|years| (AUDIT_YEARS..=100).contains(&years));
    let checks = [
        (clinic.languages.contains(&clinic.language), "/language", "must be one of the languages"),
        (due.is_sorted(), "/due", "must be 1 to 8760 hours, and not shorter for a lower urgency"),
        (kept, "/retention_days", "must be 1 to 36500"),
        (audited, "/audit_retention_years", "must be 3 to 100"),
    ];
    let broken = checks.into_iter().filter(|check| !check.0);
    faults.extend(broken.map(|(_, at, detail)| Fault::new(at, FaultCode::NotAllowed, detail)));
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults));
    }
    let entry = operator_entry(app, clinic.clinic_id, AuditAction::ClinicChanged, clinic.clinic_id.0)?;
    let found = store::clinics::update(&app.store, clinic, &entry).await?;
    found.then_some(()).ok_or(AppError::NotFound)
}

/// All clinics, by name.
pub async fn list(app: &App) -> Result<Vec<Clinic>> {
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
    fn all_faults_of_a_clinic_are_reported_at_once() {
        let places = |name, url, number| faults(name, url, number).into_iter().map(|fault| fault.pointer).collect();
        let none: Vec<String> = Vec::new();
        assert_eq!(none, places("Clinic", "https://clinic.example/book?from=screen", "112"));
        let all: Vec<String> = places(" ", "javascript:alert(1)", "+49 112");
        assert_eq!(all, ["/name", "/booking_url", "/emergency_number"]);
        let all: Vec<String> = places(&"x".repeat(201), "https:///book", "1");
        assert_eq!(all, ["/name", "/booking_url", "/emergency_number"]);
    }
}
