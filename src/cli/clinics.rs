//! `clinics`: create, list, choose pathways.

use anyhow::{Context as _, bail};

use super::{on_database, print};
use crate::app::{App, clinics};
use crate::config::{Clinics, Settings};
use crate::domain::language::Language;
use crate::domain::stored::Clinic;
use crate::domain::submission::PathwayId;

pub(super) async fn run(settings: &Settings, command: &Clinics) -> anyhow::Result<()> {
    let text = on_database(settings, async |app| match command {
        Clinics::Create { name, booking_url, emergency_number, language, pathways } => {
            let language = Language::from_tag(language).context("there is no wording in this language")?;
            let pathways = chosen(pathways)?;
            let clinic = clinics::create(app, name, booking_url, emergency_number, language, &pathways).await?;
            Ok(format!("{}\n", clinic.clinic_id))
        }
        Clinics::Pathways { clinic, pathways } => {
            let pathways = chosen(pathways)?;
            let clinic = find(app, clinic).await?;
            clinics::set_pathways(app, clinic.clinic_id, &pathways).await?;
            Ok(line(&Clinic { pathways, ..clinic }))
        }
        Clinics::List => Ok(clinics::list(app).await?.iter().map(line).collect()),
    });
    print(&text.await?)?;
    Ok(())
}

/// Finds a clinic by its id or its name.
pub(super) async fn find(app: &App, wanted: &str) -> anyhow::Result<Clinic> {
    let clinics = clinics::list(app).await?;
    let is_it = |clinic: &Clinic| clinic.name == wanted || clinic.clinic_id.to_string() == wanted.to_lowercase();
    match clinics.into_iter().find(is_it) {
        Some(clinic) => Ok(clinic),
        None => bail!("there is no clinic of this id or name; `sarcoscreen clinics list` shows them"),
    }
}

/// The pathways of a choice, each once.
fn chosen(names: &[String]) -> anyhow::Result<Vec<PathwayId>> {
    let mut pathways = Vec::new();
    for name in names.iter().filter(|name| *name != "none") {
        let pathway = PathwayId::parse(name).context("there is no such pathway")?;
        if !pathways.contains(&pathway) {
            pathways.push(pathway);
        }
    }
    if pathways.len() < names.len() && names.iter().any(|name| name == "none") && names.len() > 1 {
        bail!("none excludes every pathway");
    }
    Ok(pathways)
}

fn line(clinic: &Clinic) -> String {
    let Clinic { clinic_id, name, booking_url, emergency_number, language, pathways, .. } = clinic;
    let pathways: Vec<&str> = pathways.iter().map(|pathway| pathway.as_str()).collect();
    let pathways = if pathways.is_empty() { "none".to_owned() } else { pathways.join(",") };
    format!("{clinic_id}  {name}  {booking_url}  {emergency_number}  {}  {pathways}\n", language.code())
}
