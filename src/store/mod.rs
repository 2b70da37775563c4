//! Ring 2: the only module that uses sqlx. Its functions take and return domain values.

pub mod access;
pub mod audit;
pub mod clinics;
pub mod database;
pub mod error;
pub mod follow_ups;
pub mod private_postgres;
pub mod screening;
pub mod subjects;
pub mod submissions;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

pub use sqlx::postgres::PgConnectOptions as ConnectOptions;
use sqlx::postgres::PgConnectOptions;

pub use database::address::{NEVER_LOGGED, QUIETLY_LOGGED, connect_options, unverified_host};
pub use database::login::LOGIN;
pub use database::replica::{ReplicaFigures, Reports};
pub use error::StoreError;

use crate::domain::ids::ClinicId;
use access::key_look_ups::{self, LookUp};
use audit::writer::Look;
use database::keys::Keys;
use database::pool::Pool;
use database::shares::Shares;
use database::writer::{Grouping, Writer};
use submissions::intake::Intake;

/// The database, and the keys that decrypt its sealed values. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    /// How long a request may wait for the database, for a connection and all its statements together.
    deadline: Duration,
    /// Settings that the operator accepts to be off although acknowledged rows could then be lost.
    accepted_unsafe_settings: Arc<[String]>,
    /// The limit on the pool for the requests of each clinic.
    shares: Arc<Shares>,
    keys: Arc<Keys>,
}

/// Queues of work that is done in groups: many requests share a transaction or a query. Cheap to clone.
#[derive(Clone)]
pub struct Writers {
    trail: Writer<Look>,
    intake: Writer<Intake>,
    look_ups: Writer<LookUp>,
}

/// Sizes and limits of the store.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// Maximum number of connections.
    pub connections: u32,
    /// How long a request may wait for the database, for a connection and all its statements together.
    pub deadline: Duration,
    /// Database settings that the operator accepts to be off although acknowledged rows could then be lost.
    pub accepted_unsafe_settings: Vec<String>,
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

impl Store {
    /// Opens a pool without connecting, so that a service can start, and report that it is not ready, while its database is
    /// unavailable. Must be called in a runtime that lives as long as the service.
    #[must_use]
    pub fn open(options: PgConnectOptions, sizes: Sizes, keys: Keys) -> Self {
        let accepts_loss = sizes.accepted_unsafe_settings.iter().any(|name| name == "synchronous_commit");
        let pool = Pool::new(options, sizes.connections, sizes.deadline, accepts_loss);
        Self {
            pool,
            deadline: sizes.deadline,
            accepted_unsafe_settings: sizes.accepted_unsafe_settings.into(),
            shares: share_of(sizes.connections),
            keys: Arc::new(keys),
        }
    }

    /// The keyed hash of an API key, as stored. Also the cache key of a looked-up API key.
    #[must_use]
    pub fn credential_hash(&self, key: &str) -> [u8; 32] {
        self.keys.credential_hash(key)
    }

    /// The stored form of a person of a token issuer.
    #[must_use]
    pub fn issuer_subject(&self, issuer: &str, subject: &str) -> access::token_people::IssuerSubject {
        access::token_people::IssuerSubject::of(&self.keys, issuer, subject)
    }

    /// Closes every connection.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl Writers {
    /// Starts the writers, with this grouping of submissions. Must be called in a runtime that lives as long as the service.
    #[must_use]
    pub fn start(store: &Store, intake: Grouping) -> Self {
        // Waiting takes at most a third of the deadline, and the transaction at most the deadline.
        let patience = store.deadline / 3;
        Self {
            trail: Writer::start(store, Grouping::default(), patience),
            intake: Writer::start(store, intake, patience),
            look_ups: Writer::start(store, key_look_ups::GROUPED, patience),
        }
    }

    /// Whether submissions of a clinic are refused for now, because one of them just waited too long.
    #[must_use]
    pub fn refuses_submissions(&self, clinic_id: ClinicId) -> bool {
        self.intake.refuses(clinic_id)
    }

    /// Waits until all queued submissions and audit entries are written.
    pub async fn drained(&self) {
        self.intake.drained().await;
        self.trail.drained().await;
    }
}

/// Each clinic may use at most half of the connections, so the other half stays available to the others.
fn share_of(connections: u32) -> Arc<Shares> {
    let each = connections.div_ceil(2).try_into().unwrap_or(usize::MAX);
    Arc::new(Shares::new(each))
}
