//! `clinics`: create and list.

use anyhow::{Context as _, bail};

use super::{on_database, print};
use crate::app::{App, clinics};
use crate::config::{Clinics, Settings};
use crate::domain::language::Language;
use crate::domain::stored::Clinic;

pub(super) async fn run(settings: &Settings, command: &Clinics) -> anyhow::Result<()> {
    let text = on_database(settings, async |app| match command {
        Clinics::Create { name, booking_url, emergency_number, language } => {
            let language = Language::from_tag(language).context("there is no wording in this language")?;
            let clinic = clinics::create(app, name, booking_url, emergency_number, language).await?;
            Ok(format!("{}\n", clinic.clinic_id))
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

fn line(clinic: &Clinic) -> String {
    let Clinic { clinic_id, name, booking_url, emergency_number, language } = clinic;
    format!("{clinic_id}  {name}  {booking_url}  {emergency_number}  {}\n", language.code())
}
