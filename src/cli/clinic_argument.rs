//! The clinic that a command names.

use anyhow::bail;

use crate::app::{App, clinics};
use crate::domain::clinics::Clinic;

/// Finds a clinic by its id or its name.
pub(super) async fn find(app: &App, wanted: &str) -> anyhow::Result<Clinic> {
    let clinics = clinics::list(app).await?;
    let is_it = |clinic: &Clinic| clinic.name == wanted || clinic.clinic_id.to_string() == wanted.to_lowercase();
    match clinics.into_iter().find(is_it) {
        Some(clinic) => Ok(clinic),
        None => bail!("there is no clinic with this id or name; `sarcoscreen clinics list` lists all clinics"),
    }
}
