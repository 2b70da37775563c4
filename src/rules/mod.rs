//! Ring 2: the released rule tables, as data in the binary. Each must match its line in `LOCK`.

pub mod conformance;

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;

use crate::domain::screening::evidence;
use crate::domain::screening::rule_lint::LintFault;
use crate::domain::screening::rule_table::{RuleFiles, RuleTable};

/// One version: its compiled table, its files, and their digest.
#[derive(Debug)]
pub struct Release {
    pub table: RuleTable,
    /// The texts of the files, by file name.
    pub files: RuleFiles,
    /// SHA-256 of the files, in hexadecimal; see [`digest()`].
    pub digest: String,
}

/// Every release in this binary, oldest first.
#[derive(Clone, Debug)]
pub struct Releases(Vec<Arc<Release>>);

/// Why the released tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("rule table {version} has faults:{}", list(faults))]
    Faulty { version: String, faults: Vec<LintFault> },
    /// The files of a table differ from those that were released.
    #[error("rule table {version} differs from the released version: its digest is {found}, LOCK has {locked}")]
    Unlocked {
        version: String,
        /// The digest of the files in this binary.
        found: String,
        /// The digest in `LOCK`, or `nothing` if there is none.
        locked: String,
    },
}

impl Releases {
    /// Compiles every release and compares its digest with `LOCK`.
    ///
    /// # Errors
    /// Fails at the first release that has faults or differs from its line in `LOCK`.
    pub fn load() -> Result<Self, ReleaseError> {
        let load = |(place, (version, files)): (usize, &Text)| {
            let current = place + 1 == RELEASED.len();
            let compile = if current { RuleTable::compile } else { RuleTable::read };
            let release = Release::build(version, files_of(files), compile)?;
            let locked = locked_digest(version).unwrap_or("nothing");
            if release.digest == locked {
                return Ok(Arc::new(release));
            }
            let (found, locked) = (release.digest, locked.to_owned());
            Err(ReleaseError::Unlocked { version: (*version).to_owned(), found, locked })
        };
        RELEASED.iter().enumerate().map(load).collect::<Result<_, _>>().map(Self)
    }

    /// The version that scores new submissions.
    #[must_use]
    pub fn current(&self) -> &Arc<Release> {
        &self.0[self.0.len() - 1]
    }

    #[must_use]
    pub fn find(&self, version: &str) -> Option<&Arc<Release>> {
        self.0.iter().find(|release| &*release.table.version == version)
    }

    /// Every version, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Release>> {
        self.0.iter()
    }
}

impl Release {
    /// Parses the files of an earlier version and computes their digest.
    ///
    /// # Errors
    /// Fails if the files cannot be parsed.
    pub fn read(version: &str, files: RuleFiles) -> Result<Self, ReleaseError> {
        Self::build(version, files, RuleTable::read)
    }

    fn build(
        version: &str,
        files: RuleFiles,
        compile: fn(&RuleFiles) -> Result<RuleTable, Vec<LintFault>>,
    ) -> Result<Self, ReleaseError> {
        let faulty = |faults| ReleaseError::Faulty { version: version.to_owned(), faults };
        let mut table = compile(&files).map_err(faulty)?;
        if &*table.version != version {
            return Err(faulty(vec![LintFault::new("version", format!("is {}", table.version))]));
        }
        let measured = evidence::read(EVIDENCE)
            .map_err(|error| faulty(vec![LintFault::new("evidence.toml", error.to_string().trim())]))?;
        table.evidence = measured.into_iter().filter(|one| one.rule_table == table.version).collect();
        let digest = digest(&files);
        Ok(Self { table, files, digest })
    }
}

/// SHA-256 of the files of a version: each name and text in the order of names, each preceded by its length.
#[must_use]
pub fn digest(files: &RuleFiles) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    data_encoding::HEXLOWER.encode(context.finish().as_ref())
}

/// The files of a released version in this binary, for `rules check` and `rules diff`.
#[must_use]
pub fn released_files(version: &str) -> Option<RuleFiles> {
    RELEASED.iter().find(|release| release.0 == version).map(|release| files_of(release.1))
}

/// A version with its files: names and texts.
type Text = (&'static str, &'static [(&'static str, &'static str)]);

const RELEASED: &[Text] = &[
    (
        "2026.1",
        &[
            ("table.toml", include_str!("2026.1/table.toml")),
            ("texts.en.toml", include_str!("2026.1/texts.en.toml")),
            ("texts.es.toml", include_str!("2026.1/texts.es.toml")),
        ],
    ),
    (
        "2026.2",
        &[
            ("advice.toml", include_str!("2026.2/advice.toml")),
            ("instruments.toml", include_str!("2026.2/instruments.toml")),
            ("pathways.toml", include_str!("2026.2/pathways.toml")),
            ("table.toml", include_str!("2026.2/table.toml")),
            ("texts.en.toml", include_str!("2026.2/texts.en.toml")),
            ("texts.es.toml", include_str!("2026.2/texts.es.toml")),
        ],
    ),
    (
        "2026.3",
        &[
            ("advice.toml", include_str!("2026.3/advice.toml")),
            ("instruments.toml", include_str!("2026.3/instruments.toml")),
            ("pathways.toml", include_str!("2026.3/pathways.toml")),
            ("table.toml", include_str!("2026.3/table.toml")),
            ("texts.en.toml", include_str!("2026.3/texts.en.toml")),
            ("texts.es.toml", include_str!("2026.3/texts.es.toml")),
        ],
    ),
];

/// `<version> <sha-256>` on each line. A line is added at release and never changed.
const LOCK: &str = include_str!("LOCK");

/// What was measured of the totals. It is no part of a table, because it is measured after the release.
const EVIDENCE: &str = include_str!("evidence.toml");

fn files_of(files: &[(&str, &str)]) -> RuleFiles {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn locked_digest(version: &str) -> Option<&'static str> {
    LOCK.lines().filter_map(|line| line.split_once(' ')).find(|line| line.0 == version).map(|line| line.1.trim())
}

fn list(faults: &[LintFault]) -> String {
    faults.iter().fold(String::new(), |mut text, fault| {
        let _ = write!(text, "\n  {fault}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_that_of_released_tables() {
        for entry in evidence::read(EVIDENCE).unwrap() {
            assert!(RELEASED.iter().any(|release| *release.0 == *entry.rule_table), "{}", entry.rule_table);
        }
    }
}
