//! The demo clinic of the default run, and the file with its keys.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ServerError, private_file};
use crate::app::{App, clinics, demo};

/// The content of `demo-credentials.json`: the clinic's id and one key per role.
#[derive(Clone, Serialize, Deserialize)]
pub struct DemoCredentials {
    pub clinic: String,
    /// The key of a front end.
    pub browser: String,
    pub intake: String,
    pub staff: String,
    pub admin: String,
}

pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("demo-credentials.json")
}

/// Creates the demo clinic if the database has no clinics, and writes its keys to the file. `None` if the database has
/// other clinics only. The file is written last: if it is missing, an earlier start was interrupted, and everything
/// missing is created now.
pub(super) async fn ensure(
    app: &App,
    data_dir: &Path,
    say: &dyn Fn(&str),
) -> Result<Option<DemoCredentials>, ServerError> {
    let file = path(data_dir);
    let clinics = clinics::list(app).await?;
    let there = clinics.iter().any(|clinic| clinic.name == demo::CLINIC_NAME);
    if !there && !clinics.is_empty() {
        return Ok(None);
    }
    let kept = fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
    if there && kept.is_some() {
        return Ok(kept);
    }
    say("creating the demo clinic and its synthetic cohort ...");
    let credentials = create(app).await?;
    private_file::write(&file, &json(&credentials))?;
    Ok(Some(credentials))
}

/// Creates whatever the demo clinic lacks and returns its keys. Fails when the database is unavailable.
pub async fn create(app: &App) -> Result<DemoCredentials, ServerError> {
    let keys = demo::complete(app).await?;
    Ok(DemoCredentials {
        clinic: keys.clinic_id.to_string(),
        browser: keys.browser.to_string(),
        intake: keys.intake.to_string(),
        staff: keys.staff.to_string(),
        admin: keys.admin.to_string(),
    })
}

pub fn json(credentials: &DemoCredentials) -> String {
    serde_json::to_string_pretty(credentials).unwrap_or_default() + "\n"
}
