//! The demo clinic of the default run, and the file that holds its keys.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ServerError, private_file};
use crate::app::{App, clinics, demo};

/// What stands in `demo-credentials.json`: the clinic's id and one key for each role.
#[derive(Clone, Serialize, Deserialize)]
pub struct DemoCredentials {
    /// The clinic's id.
    pub clinic: String,
    /// The key of a front end.
    pub browser: String,
    /// The key of an intake system.
    pub intake: String,
    /// The key of staff.
    pub staff: String,
    /// The key of an administrator.
    pub admin: String,
}

/// Where the file is in a data folder.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("demo-credentials.json")
}

/// Sees to it that a database without clinics gets the demo clinic, and that its keys stand in the file; `None` where
/// somebody made clinics of their own.
///
/// The file is written last: without it an earlier start did not get that far, and everything missing is made now.
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
    if there && let Some(kept) = read(&file) {
        return Ok(Some(kept));
    }
    say("making the demo clinic and its made-up cohort ...");
    let credentials = create(app).await?;
    private_file::write(&file, &json(&credentials))?;
    Ok(Some(credentials))
}

/// Makes the demo clinic complete and hands out its keys.
///
/// # Errors
/// When the database is away.
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

/// The credentials as they stand in the file.
#[must_use]
pub fn json(credentials: &DemoCredentials) -> String {
    let text = serde_json::to_string_pretty(credentials).unwrap_or_default();
    format!("{text}\n")
}

fn read(file: &Path) -> Option<DemoCredentials> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}
