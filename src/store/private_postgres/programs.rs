//! Finds PostgreSQL programs of a supported version.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::account::Account;
use super::error::{EmbeddedError, Result};
use super::{Settings, obtain};
use crate::domain::causes::with_causes;

/// The oldest major version that supports the SQL of the service.
const OLDEST: u32 = 15;
/// Where Debian and its derivatives install PostgreSQL, one folder per major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A folder that contains `postgres` and `initdb`.
#[derive(Debug)]
pub(super) struct Programs {
    bin: PathBuf,
    pub(super) version: u32,
}

impl Programs {
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }
}

/// The programs to use: those of the major version `wanted`, otherwise the first usable ones. `None` means that none
/// were found, and that [`obtain`] can provide them. Fails when the configured programs do not match, or when the
/// wanted version is not available.
pub(super) async fn find(
    settings: &Settings,
    obtained: &Path,
    wanted: Option<u32>,
    account: &Account,
) -> Result<Option<Programs>> {
    if let Some(bin) = &settings.postgres_bin {
        let programs = inspect(bin, account).await?;
        return match wanted {
            Some(cluster) if cluster != programs.version => Err(mismatch(obtained, cluster, &[programs])),
            _ => Ok(Some(programs)),
        };
    }
    let mut unfit = Vec::new();
    for bin in candidates(settings, obtained).await {
        match inspect(&bin, account).await {
            Ok(programs) if wanted.is_none_or(|wanted| wanted == programs.version) => return Ok(Some(programs)),
            Ok(programs) => unfit.push(programs),
            Err(error) => tracing::debug!(error = %with_causes(&error), "skipping unusable PostgreSQL programs"),
        }
    }
    match wanted {
        Some(cluster) if cluster != obtain::MAJOR => Err(mismatch(obtained, cluster, &unfit)),
        _ => Ok(None),
    }
}

/// Runs the programs in `bin` as the account that will use them, and reads their version.
pub(super) async fn inspect(bin: &Path, account: &Account) -> Result<Programs> {
    let unusable = |reason: String| EmbeddedError::Unusable { bin: bin.to_owned(), reason };
    let absolute = bin.canonicalize().map_err(|error| unusable(error.to_string()))?;
    if let Some(folder) = account.barred_at(&absolute) {
        return Err(unusable(format!("the account {} cannot enter {}", account.name, folder.display())));
    }
    if !absolute.join("initdb").is_file() {
        return Err(unusable("initdb is missing".to_owned()));
    }
    let output = account.command(&absolute.join("postgres")).arg("--version").output().await;
    let output = output.map_err(|error| unusable(format!("postgres: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    match major(&said) {
        Some(version) if version >= OLDEST => Ok(Programs { bin: absolute, version }),
        Some(version) => Err(unusable(format!("{version} is older than {OLDEST}"))),
        None => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(unusable(format!("no version in `{}{}`", said.trim(), complaint.trim())))
        }
    }
}

async fn candidates(settings: &Settings, obtained: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if settings.search_system {
        found.extend(newest_first(Path::new(DEBIAN)));
        found.extend(configured().await);
        found.extend(on_search_path());
    }
    found.extend(newest_first(obtained));
    found
}

/// The `bin` folders one level below `folder`, with the highest version first.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut versions: Vec<_> = names.filter_map(|name| Some((version(&name)?, name))).collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, name)| folder.join(name).join("bin")).collect()
}

fn version(name: &OsStr) -> Option<Vec<u32>> {
    name.to_str()?.split('.').map(|part| part.parse().ok()).collect()
}

async fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().await.ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(folder.trim_end()))
}

fn on_search_path() -> Vec<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "PATH belongs to the system and is not a setting of the service")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    folders.filter(|folder| folder.is_absolute() && folder.join("postgres").is_file()).collect()
}

/// Parses the major version in output such as `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `postgres
/// (PostgreSQL) 19beta1`.
fn major(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

fn mismatch(obtained: &Path, cluster: u32, found: &[Programs]) -> EmbeddedError {
    let found = match found {
        [] => "no PostgreSQL".to_owned(),
        some => {
            let named = |one: &Programs| format!("PostgreSQL {} ({})", one.version, one.bin.display());
            some.iter().map(named).collect::<Vec<_>>().join(", ")
        }
    };
    EmbeddedError::Version { data: obtained.with_file_name("cluster"), cluster, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_parsed_for_every_build() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major("cannot open shared object"), None);
    }

    #[test]
    fn folders_are_ordered_by_number() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["9", "15", "18.6.3", ".new", "18.6.10"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let found = newest_first(folder.path());
        let expected = ["18.6.10", "18.6.3", "15", "9"];
        assert_eq!(found, expected.map(|name| folder.path().join(name).join("bin")));
    }
}
