//! The PostgreSQL cluster, created once.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::NAME;
use super::account::Account;
use super::error::{EmbeddedError, Result};
use super::folder::{DataFolder, make_owned, remove};
use super::programs::Programs;

/// The first major version with the builtin locale provider, which sorts the same on every machine.
const BUILTIN_LOCALE: u32 = 17;

/// A completely initialized cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) path: PathBuf,
    /// The major version that wrote it.
    pub(super) version: u32,
}

impl Cluster {
    /// Opens the cluster at `path`. `None` if `path` does not exist. Fails when `path` exists and is not a cluster.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let file = path.join("PG_VERSION");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !path.exists() => return Ok(None),
            Err(error) => return Err(EmbeddedError::io("read", &file)(error)),
        };
        let Ok(version) = text.trim().parse() else {
            return Err(EmbeddedError::unfit(&file, "does not hold a major version of PostgreSQL"));
        };
        Ok(Some(Self { path: path.to_owned(), version }))
    }

    /// Creates a cluster in `cluster.new`, and renames it when it is complete and flushed to disk.
    pub(super) async fn create(folder: &DataFolder, programs: &Programs, account: &Account) -> Result<Self> {
        let (new, path) = (folder.path.join("cluster.new"), folder.cluster());
        initialize(&new, programs, account).await?;
        let mut sync = account.command(&programs.path("initdb"));
        run(sync.arg("--sync-only").arg("-D").arg(&new)).await?;
        fs::rename(&new, &path).map_err(EmbeddedError::io("move into place", &path))?;
        folder.sync()?;
        Ok(Self { path, version: programs.version })
    }
}

/// Runs initdb with a Unicode character type, or with plain C where the system has no such locale.
async fn initialize(new: &Path, programs: &Programs, account: &Account) -> Result<()> {
    // Text sorts by code point everywhere: an index must not depend on the system's locale data.
    let unicode: &[&str] = if programs.version >= BUILTIN_LOCALE {
        &["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    } else {
        &["--lc-ctype=C.UTF-8"]
    };
    match initdb(new, programs, account, unicode).await {
        Err(EmbeddedError::Program { output, .. }) if output.contains("locale") => {
            tracing::debug!(output, "no Unicode character type; using plain C");
            initdb(new, programs, account, &[]).await
        }
        outcome => outcome,
    }
}

async fn initdb(new: &Path, programs: &Programs, account: &Account, locale: &[&str]) -> Result<()> {
    // Removes what an interrupted start left behind.
    remove(new)?;
    make_owned(new, account)?;
    let mut command = account.command(&programs.path("initdb"));
    command
        .arg("-D")
        .arg(new)
        .args(["--username", NAME, "--encoding=UTF8", "--no-locale", "--data-checksums"])
        .args(locale)
        // Every account that can reach the socket may connect. Network connections are rejected, regardless of the configuration.
        .args(["--auth-local=trust", "--auth-host=reject"])
        // One flush at the end is faster than one per step.
        .args(["--no-sync", "--no-instructions"]);
    run(&mut command).await
}

async fn run(command: &mut Command) -> Result<()> {
    let failed = |output: String| EmbeddedError::Program { program: "initdb", output };
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
