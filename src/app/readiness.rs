//! Readiness: whether the service may take submissions.

use std::time::Duration;

use moka::future::Cache;

/// How long a readiness result is cached for all callers.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent condition")]
pub struct Readiness {
    /// Whether the database responds.
    pub database: bool,
    pub migrations: bool,
    pub row_security: bool,
    /// Whether the service signs in to the database as a role that can neither bypass row security nor change the schema.
    pub unprivileged: bool,
    /// Whether the master key and the rule tables were found to belong to this database.
    pub prepared: bool,
    /// Whether acknowledged data is on disk, or the operator accepted that it may not be.
    pub durable_settings: bool,
    /// Whether the disk of the database has free space.
    pub disk: bool,
    /// What is wrong with the tables of the database and what to do, for the operator.
    pub schema_fault: Option<String>,
    /// A warning for the operator that the database is of a newer program. It does not affect readiness.
    pub schema_warning: Option<String>,
}

impl Readiness {
    pub const fn ready(&self) -> bool {
        self.database
            && self.migrations
            && self.row_security
            && self.unprivileged
            && self.prepared
            && self.durable_settings
            && self.disk
    }
}

pub(crate) fn cache() -> Cache<(), Readiness> {
    Cache::builder().time_to_live(FRESH).build()
}
