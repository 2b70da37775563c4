//! Ring 3: use cases, one function an intention. Each loads, lets the domain decide, and keeps what was decided.

pub mod ambient;
pub mod audit;
pub mod clinics;
pub mod credentials;
pub mod demo;
pub mod error;
pub mod follow_ups;
pub mod health;
pub mod intake;
pub mod replay;
pub mod rule_tables;
mod scan;
pub mod sign_in;
pub mod subjects;
pub mod submissions;
pub mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use error::AppError;

use crate::rules::Releases;
use crate::store::Store;
use ambient::Ambient;

/// Everything a use case needs. Cheap to clone; one for each process.
#[derive(Clone)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) releases: Arc<Releases>,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) sign_ins: sign_in::Cache,
    pub(crate) read_tables: rule_tables::Cache,
    pub(crate) policy: Policy,
    pub(crate) prepared: Arc<AtomicBool>,
}

/// What an operator may decide about the use cases.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long a retry key stands for its request.
    pub idempotency_lifetime: Duration,
    /// Unsafe database settings that the operator accepts by name.
    pub accepted_unsafe_settings: Vec<String>,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Store, releases: Releases, ambient: Arc<dyn Ambient>, policy: Policy) -> Self {
        Self {
            store,
            releases: Arc::new(releases),
            ambient,
            sign_ins: sign_in::cache(),
            read_tables: rule_tables::cache(),
            policy,
            prepared: Arc::default(),
        }
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// When the database is away, or a migration fails.
    pub async fn migrate(&self) -> Result<(), AppError> {
        self.store.migrate().await?;
        Ok(())
    }

    /// Makes sure of a database that has its schema: that the master key is the one it was written with, and that it
    /// keeps the text of every rule table of this binary. Until then the service is not ready.
    ///
    /// # Errors
    /// When it was written with another key, holds another text of a version, or is away.
    pub async fn prepare(&self) -> Result<(), AppError> {
        crate::store::master_key_checks::record(&self.store, self.ambient.now()).await?;
        rule_tables::record(self).await?;
        self.prepared.store(true, Ordering::Release);
        Ok(())
    }
}
