//! `clinics`: create, list, change settings, suspend and resume.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};

use super::database::{find_clinic, on_database};
use super::output::{print, tell};
use crate::app::clinics::{self, NewClinic};
use crate::app::subjects;
use crate::config::{ClinicChange, Clinics, ProfileChange, Retention, Settings};
use crate::domain::clinics::{Clinic, DueHours, EmergencyNumber, Profile};
use crate::domain::language::Language;
use crate::domain::screening::pathway::PathwayId;
use crate::domain::subjects::{NamesakeReference, SourceShare};

pub(super) async fn run(settings: &Settings, command: &Clinics) -> anyhow::Result<()> {
    let text = on_database(settings, async |app| {
        let clinic = match command {
            Clinics::Create { name, booking_url, language, pathways, slug, profile } => {
                let new = NewClinic {
                    name: name.clone(),
                    slug: slug.clone(),
                    booking_url: booking_url.clone(),
                    profile: with(Profile::default(), profile)?,
                    language: self::language(language)?,
                    pathways: chosen(pathways)?,
                };
                let clinic = clinics::create(app, new).await?;
                return Ok(format!("{}\n", clinic.clinic_id));
            }
            Clinics::List => return Ok(clinics::list(app).await?.iter().map(line).collect()),
            Clinics::SharedReferences { clinic } => {
                let clinic_id = find_clinic(app, clinic).await?.clinic_id;
                let shares = subjects::shared_references(app, clinic_id).await?;
                return Ok(shared(&shares) + &namesakes(&subjects::namesake_references(app, clinic_id).await?));
            }
            Clinics::Pathways { clinic, pathways } => {
                let pathways = chosen(pathways)?;
                Clinic { pathways, ..find_clinic(app, clinic).await? }
            }
            Clinics::Set { clinic, change } => changed(find_clinic(app, clinic).await?, change)?,
            Clinics::Suspend { clinic } => Clinic { suspended: true, ..find_clinic(app, clinic).await? },
            Clinics::Resume { clinic } => Clinic { suspended: false, ..find_clinic(app, clinic).await? },
        };
        clinics::change(app, &clinic).await?;
        if matches!(command, Clinics::Set { change, .. } if change.profile.country.is_some()) {
            tell(
                "run `sarcoscreen reindex`, so that searches find stored telephone numbers in the spellings of this country",
            );
        }
        Ok(line(&clinic))
    });
    print(&text.await?)
}

/// A line for each subject and, below it, one for each source.
fn shared(shares: &[SourceShare]) -> String {
    let mut text = String::new();
    let mut subjects = 0;
    for (place, share) in shares.iter().enumerate() {
        let SourceShare { subject_id, sender, system, submissions, first, last } = share;
        if place == 0 || shares[place - 1].subject_id != *subject_id {
            subjects += 1;
            let _ = writeln!(text, "subject {subject_id}");
        }
        let system = system.as_ref().map(|system| format!(" ({system})")).unwrap_or_default();
        let _ = writeln!(text, "  {sender}{system}: {submissions} submissions, {first:.0} to {last:.0}");
    }
    text + &format!("{subjects} subjects with submissions of several intake keys or record systems\n")
}

/// A block for each reference that exists in several systems, with a line for each of its subjects.
fn namesakes(references: &[Vec<NamesakeReference>]) -> String {
    let mut text = String::new();
    for subjects in references {
        text.push_str("one reference in several systems\n");
        for NamesakeReference { subject_id, system } in subjects {
            let _ = writeln!(text, "  subject {subject_id}: {}", system.as_deref().unwrap_or("the clinic's own"));
        }
    }
    text + &format!("{} references that exist in several systems\n", references.len())
}

/// Parses the chosen pathways and removes duplicates.
fn chosen(names: &[String]) -> anyhow::Result<Vec<PathwayId>> {
    let mut pathways = Vec::new();
    for name in names.iter().filter(|name| *name != "none") {
        let pathway = PathwayId::parse(name).context("there is no such pathway")?;
        if !pathways.contains(&pathway) {
            pathways.push(pathway);
        }
    }
    if names.len() > 1 && names.iter().any(|name| name == "none") {
        bail!("none cannot be combined with a pathway");
    }
    Ok(pathways)
}

/// The profile with the given settings changed.
fn with(profile: Profile, change: &ProfileChange) -> anyhow::Result<Profile> {
    let mut consultation_offer = profile.consultation_offer;
    for offer in &change.consultation_offer {
        let (code, text) = offer.split_once('=').context("--consultation-offer must be LANGUAGE=TEXT")?;
        match text {
            "" => consultation_offer.remove(&language(code)?),
            _ => consultation_offer.insert(language(code)?, text.to_owned()),
        };
    }
    let number = |text: &String| match text.split_once('=') {
        Some((label, number)) => EmergencyNumber { label: Some(label.to_owned()), number: number.to_owned() },
        None => EmergencyNumber { label: None, number: text.clone() },
    };
    let numbers: Vec<_> = change.emergency_number.iter().map(number).collect();
    let own = named(profile.reference_systems, &change.reference_system);
    let others = named(profile.other_reference_systems, &change.other_reference_system);
    if let Some(both) = change.reference_system.iter().find(|system| change.other_reference_system.contains(system)) {
        bail!("the reference system {both} is either the clinic's own or another's");
    }
    for system in change.reference_system.iter().chain(&change.other_reference_system) {
        if system == "none" || change.forget_reference_system.contains(system) {
            bail!("to remove a system, give --forget-reference-system with its name, alone");
        }
    }
    for system in &change.forget_reference_system {
        if !own.contains(system) && !others.contains(system) {
            bail!(
                "the clinic does not name the reference system {system}; sarcoscreen clinics list shows those it names"
            );
        }
    }
    let without = |systems: Vec<String>, added: &[String]| -> Vec<String> {
        let left = |system: &String| !added.contains(system) && !change.forget_reference_system.contains(system);
        systems.into_iter().filter(left).collect()
    };
    Ok(Profile {
        country: change.country.clone().or(profile.country),
        time_zone: change.time_zone.clone().or(profile.time_zone),
        emergency_numbers: if numbers.is_empty() { profile.emergency_numbers } else { numbers },
        reference_systems: without(own, &change.other_reference_system),
        other_reference_systems: without(others, &change.reference_system),
        consultation_offer,
    })
}

/// The systems with those added.
fn named(mut systems: Vec<String>, added: &[String]) -> Vec<String> {
    for system in added {
        if !systems.contains(system) {
            systems.push(system.clone());
        }
    }
    systems
}

/// The clinic with the given settings changed.
fn changed(clinic: Clinic, change: &ClinicChange) -> anyhow::Result<Clinic> {
    if *change == ClinicChange::default() {
        bail!("give at least one setting; sarcoscreen clinics set --help lists them");
    }
    let mut languages = change.languages.iter().map(|code| language(code)).collect::<Result<Vec<_>, _>>()?;
    languages.sort();
    languages.dedup();
    let period = |wanted, current| match wanted {
        Some(Retention::Forever) => None,
        Some(Retention::For(time)) => Some(time),
        None => current,
    };
    Ok(Clinic {
        name: change.name.clone().unwrap_or(clinic.name),
        booking_url: change.booking_url.clone().unwrap_or(clinic.booking_url),
        slug: change.slug.clone().or(clinic.slug),
        profile: with(clinic.profile, &change.profile)?,
        language: change.language.as_deref().map_or(Ok(clinic.language), language)?,
        languages: if languages.is_empty() { clinic.languages } else { languages },
        pathways: if change.pathways.is_empty() { clinic.pathways } else { chosen(&change.pathways)? },
        due: DueHours {
            today: change.due_today_hours.unwrap_or(clinic.due.today),
            this_week: change.due_this_week_hours.unwrap_or(clinic.due.this_week),
            routine: change.due_routine_hours.unwrap_or(clinic.due.routine),
        },
        retention_days: period(change.retention_days, clinic.retention_days),
        audit_retention_years: period(change.audit_retention_years, clinic.audit_retention_years),
        ..clinic
    })
}

fn language(code: &str) -> anyhow::Result<Language> {
    Language::from_tag(code).context("this language is not supported")
}

fn line(clinic: &Clinic) -> String {
    let Clinic { clinic_id, name, booking_url, profile, language, pathways, languages, due, .. } = clinic;
    let number = |number: &EmergencyNumber| match &number.label {
        Some(label) => format!("{label}={}", number.number),
        None => number.number.clone(),
    };
    let emergency_numbers = profile.emergency_numbers.iter().map(number).collect::<Vec<_>>().join(", ");
    let stated = [&clinic.slug, &profile.country, &profile.time_zone].into_iter().flatten();
    let stated: String = stated.flat_map(|setting| ["  ", setting]).collect();
    let pathways: Vec<&str> = pathways.iter().map(|pathway| pathway.as_str()).collect();
    let pathways = if pathways.is_empty() { "none".to_owned() } else { pathways.join(",") };
    let languages: Vec<&str> = languages.iter().map(|language| language.as_str()).collect();
    let kept = clinic.retention_days.map_or_else(|| "kept forever".to_owned(), |days| format!("kept {days} days"));
    let years = |years: u32| format!("  audit log kept {years} years");
    let profile = [
        ("own reference systems", &profile.reference_systems),
        ("reference systems of others", &profile.other_reference_systems),
    ]
    .into_iter()
    .filter(|(_, systems)| !systems.is_empty())
    .map(|(title, systems)| format!("  {title}: {}\n", systems.join(", ")))
    .chain(
        profile
            .consultation_offer
            .iter()
            .map(|(language, offer)| format!("  offer in {}: {offer}\n", language.as_str())),
    );
    let more: String = profile.collect();
    format!(
        "{clinic_id}  {name}  {booking_url}  {emergency_numbers}  {}  {pathways}  {}  due {}/{}/{} h  {kept}{stated}{}{}\n{more}",
        language.as_str(),
        languages.join(","),
        due.today,
        due.this_week,
        due.routine,
        clinic.audit_retention_years.map(years).unwrap_or_default(),
        if clinic.suspended { "  suspended" } else { "" },
    )
}
