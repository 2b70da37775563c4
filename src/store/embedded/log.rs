//! The server log: appended to by the server, quoted from when a start fails.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::folder::open_private;

/// The size in bytes from which a start sets the log aside.
const FULL: u64 = 16 << 20;
/// How much of the log goes into an error, in bytes.
const TAIL_BYTES: u64 = 4096;
/// How much of the log goes into an error, in lines.
const TAIL_LINES: usize = 12;

/// The log as it was when a server was about to start.
#[derive(Debug)]
pub(super) struct ServerLog {
    path: PathBuf,
    file: File,
    start: u64,
}

impl ServerLog {
    /// Opens the log, with a full one set aside as `postgres.log.old`.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(super) fn open(path: PathBuf) -> Result<Self, EmbeddedError> {
        if fs::metadata(&path).is_ok_and(|at| at.len() > FULL) {
            fs::rename(&path, path.with_extension("log.old")).map_err(EmbeddedError::io("set aside", &path))?;
        }
        let file = open_private(&path)?;
        let start = file.metadata().map_err(EmbeddedError::io("inspect", &path))?.len();
        Ok(Self { path, file, start })
    }

    /// A handle for the server to write with.
    ///
    /// # Errors
    ///
    /// When there are no handles left.
    pub(super) fn handle(&self) -> Result<File, EmbeddedError> {
        self.file.try_clone().map_err(EmbeddedError::io("open", &self.path))
    }

    /// The last lines since the start.
    pub(super) fn tail(&self) -> String {
        let text = read_end(&self.path, self.start).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<&str> = text.lines().rev().take(TAIL_LINES).collect();
        lines.reverse();
        lines.join("\n")
    }
}

fn read_end(path: &Path, start: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from.max(start)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end)
}
