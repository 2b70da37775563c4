//! `clinics`: create, list, change settings, suspend and resume.

use anyhow::{Context as _, bail};

use super::database::{find_clinic, on_database};
use super::output::print;
use crate::app::clinics;
use crate::config::{ClinicChange, Clinics, Retention, Settings};
use crate::domain::clinics::{Clinic, DueHours};
use crate::domain::language::Language;
use crate::domain::screening::pathway::PathwayId;

pub(super) async fn run(settings: &Settings, command: &Clinics) -> anyhow::Result<()> {
    let text = on_database(settings, async |app| {
        let clinic = match command {
            Clinics::Create { name, booking_url, emergency_number, language, pathways } => {
                let language = self::language(language)?;
                let pathways = chosen(pathways)?;
                let clinic = clinics::create(app, name, booking_url, emergency_number, language, &pathways).await?;
                return Ok(format!("{}\n", clinic.clinic_id));
            }
            Clinics::List => return Ok(clinics::list(app).await?.iter().map(line).collect()),
            Clinics::Pathways { clinic, pathways } => {
                let pathways = chosen(pathways)?;
                Clinic { pathways, ..find_clinic(app, clinic).await? }
            }
            Clinics::Set { clinic, change } => changed(find_clinic(app, clinic).await?, change)?,
            Clinics::Suspend { clinic } => Clinic { suspended: true, ..find_clinic(app, clinic).await? },
            Clinics::Resume { clinic } => Clinic { suspended: false, ..find_clinic(app, clinic).await? },
        };
        clinics::change(app, &clinic).await?;
        Ok(line(&clinic))
    });
    print(&text.await?)
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

/// The clinic with the given settings changed.
fn changed(clinic: Clinic, change: &ClinicChange) -> anyhow::Result<Clinic> {
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
        emergency_number: change.emergency_number.clone().unwrap_or(clinic.emergency_number),
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
    let Clinic { clinic_id, name, booking_url, emergency_number, language, pathways, languages, due, .. } = clinic;
    let pathways: Vec<&str> = pathways.iter().map(|pathway| pathway.as_str()).collect();
    let pathways = if pathways.is_empty() { "none".to_owned() } else { pathways.join(",") };
    let languages: Vec<&str> = languages.iter().map(|language| language.as_str()).collect();
    let kept = clinic.retention_days.map_or_else(|| "kept forever".to_owned(), |days| format!("kept {days} days"));
    let years = |years: u32| format!("  audit log kept {years} years");
    format!(
        "{clinic_id}  {name}  {booking_url}  {emergency_number}  {}  {pathways}  {}  due {}/{}/{} h  {kept}{}{}\n",
        language.as_str(),
        languages.join(","),
        due.today,
        due.this_week,
        due.routine,
        clinic.audit_retention_years.map(years).unwrap_or_default(),
        if clinic.suspended { "  suspended" } else { "" },
    )
}
