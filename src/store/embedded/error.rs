//! What can go wrong around the private PostgreSQL.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// A failure to start or stop the private PostgreSQL, worded for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Another process holds the lock of the data folder.
    #[error(
        "another sarcoscreen is using this data folder: {} (process {pid}); stop it, or choose \
         another folder with SARCOSCREEN_DATA_DIR", folder.display()
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The process id in the lock file, or `unknown`.
        pid: String,
        /// Whether it is a service that serves, so that others may attach to its server.
        serving: bool,
    },
    /// A service holds the data folder, and its server does not answer.
    #[error(
        "sarcoscreen (process {pid}) serves from the data folder {}, but its PostgreSQL does not answer; the log of the \
         service and postgres.log in the folder say why", folder.display()
    )]
    Silent {
        /// The data folder.
        folder: PathBuf,
        /// The process id of the service.
        pid: String,
    },
    /// A folder is owned by somebody else or open to others.
    #[error("{} {reason}", path.display())]
    Unfit {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The account that runs the server cannot pass through a folder.
    #[error(
        "PostgreSQL does not run as root, and the account {account} that runs it instead cannot \
         enter {}, which leads to {}; choose another folder with SARCOSCREEN_DATA_DIR",
        folder.display(), data_dir.display()
    )]
    Closed {
        /// The folder that is closed to the account.
        folder: PathBuf,
        /// The data folder below it.
        data_dir: PathBuf,
        /// The account.
        account: String,
    },
    /// No programs were found and none could be obtained.
    #[error(
        "no PostgreSQL 15 or later was found, and obtaining one failed: {reason}. Install the \
         PostgreSQL server package (for example `apt-get install postgresql`), or set \
         DATABASE_URL to a database that you run"
    )]
    Missing {
        /// Why the programs could not be obtained.
        reason: String,
    },
    /// The programs in the folder that was set cannot be used.
    #[error("the PostgreSQL programs in {} (SARCOSCREEN_POSTGRES_BIN) cannot be used: {reason}", bin.display())]
    Unusable {
        /// The folder of the programs.
        bin: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The cluster needs programs of a major version that is not there.
    #[error(
        "the data in {} was written by PostgreSQL {cluster}, but {found} was found; install the \
         PostgreSQL {cluster} server package, or name the folder of its programs with \
         SARCOSCREEN_POSTGRES_BIN", data.display()
    )]
    Version {
        /// The folder of the cluster.
        data: PathBuf,
        /// The major version that wrote it.
        cluster: u32,
        /// What was found instead, in words.
        found: String,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The name of the program.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// The server ended or did not answer while it was starting.
    #[error("PostgreSQL did not start: {reason}; the end of its log:\n{log}")]
    NotReady {
        /// What was seen.
        reason: String,
        /// The last lines of the server log.
        log: String,
    },
    /// The server refused the service.
    #[error("PostgreSQL runs but refused the service")]
    Refused(#[from] sqlx::Error),
    /// The server did not go.
    #[error("PostgreSQL (process {pid}) did not stop: {reason}")]
    NotStopped {
        /// The process id of the server.
        pid: i32,
        /// What was seen.
        reason: String,
    },
    /// The task that watches over the server ended.
    #[error("nothing watches over PostgreSQL any more")]
    Unwatched(#[from] tokio::task::JoinError),
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
}

impl EmbeddedError {
    /// Turns an I/O error into one that says what was tried on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The error with everything that it came from.
    pub(super) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
