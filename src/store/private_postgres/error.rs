//! Errors of the private PostgreSQL.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A failure to start or stop the private PostgreSQL. The messages are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "another sarcoscreen is using this data folder: {} (process {pid}); stop it, or choose another folder with \
         SARCOSCREEN_DATA_DIR", folder.display()
    )]
    InUse {
        folder: PathBuf,
        /// The process id in the lock file, or `unknown`.
        pid: String,
        /// Whether the holder is a running service, so that commands may attach to its server.
        serving: bool,
    },
    #[error(
        "sarcoscreen (process {pid}) runs on the data folder {}, but its PostgreSQL does not answer; the log of the \
         service and postgres.log in the folder state the cause", folder.display()
    )]
    Silent { folder: PathBuf, pid: String },
    /// A folder belongs to another account, or other accounts may write to it. The reason also states what to do.
    #[error("{} {reason}", path.display())]
    Unfit { path: PathBuf, reason: String },
    /// The account that runs the server cannot enter the folder, which leads to the data folder.
    #[error(
        "PostgreSQL does not run as root, and the account {account} that runs it instead cannot enter {}, which leads \
         to {}; choose another folder with SARCOSCREEN_DATA_DIR", folder.display(), data_dir.display()
    )]
    Closed { folder: PathBuf, data_dir: PathBuf, account: String },
    #[error(
        "no PostgreSQL 15 or later was found, and obtaining one failed: {reason}. Install the PostgreSQL server \
         package (for example `apt-get install postgresql`), or set DATABASE_URL to a database that you run"
    )]
    Missing { reason: String },
    #[error("the PostgreSQL programs in {} (SARCOSCREEN_POSTGRES_BIN) cannot be used: {reason}", bin.display())]
    Unusable { bin: PathBuf, reason: String },
    /// The major version that wrote the cluster is not installed.
    #[error(
        "the data in {} was written by PostgreSQL {cluster}, but {found} was found; install the PostgreSQL {cluster} \
         server package, or name the folder of its programs with SARCOSCREEN_POSTGRES_BIN", data.display()
    )]
    Version { data: PathBuf, cluster: u32, found: String },
    #[error("{program} failed: {output}")]
    Program { program: &'static str, output: String },
    /// The server ended, or did not respond, while it was starting.
    #[error("PostgreSQL did not start: {reason}; the end of its log:\n{log}")]
    NotReady { reason: String, log: String },
    #[error("PostgreSQL runs, but refused the connection")]
    Refused(#[from] sqlx::Error),
    #[error("PostgreSQL (process {pid}) did not stop: {reason}")]
    NotStopped { pid: i32, reason: String },
    #[error("the task that restarts PostgreSQL has ended")]
    Unwatched(#[from] tokio::task::JoinError),
    #[error("cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

pub(super) type Result<T, E = EmbeddedError> = std::result::Result<T, E>;

impl EmbeddedError {
    /// Wraps an I/O error with the operation, as a verb, and the path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn unfit(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unfit { path: path.to_owned(), reason: reason.into() }
    }
}

/// `None` if the file or folder of the operation does not exist.
pub(super) fn if_present<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}
