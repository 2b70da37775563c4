//! Clinics: create, change, list.

use jiff::tz::TimeZone;

use super::{App, AppError, Result, ambient::new_id, audit::operator_entry};
use crate::domain::audit::{AUDIT_YEARS, AuditAction};
use crate::domain::clinics::{Clinic, DueHours, EmergencyNumber, Profile};
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::{language::Language, screening::pathway::PathwayId};
use crate::store;

/// The settings that a new clinic must state.
pub struct NewClinic {
    pub name: String,
    pub slug: Option<String>,
    pub booking_url: String,
    pub profile: Profile,
    pub language: Language,
    pub pathways: Vec<PathwayId>,
}

/// Creates a clinic. Fails when another clinic has the name or the slug.
pub async fn create(app: &App, new: NewClinic) -> Result<Clinic> {
    let now = app.ambient.now();
    let clinic = Clinic {
        clinic_id: new_id(&*app.ambient, now)?,
        name: new.name,
        slug: new.slug,
        booking_url: new.booking_url,
        profile: new.profile,
        language: new.language,
        pathways: new.pathways,
        languages: Language::ALL.to_vec(),
        suspended: false,
        due: DueHours::SUGGESTED,
        retention_days: None,
        audit_retention_years: None,
    };
    let faults = faults(&clinic);
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults));
    }
    store::clinics::insert(&app.store, &clinic, now).await?;
    Ok(clinic)
}

/// Stores the settings of a clinic and audits the change. Running instances apply it within seconds. A suspended clinic
/// accepts no requests, and keeps its data. Fails when another clinic has the name.
pub async fn change(app: &App, clinic: &Clinic) -> Result<()> {
    let mut faults = faults(clinic);
    let due = [1, clinic.due.today, clinic.due.this_week, clinic.due.routine, 8760];
    let kept = clinic.retention_days.is_none_or(|days| (1..=36_500).contains(&days));
    let audited = clinic.audit_retention_years.is_none_or(|years| (AUDIT_YEARS..=100).contains(&years));
    let checks = [
        (clinic.languages.contains(&clinic.language), "/language", LANGUAGE),
        (due.is_sorted(), "/due", DUE),
        (kept, "/retention_days", RETENTION),
        (audited, "/audit_retention_years", AUDIT_RETENTION),
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

const LANGUAGE: Sentence = Sentence::new("must be one of the languages", "debe ser uno de los idiomas");
const DUE: Sentence = Sentence::new(
    "must be 1 to 8760 hours, and not shorter for a lower urgency",
    "debe ser de 1 a 8760 horas, y no inferior para una urgencia más baja",
);
const RETENTION: Sentence = Sentence::new("must be 1 to 36500", "debe ser de 1 a 36500");
const AUDIT_RETENTION: Sentence = Sentence::new("must be 3 to 100", "debe ser de 3 a 100");
const NAME: Sentence = Sentence::new(
    "must be 1 to 200 characters without space at either end",
    "debe tener de 1 a 200 caracteres, sin espacios en los extremos",
);
const SLUG: Sentence = Sentence::new(
    "must be 1 to 40 of a-z, 0-9 and -, with no - at either end",
    "debe tener de 1 a 40 caracteres de a-z, 0-9 y -, sin - en los extremos",
);
const BOOKING_URL: Sentence = Sentence::new(
    "must be an https address of at most 2000 characters",
    "debe ser una dirección https de 2000 caracteres como máximo",
);
const EMERGENCY_NUMBERS: Sentence = Sentence::new(
    "must be 1 to 5 numbers of 2 to 20 digits, spaces allowed, each with a label of at most 40 characters",
    "deben ser de 1 a 5 números de 2 a 20 cifras, con espacios si se quiere, cada uno con una etiqueta de \
     40 caracteres como máximo",
);
const COUNTRY: Sentence = Sentence::new(
    "must be two capital letters (ISO 3166-1 alpha-2)",
    "deben ser dos letras mayúsculas (ISO 3166-1 alfa-2)",
);
const TIME_ZONE: Sentence = Sentence::new(
    "must be a name of the IANA time zone database, such as Europe/Madrid",
    "debe ser un nombre de la base de zonas horarias de IANA, como Europe/Madrid",
);
const REFERENCE_SYSTEMS: Sentence = Sentence::new(
    "must be at most 20 different texts of 1 to 200 characters, together with the systems of others",
    "deben ser como máximo 20 textos distintos de 1 a 200 caracteres, junto con los sistemas de otros",
);
const OFFER: Sentence = Sentence::new(
    "must be 1 to 300 characters on one line, without braces",
    "debe tener de 1 a 300 caracteres en una línea, sin llaves",
);

fn faults(clinic: &Clinic) -> Vec<Fault> {
    let Clinic { name, slug, booking_url, profile, .. } = clinic;
    let host = booking_url.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let link = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    let bookable =
        host.is_some_and(|host| !host.is_empty()) && booking_url.len() <= 2000 && booking_url.chars().all(link);
    let named = is_line(name, 200);
    let numbers = &profile.emergency_numbers;
    let callable = (1..=5).contains(&numbers.len()) && numbers.iter().all(is_callable);
    let slugged = slug.as_ref().is_none_or(|slug| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=40).contains(&slug.len()) && slug.chars().all(plain) && !slug.starts_with('-') && !slug.ends_with('-')
    });
    let country = profile.country.as_ref();
    let country = country.is_none_or(|code| code.len() == 2 && code.chars().all(|c| c.is_ascii_uppercase()));
    let zone = profile.time_zone.as_ref().is_none_or(|name| TimeZone::get(name).is_ok());
    let offered = profile.consultation_offer.values().all(|text| is_line(text, 300) && !text.contains(['{', '}']));
    let systems = || profile.reference_systems.iter().chain(&profile.other_reference_systems);
    let distinct = systems().collect::<std::collections::BTreeSet<_>>().len() == systems().count();
    let systems = distinct && systems().count() <= 20 && systems().all(|system| is_line(system, 200));
    let checks = [
        (named, "/name", FaultCode::Text, NAME),
        (slugged, "/slug", FaultCode::Format, SLUG),
        (bookable, "/booking_url", FaultCode::Format, BOOKING_URL),
        (callable, "/emergency_numbers", FaultCode::Format, EMERGENCY_NUMBERS),
        (country, "/country", FaultCode::Format, COUNTRY),
        (zone, "/time_zone", FaultCode::Format, TIME_ZONE),
        (systems, "/reference_systems", FaultCode::Text, REFERENCE_SYSTEMS),
        (offered, "/consultation_offer", FaultCode::Text, OFFER),
    ];
    checks.into_iter().filter(|check| !check.0).map(|(_, at, code, detail)| Fault::new(at, code, detail)).collect()
}

fn is_line(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(char::is_control)
}

fn is_callable(EmergencyNumber { label, number }: &EmergencyNumber) -> bool {
    let rest = number.strip_prefix('+').unwrap_or(number);
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let plain = rest.chars().all(|c| c.is_ascii_digit() || c == ' ') && number.trim() == number;
    (2..=20).contains(&digits) && number.len() <= 30 && plain && label.as_ref().is_none_or(|label| is_line(label, 40))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ClinicId;

    fn clinic(name: &str, booking_url: &str, number: &str) -> Clinic {
        let number = EmergencyNumber { label: None, number: number.to_owned() };
        Clinic {
            clinic_id: ClinicId(uuid::Uuid::nil()),
            name: name.to_owned(),
            slug: None,
            booking_url: booking_url.to_owned(),
            profile: Profile { emergency_numbers: vec![number], ..Profile::default() },
            language: Language::En,
            pathways: Vec::new(),
            languages: vec![Language::En],
            suspended: false,
            due: DueHours::SUGGESTED,
            retention_days: None,
            audit_retention_years: None,
        }
    }

    fn places(clinic: &Clinic) -> Vec<String> {
        faults(clinic).into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn all_faults_of_a_clinic_are_reported_at_once() {
        let right = clinic("Clinic", "https://clinic.example/book?from=screen", "112");
        assert!(places(&right).is_empty());
        let wrong = clinic(" ", "javascript:alert(1)", "one");
        assert_eq!(places(&wrong), ["/name", "/booking_url", "/emergency_numbers"]);
        let wrong = clinic(&"x".repeat(201), "https:///book", "1");
        assert_eq!(places(&wrong), ["/name", "/booking_url", "/emergency_numbers"]);
        let profile = Profile {
            country: Some("es".into()),
            time_zone: Some("Europe/Nowhere".into()),
            emergency_numbers: Vec::new(),
            reference_systems: vec!["urn:a".into()],
            other_reference_systems: vec!["urn:a".into()],
            consultation_offer: [(Language::En, "Call {emergency_number}".into())].into(),
        };
        let wrong = Clinic { slug: Some("-clinic".into()), profile, ..right };
        assert_eq!(
            places(&wrong),
            ["/slug", "/emergency_numbers", "/country", "/time_zone", "/reference_systems", "/consultation_offer"]
        );
    }

    #[test]
    fn a_nurse_line_is_a_number_too() {
        for number in ["112", "911", "+34 900 123 456", "116 117"] {
            assert!(places(&clinic("Clinic", "https://clinic.example", number)).is_empty(), "{number}");
        }
        for number in ["", "1", " 112", "112;", "+", "tel:112", "0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0"] {
            assert_eq!(places(&clinic("Clinic", "https://clinic.example", number)), ["/emergency_numbers"], "{number}");
        }
    }
}
