//! The data folder of one private server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sarcoscreen::store::private_postgres;
use sarcoscreen::store::private_postgres::{Embedded, EmbeddedError, Settings};
use tempfile::TempDir;

/// A data folder of one test. A server that a failed test left running is stopped on drop.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("sarcoscreen-test-").unwrap();
        // The account that root switches to needs to traverse the folder.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        Self(folder)
    }

    /// The folder around the data folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The data folder, which the first start creates.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Settings for the data folder; `SARCOSCREEN_POSTGRES_BIN` selects the programs under test.
    pub(crate) fn settings(&self) -> Settings {
        #[expect(clippy::disallowed_methods, reason = "a test is no program with settings")]
        let postgres_bin = std::env::var_os("SARCOSCREEN_POSTGRES_BIN").map(PathBuf::from);
        Settings { postgres_bin, ..Settings::new(self.data()) }
    }

    /// Starts or adopts the server of this place.
    pub(crate) async fn start(&self) -> Result<Embedded, EmbeddedError> {
        private_postgres::start(&self.settings(), &|_| ()).await
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.data().join("cluster").join(name), text).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let file = self.data().join("cluster/postmaster.pid");
        let pid = fs::read_to_string(file).ok().and_then(|text| text.lines().next()?.parse().ok());
        if let Some(pid) = pid.map(Pid::from_raw).filter(|pid| *pid != Pid::this()) {
            let _ = kill(pid, Signal::SIGQUIT);
        }
    }
}
