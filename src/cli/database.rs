//! The database of a command, and the clinic that the command names.

use anyhow::{Context as _, bail};

use super::output::tell;
use crate::app::{App, clinics, health};
use crate::config::Settings;
use crate::domain::clinics::Clinic;
use crate::domain::ids::ClinicId;
use crate::server::Opened;

/// Runs work on the database and closes it afterwards, also after a failure.
pub(super) async fn on_database<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    on_opened(Opened::beside(settings, &tell).await?, work).await
}

/// Like [`on_database`], on a database that the caller opened.
pub(super) async fn on_opened<T>(
    opened: Opened,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let outcome = on_schema(&opened.app, work).await;
    let closed = opened.close().await;
    let value = outcome?;
    closed?;
    Ok(value)
}

async fn on_schema<T>(app: &App, work: impl AsyncFnOnce(&App) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let readiness = health::readiness(app).await;
    if !readiness.database {
        // The log has the details.
        bail!("the database does not answer; check that it runs where DATABASE_URL says and accepts the role");
    }
    if let Some(fault) = readiness.schema_fault {
        bail!(fault);
    }
    app.prepare().await?;
    work(app).await
}

/// Finds a clinic by its id or its name.
pub(super) async fn find_clinic(app: &App, wanted: &str) -> anyhow::Result<Clinic> {
    let is_it = |clinic: &Clinic| clinic.name == wanted || clinic.clinic_id.to_string() == wanted.to_lowercase();
    let found = clinics::list(app).await?.into_iter().find(is_it);
    found.context("there is no clinic with this id or name; `sarcoscreen clinics list` lists all clinics")
}

/// The id of the clinic that an option names, if it is given.
pub(super) async fn clinic_id(app: &App, wanted: Option<&str>) -> anyhow::Result<Option<ClinicId>> {
    match wanted {
        Some(wanted) => Ok(Some(find_clinic(app, wanted).await?.clinic_id)),
        None => Ok(None),
    }
}
