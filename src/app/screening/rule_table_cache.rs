//! The cache of the rule tables that only the database has.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::rules::Release;

#[derive(Clone)]
pub(crate) struct RuleTableCache {
    /// Compiled versions.
    pub(super) releases: Cache<String, Arc<Release>>,
    /// The versions in the database, as of the last query.
    pub(super) versions: Cache<(), Arc<Vec<String>>>,
}

impl RuleTableCache {
    pub(crate) fn new() -> Self {
        let versions = Cache::builder().time_to_live(Duration::from_secs(1)).build();
        Self { releases: Cache::new(16), versions }
    }
}
