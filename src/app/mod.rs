//! Ring 3: use cases, one function per intention. Each loads data, lets the domain decide, and stores the decision.
//!
//! A use case fails when the database is unavailable, when the clinic has no such resource, when a resource has changed
//! since the caller read it, when an idempotency key was used for another request, or when a cursor is not from the
//! list. It fails with all faults of its input at once. The comment of a function states its other errors.

pub mod access;
pub mod ambient;
pub mod audit;
pub mod clinics;
pub mod demo;
pub mod error;
pub mod evaluation;
pub mod follow_ups;
pub mod health;
pub mod once;
pub mod progress;
pub mod readiness;
pub mod rotation;
pub mod screening;
pub mod subjects;
pub mod submissions;
pub mod under_way;
pub mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moka::future::Cache;

pub use crate::outbound::addresses::Addresses;
pub use crate::outbound::receivers::{LIMIT, Names, Receivers, SystemNames};
pub use error::{AppError, Result};

use crate::rules::Releases;
use crate::store::database::{ConnectOptions, Store};
use crate::store::{self, Reports, writers::Writers};
use access::limits::Rates;
use access::sign_in::remembered::Remembered;
use access::tokens::TokenPolicy;
use access::tokens::backend::BackendClients;
use access::tokens::clients::{CdsClient, CdsClients};
use ambient::Ambient;
use audit::refusal_counts::RefusalCounts;
use readiness::Readiness;
use screening::rule_table_cache::RuleTableCache;
use under_way::UnderWay;

/// Everything that use cases need. Cheap to clone; one per process.
#[derive(Clone)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) writers: Writers,
    pub(crate) reports: Reports,
    pub(crate) releases: Arc<Releases>,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) remembered: Remembered,
    pub(crate) limits: Arc<access::limits::Limits>,
    pub(crate) tokens: Option<Arc<access::tokens::Tokens>>,
    pub(crate) cds_clients: Option<Arc<CdsClients>>,
    pub(crate) backend_clients: Option<Arc<BackendClients>>,
    pub(crate) rule_tables: RuleTableCache,
    pub(crate) readiness: Cache<(), Readiness>,
    pub(crate) policy: Policy,
    pub(crate) prepared: Arc<AtomicBool>,
    pub(crate) folding: Arc<RefusalCounts>,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) deliveries: Arc<tokio::sync::Notify>,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) stopping: Arc<AtomicBool>,
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub idempotency_lifetime: Duration,
    /// Unsafe database settings that the operator accepts by name.
    pub accepted_unsafe_settings: Vec<String>,
    /// The file outside the database that lists erased subjects; without it erasure is refused.
    pub erasure_log: Option<std::path::PathBuf>,
}

impl App {
    pub fn new(store: Store, writers: Writers, releases: Releases, ambient: Arc<dyn Ambient>, policy: Policy) -> Self {
        Self {
            reports: Reports::new(store.clone()),
            store,
            writers,
            releases: Arc::new(releases),
            remembered: Remembered::new(),
            limits: Arc::new(access::limits::Limits::new(&Rates::default(), Arc::clone(&ambient))),
            tokens: None,
            cds_clients: None,
            backend_clients: None,
            ambient,
            rule_tables: RuleTableCache::new(),
            readiness: readiness::cache(),
            policy,
            prepared: Arc::default(),
            folding: Arc::default(),
            receivers: Arc::new(Receivers::new(Addresses::default(), Arc::new(SystemNames), LIMIT)),
            deliveries: Arc::default(),
            under_way: Arc::default(),
            stopping: Arc::default(),
        }
    }

    /// Whether the database was found to have its schema and to belong to this master key.
    pub fn prepared(&self) -> bool {
        self.prepared.load(Ordering::Acquire)
    }

    /// Marks the service as stopping: it is no longer ready, and every response closes its connection.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    #[must_use]
    pub fn with_rates(self, rates: Rates) -> Self {
        let limits = Arc::new(access::limits::Limits::new(&rates, Arc::clone(&self.ambient)));
        Self { limits, ..self }
    }

    /// Reads exports and statistics from a streaming replica whose lag is at most the bound.
    #[must_use]
    pub fn with_replica(self, options: ConnectOptions, connections: u32, bound: Duration) -> Self {
        Self { reports: self.reports.with_replica(options, connections, bound), ..self }
    }

    #[must_use]
    pub fn with_receivers(self, receivers: Receivers) -> Self {
        Self { receivers: Arc::new(receivers), ..self }
    }

    /// Waits until there is a new delivery.
    pub async fn delivery_waits(&self) {
        self.deliveries.notified().await;
    }

    /// Accepts the tokens of an issuer. Fails when the system has no certificate authorities, so the issuer's keys
    /// cannot be fetched.
    pub fn with_tokens(self, policy: TokenPolicy) -> Result<Self> {
        let tokens = access::tokens::Tokens::new(policy, Arc::clone(&self.ambient));
        let tokens = tokens.map_err(|error| AppError::Internal(error.into()))?;
        Ok(Self { tokens: Some(Arc::new(tokens)), ..self })
    }

    /// Accepts the tokens of these systems, for calls to services under a base URL. Fails when the system has no
    /// certificate authorities, so keys cannot be fetched.
    pub fn with_cds_clients(self, base: &str, clients: Vec<CdsClient>) -> Result<Self> {
        let clients = CdsClients::new(base, clients, &self.ambient);
        let clients = clients.map_err(|error| AppError::Internal(error.into()))?;
        Ok(Self { cds_clients: Some(Arc::new(clients)), ..self })
    }

    /// Issues access tokens to systems, at the token endpoint under a base URL.
    #[must_use]
    pub fn with_backend_clients(self, base: &str) -> Self {
        let clients = BackendClients::new(base, Arc::clone(&self.ambient));
        Self { backend_clients: Some(Arc::new(clients)), ..self }
    }

    /// The address of the token endpoint; `None` without a public URL.
    pub fn token_endpoint(&self) -> Option<&str> {
        self.backend_clients.as_ref().map(|clients| clients.endpoint())
    }

    /// Checks that a database with a schema belongs to the master key, and stores the text of every rule table of this
    /// binary in it. Until this succeeds the service is not ready. Fails when the database belongs to another key or
    /// has another text of a version.
    pub async fn prepare(&self) -> Result<()> {
        store::database::master_key_checks::record(&self.store, self.ambient.now()).await?;
        for release in self.releases.iter() {
            let (version, now) = (&release.table.version, self.ambient.now());
            store::screening::rule_tables::record(&self.store, version, &release.digest, &release.files, now).await?;
        }
        self.prepared.store(true, Ordering::Release);
        Ok(())
    }
}
