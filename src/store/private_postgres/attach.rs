//! Lets a command attach to the PostgreSQL server of a service that runs on the same data folder.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep};

use super::error::{EmbeddedError, Result};
use super::folder::DataFolder;
use super::server::{self, Probe};
use super::site::Site;
use super::{Claim, Settings, claim};

/// How long a process that holds the folder may take until it serves or releases the folder.
const STARTING: Duration = Duration::from_mins(1);
/// How long the server of a service may not answer.
const SILENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub enum Access {
    /// No other process uses the folder; this process has locked it.
    Claimed(Claim),
    Attached(Attached),
}

/// The server of a service that runs on the data folder. This process does not stop it.
#[derive(Debug)]
pub struct Attached(Site);

impl Attached {
    /// Connection options for the service's database, as its owner, a superuser.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.0.options()
    }

    /// The data folder, as an absolute path without symbolic links.
    pub fn data_dir(&self) -> &Path {
        &self.0.folder.path
    }
}

/// Locks the data folder, or attaches to the server of the service that holds the lock. Waits while the holder is starting
/// or is not a service. Fails when the folder is unfit or stays in use, or when its server does not answer.
pub async fn claim_or_attach(settings: &Settings, progress: &dyn Fn(&str)) -> Result<Access> {
    let begun = Instant::now();
    let (mut answered, mut reported) = (begun, false);
    loop {
        let in_use = match claim(settings) {
            Ok(claim) => return Ok(Access::Claimed(claim)),
            Err(error) => error,
        };
        let EmbeddedError::InUse { folder, pid, serving } = &in_use else { return Err(in_use) };
        if *serving {
            let site = Site::held(settings.clone(), DataFolder::held(folder.clone()))?;
            match server::ask(&site.options()).await? {
                Probe::Ready => return Ok(Access::Attached(Attached(site))),
                Probe::Starting => answered = Instant::now(),
                Probe::Silent if answered.elapsed() > SILENCE => {
                    return Err(EmbeddedError::Silent { folder: folder.clone(), pid: pid.clone() });
                }
                Probe::Silent => {}
            }
        } else {
            answered = Instant::now();
        }
        if begun.elapsed() > STARTING {
            return Err(in_use);
        }
        if !reported {
            progress(&format!("waiting for the sarcoscreen that uses the data folder (process {pid}) ..."));
            reported = true;
        }
        sleep(PAUSE).await;
    }
}
