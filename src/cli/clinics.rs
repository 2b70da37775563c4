//! `clinics`: create, list, change settings, suspend and resume.

use anyhow::{Context as _, bail};

use super::clinic_argument::find;
use super::database::on_database;
use super::output::print;
use crate::app::{App, clinics};
use crate::config::{ClinicChange, Clinics, Retention, Settings};
use crate::domain::clinics::Clinic;
use crate::domain::language::Language;
use crate::domain::screening::pathway::PathwayId;

pub(super) async fn run(settings: &Settings, command: &Clinics) -> anyhow::Result<()> {
    let text = on_database(settings, async |app| match command {
        Clinics::Create { name, booking_url, emergency_number, language, pathways } => {
            let language = self::language(language)?;
            let pathways = chosen(pathways)?;
            let clinic = clinics::create(app, name, booking_url, emergency_number, language, &pathways).await?;
            Ok(format!("{}\n", clinic.clinic_id))
        }
        Clinics::Pathways { clinic, pathways } => {
            let pathways = chosen(pathways)?;
            let clinic = Clinic { pathways, ..find(app, clinic).await? };
            clinics::change(app, &clinic).await?;
            Ok(line(&clinic))
        }
        Clinics::Set { clinic, change } => {
            let clinic = changed(find(app, clinic).await?, change)?;
            clinics::change(app, &clinic).await?;
            Ok(line(&clinic))
        }
        Clinics::Suspend { clinic } => suspend(app, clinic, true).await,
        Clinics::Resume { clinic } => suspend(app, clinic, false).await,
        Clinics::List => Ok(clinics::list(app).await?.iter().map(line).collect()),
    });
    print(&text.await?)?;
    Ok(())
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
    if pathways.len() < names.len() && names.iter().any(|name| name == "none") && names.len() > 1 {
        bail!("none cannot be combined with a pathway");
    }
    Ok(pathways)
}

async fn suspend(app: &App, clinic: &str, suspended: bool) -> anyhow::Result<String> {
    let clinic = Clinic { suspended, ..find(app, clinic).await? };
    clinics::change(app, &clinic).await?;
    Ok(line(&clinic))
}

/// The clinic with the given settings changed.
fn changed(mut clinic: Clinic, change: &ClinicChange) -> anyhow::Result<Clinic> {
    let texts = [
        (&mut clinic.name, &change.name),
        (&mut clinic.booking_url, &change.booking_url),
        (&mut clinic.emergency_number, &change.emergency_number),
    ];
    let hours = [
        (&mut clinic.due.today, change.due_today_hours),
        (&mut clinic.due.this_week, change.due_this_week_hours),
        (&mut clinic.due.routine, change.due_routine_hours),
    ];
    for (setting, wanted) in texts {
        wanted.as_ref().inspect(|text| setting.clone_from(text));
    }
    for (setting, wanted) in hours {
        *setting = wanted.unwrap_or(*setting);
    }
    if let Some(code) = &change.language {
        clinic.language = language(code)?;
    }
    if !change.languages.is_empty() {
        clinic.languages = change.languages.iter().map(|code| language(code)).collect::<Result<_, _>>()?;
        clinic.languages.sort();
        clinic.languages.dedup();
    }
    if !change.pathways.is_empty() {
        clinic.pathways = chosen(&change.pathways)?;
    }
    let kept = [
        (&mut clinic.retention_days, change.retention_days),
        (&mut clinic.audit_retention_years, change.audit_retention_years),
    ];
    for (setting, wanted) in kept {
        match wanted {
            Some(Retention::Forever) => *setting = None,
            Some(Retention::For(time)) => *setting = Some(time),
            None => {}
        }
    }
    Ok(clinic)
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
