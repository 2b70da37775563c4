//! The server log. The server appends to it; errors of a failed start quote it.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::{EmbeddedError, Result};
use super::folder::open_private;

/// Size in bytes above which a start renames the log.
const FULL: u64 = 16 << 20;
/// The end of the log that an error quotes, at most, in bytes and in lines.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 12;

/// The log at the time when the server was about to start.
#[derive(Debug)]
pub(super) struct ServerLog {
    path: PathBuf,
    file: File,
    start: u64,
}

impl ServerLog {
    /// Opens the log. A full log is renamed to `postgres.log.old` first.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        if fs::metadata(&path).is_ok_and(|at| at.len() > FULL) {
            fs::rename(&path, path.with_extension("log.old")).map_err(EmbeddedError::io("set aside", &path))?;
        }
        let file = open_private(&path)?;
        let start = file.metadata().map_err(EmbeddedError::io("inspect", &path))?.len();
        Ok(Self { path, file, start })
    }

    pub(super) fn handle(&self) -> Result<File> {
        self.file.try_clone().map_err(EmbeddedError::io("open", &self.path))
    }

    /// The last lines since the server was started.
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
