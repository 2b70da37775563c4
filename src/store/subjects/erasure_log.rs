//! The erasure log: a file outside the database that lists erased subjects and single submissions, so that they can be erased
//! again after a backup was restored. A line is a keyed hash and a time, after the word `submission` for a submission. Without
//! the master key it identifies nothing.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::ids::ClinicId;
use crate::store::database::Store;
use crate::store::error::{Result, StoreError};

/// What the line of a submission begins with.
const SUBMISSION: &str = "submission ";

/// The ids that an erasure adds to the log.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::store) struct Gone<'a> {
    pub subjects: &'a [Uuid],
    /// Submissions that were erased by themselves. Those of erased subjects are not listed.
    pub submissions: &'a [Uuid],
}

#[derive(Debug, Default)]
pub struct Erased {
    subjects: HashSet<[u8; 32]>,
    submissions: HashSet<[u8; 32]>,
    /// Lines that cannot be parsed, such as one truncated by a power failure.
    pub unreadable: u64,
}

impl Erased {
    /// The number of subjects.
    pub fn count(&self) -> usize {
        self.subjects.len()
    }

    /// The number of single submissions.
    pub fn submissions(&self) -> usize {
        self.submissions.len()
    }

    /// Whether the logs list this subject, under any of the keys.
    pub(in crate::store) fn names(&self, store: &Store, clinic_id: Uuid, subject_id: Uuid) -> bool {
        store.keys.erasure_hashes(clinic_id, subject_id).iter().any(|hash| self.subjects.contains(hash))
    }

    /// Whether the logs list this submission by itself, under any of the keys.
    pub(in crate::store) fn names_submission(&self, store: &Store, clinic_id: Uuid, submission_id: Uuid) -> bool {
        store.keys.erasure_hashes(clinic_id, submission_id).iter().any(|hash| self.submissions.contains(hash))
    }

    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let mut erased = Self::default();
        for path in paths {
            let file = File::open(path).map_err(|error| refused(path, &error))?;
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(|error| refused(path, &error))?;
                let (into, rest) = match line.strip_prefix(SUBMISSION.as_bytes()) {
                    Some(rest) => (&mut erased.submissions, rest),
                    None => (&mut erased.subjects, &line[..]),
                };
                match hash_of(rest) {
                    Some(hash) => {
                        into.insert(hash);
                    }
                    None if line.is_empty() => {}
                    None => erased.unreadable += 1,
                }
            }
        }
        Ok(erased)
    }
}

/// Adds subjects and submissions to the log. When this returns, the lines are on disk. Call it before the commit: what is listed
/// and still exists is erased again by a replay, but what was erased without a line would come back with a backup.
pub(in crate::store) async fn append(
    store: &Store,
    path: &Path,
    clinic_id: ClinicId,
    gone: Gone<'_>,
    at: Timestamp,
) -> Result<()> {
    let line = |kind: &str, id: &Uuid| {
        let hash = store.keys.erasure_hashes(clinic_id.0, *id).first().copied().unwrap_or_default();
        format!("{kind}{} {at}\n", HEXLOWER.encode(&hash))
    };
    let submissions = gone.submissions.iter().map(|id| line(SUBMISSION, id));
    let lines: String = gone.subjects.iter().map(|id| line("", id)).chain(submissions).collect();
    let file = path.to_owned();
    let written = tokio::task::spawn_blocking(move || write(&file, &lines)).await;
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(refused(path, &error)),
        Err(_) => Err(StoreError::Unavailable("writing the erasure log was cut short".into())),
    }
}

fn write(path: &Path, lines: &str) -> io::Result<()> {
    let new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    // A truncated last line must not corrupt the next one.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let start = if last == [b'\n'] { "" } else { "\n" };
    file.write_all(format!("{start}{lines}").as_bytes())?;
    file.sync_all()?;
    match path.parent().filter(|folder| new && !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn hash_of(line: &[u8]) -> Option<[u8; 32]> {
    let (hash, time) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    time.trim_end().parse::<Timestamp>().ok()?;
    HEXLOWER.decode(hash.as_bytes()).ok()?.try_into().ok()
}

fn refused(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("the erasure log {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_line_does_not_corrupt_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("erasures.log");
        let line = |byte: u8| format!("{} 2026-01-02T03:04:05Z\n", HEXLOWER.encode(&[byte; 32]));
        write(&path, &line(1)).unwrap();
        let torn = format!("{}{}", line(1), &line(2)[..40]);
        std::fs::write(&path, torn).unwrap();
        write(&path, &line(3)).unwrap();
        let erased = Erased::read(&[path]).unwrap();
        assert_eq!((erased.count(), erased.unreadable), (2, 1));
        assert!(erased.subjects.contains(&[1; 32]) && erased.subjects.contains(&[3; 32]));
    }

    #[test]
    fn submissions_have_lines_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("erasures.log");
        let line = |byte: u8| format!("{} 2026-01-02T03:04:05Z\n", HEXLOWER.encode(&[byte; 32]));
        // The last line is truncated before its hash ends.
        let text = format!("{}submission {}submission {}", line(1), line(2), &line(3)[..40]);
        std::fs::write(&path, text).unwrap();
        let erased = Erased::read(&[path]).unwrap();
        assert_eq!((erased.count(), erased.submissions(), erased.unreadable), (1, 1, 1));
        assert!(erased.subjects.contains(&[1; 32]) && erased.submissions.contains(&[2; 32]));
    }
}
