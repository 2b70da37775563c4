//! Ring 3: use cases, one function an intention. Each loads, lets the domain decide, and keeps what was decided.

pub mod ambient;
pub mod audit;
pub mod audit_pruning;
pub mod audit_verification;
pub mod clinics;
pub mod credentials;
pub mod deliveries;
pub mod demo;
pub mod erasure;
pub mod error;
pub mod exports;
pub mod failed_sign_ins;
pub mod folding;
pub mod follow_up_commands;
pub mod follow_ups;
pub mod health;
pub mod idempotency;
pub mod intake;
pub mod limits;
pub mod records;
pub mod replay;
pub mod retention;
pub mod rotation;
pub mod rule_tables;
pub mod scan;
pub mod sealing;
pub mod sign_in;
pub mod statistics;
pub mod subject_changes;
pub mod subject_merges;
pub mod subjects;
pub mod submissions;
mod token_people;
pub mod tokens;
pub mod under_way;
pub mod verify;
pub mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use crate::outbound::addresses::Addresses;
pub use crate::outbound::receivers::{LIMIT, Names, Receivers, SystemNames};
pub use error::AppError;

use crate::rules::Releases;
use crate::store::{ConnectOptions, Store};
use ambient::Ambient;
use limits::Rates;
use tokens::TokenPolicy;

/// Everything a use case needs. Cheap to clone; one for each process.
#[derive(Clone)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) releases: Arc<Releases>,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) remembered: sign_in::Remembered,
    pub(crate) limits: Arc<limits::Limits>,
    pub(crate) tokens: Option<Arc<tokens::Tokens>>,
    pub(crate) cds_clients: Option<Arc<tokens::clients::CdsClients>>,
    pub(crate) read_tables: rule_tables::Cache,
    pub(crate) known_tables: rule_tables::Known,
    pub(crate) readiness: health::Cache,
    pub(crate) policy: Policy,
    pub(crate) prepared: Arc<AtomicBool>,
    pub(crate) folding: Arc<folding::Folding>,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) deliveries: Arc<tokio::sync::Notify>,
    pub(crate) under_way: Arc<under_way::UnderWay>,
    pub(crate) stopping: Arc<AtomicBool>,
}

/// What an operator may decide about the use cases.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long a retry key stands for its request.
    pub idempotency_lifetime: Duration,
    /// Unsafe database settings that the operator accepts by name.
    pub accepted_unsafe_settings: Vec<String>,
    /// The file outside the database that says who was erased; without it nobody is.
    pub erasure_log: Option<std::path::PathBuf>,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Store, releases: Releases, ambient: Arc<dyn Ambient>, policy: Policy) -> Self {
        Self {
            store,
            releases: Arc::new(releases),
            remembered: sign_in::Remembered::new(),
            limits: Arc::new(limits::Limits::new(&Rates::default(), Arc::clone(&ambient))),
            tokens: None,
            cds_clients: None,
            ambient,
            read_tables: rule_tables::cache(),
            known_tables: rule_tables::known(),
            readiness: health::cache(),
            policy,
            prepared: Arc::default(),
            folding: Arc::default(),
            receivers: Arc::new(Receivers::new(Addresses::default(), Arc::new(SystemNames), LIMIT)),
            deliveries: Arc::default(),
            under_way: Arc::default(),
            stopping: Arc::default(),
        }
    }

    /// Whether the database was found to be the one of this key, with its schema.
    #[must_use]
    pub fn prepared(&self) -> bool {
        self.prepared.load(Ordering::Acquire)
    }

    /// The service is about to stop: it is not ready from now on, and every answer ends its connection.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the service is about to stop.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The same application with limits on how much anybody may ask.
    #[must_use]
    pub fn with_rates(self, rates: Rates) -> Self {
        let limits = Arc::new(limits::Limits::new(&rates, Arc::clone(&self.ambient)));
        Self { limits, ..self }
    }

    /// The same application, which reads what may be as old as the bound from a streaming replica of its database.
    #[must_use]
    pub fn with_replica(self, options: ConnectOptions, connections: u32, bound: Duration) -> Self {
        Self { store: self.store.with_replica(options, connections, bound), ..self }
    }

    /// The same application, which sends webhooks to these receivers.
    #[must_use]
    pub fn with_receivers(self, receivers: Receivers) -> Self {
        Self { receivers: Arc::new(receivers), ..self }
    }

    /// Waits until something is to be delivered that was not before.
    pub async fn delivery_waits(&self) {
        self.deliveries.notified().await;
    }

    /// The same application, which also takes the tokens of an issuer.
    ///
    /// # Errors
    /// When this system cannot fetch the issuer's keys, having no certificate authorities.
    pub fn with_tokens(self, policy: TokenPolicy) -> Result<Self, AppError> {
        let tokens = tokens::Tokens::new(policy, Arc::clone(&self.ambient));
        let tokens = tokens.map_err(|error| AppError::Internal(error.to_string()))?;
        Ok(Self { tokens: Some(Arc::new(tokens)), ..self })
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
