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

/// What the default run announces of the demo clinic.
pub(super) struct Demo {
    pub(super) credentials: DemoCredentials,
    /// The clinic's name in the address of its web form; `None` if the form is closed.
    pub(super) form: Option<String>,
}

pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("demo-credentials.json")
}

/// Creates the demo clinic if the database has no clinics, and writes its keys to the file. `None` if the database has
/// other clinics only. The file is written last: if it is missing, an earlier start was interrupted, and everything
/// missing is created now. A demo clinic of a version without web forms gets its form.
pub(super) async fn ensure(app: &App, data_dir: &Path, say: &dyn Fn(&str)) -> Result<Option<Demo>, ServerError> {
    let file = path(data_dir);
    let clinics = clinics::list(app).await?;
    let found = clinics.iter().find(|clinic| clinic.name == demo::CLINIC_NAME);
    if found.is_none() && !clinics.is_empty() {
        return Ok(None);
    }
    let kept: Option<DemoCredentials> =
        fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
    let credentials = if let (Some(clinic), Some(kept)) = (found, kept) {
        demo::offer_web_form(app, clinic).await?;
        kept
    } else {
        say("creating the demo clinic and its synthetic cohort ...");
        let credentials = create(app).await?;
        private_file::write(&file, &json(&credentials))?;
        credentials
    };
    let open = demo::find(app).await?.filter(|clinic| clinic.web_form_open);
    Ok(Some(Demo { credentials, form: open.and_then(|clinic| clinic.slug) }))
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
