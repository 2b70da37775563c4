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

use std::time::Duration;

pub use sqlx::postgres::PgConnectOptions as ConnectOptions;
use sqlx::postgres::PgConnectOptions;

pub use database::address::{NEVER_LOGGED, QUIETLY_LOGGED, connect_options, unverified_host};
pub use database::login::LOGIN;
pub use database::replica::ReplicaFigures;
pub use error::StoreError;

use access::key_look_ups::LookUp;
use audit::writer::Look;
use database::keys::Keys;
use database::pool::Pool;
use database::replica::Replica;
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
    accepted_unsafe_settings: std::sync::Arc<[String]>,
    /// The limit on the pool for the requests of each clinic.
    shares: std::sync::Arc<Shares>,
    keys: std::sync::Arc<Keys>,
    trail: Writer<Look>,
    intake: Writer<Intake>,
    look_ups: Writer<LookUp>,
    replica: Option<std::sync::Arc<Replica>>,
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
    /// How submissions are grouped.
    pub intake: Grouping,
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

impl Store {
    /// Opens a pool without connecting, so that a service can start, and report that it is not ready, while its database is
    /// unavailable. The writers run in the Tokio runtime of the caller.
    #[must_use]
    pub fn open(options: PgConnectOptions, sizes: Sizes, keys: Keys) -> Self {
        let accepts_loss = sizes.accepted_unsafe_settings.iter().any(|name| name == "synchronous_commit");
        let pool = Pool::new(options, sizes.connections, sizes.deadline, accepts_loss);
        let looks_grouped = Grouping::default();
        // Waiting takes at most a third of the deadline, and the transaction at most the deadline.
        let patience = sizes.deadline / 3;
        let trail = Writer::new(looks_grouped.waiting, patience);
        let intake = Writer::new(sizes.intake.waiting, patience);
        let look_ups = Writer::new(access::key_look_ups::GROUPED.waiting, patience);
        let shares = share_of(sizes.connections);
        let store = Self {
            pool,
            deadline: sizes.deadline,
            accepted_unsafe_settings: sizes.accepted_unsafe_settings.into(),
            shares,
            keys: std::sync::Arc::new(keys),
            trail,
            intake,
            look_ups,
            replica: None,
        };
        store.trail.run(&store, looks_grouped);
        store.look_ups.run(&store, access::key_look_ups::GROUPED);
        store.intake.run(&store, sizes.intake);
        store
    }

    /// The store for the writers themselves, without their queues: a writer runs as long as its queue is referenced.
    fn without_writers(&self) -> Self {
        let none = Duration::ZERO;
        Self {
            trail: Writer::new(1, none),
            intake: Writer::new(1, none),
            look_ups: Writer::new(1, none),
            ..self.clone()
        }
    }

    /// Whether submissions of a clinic are refused for now, because one of them just waited too long.
    #[must_use]
    pub fn refuses_submissions(&self, clinic_id: crate::domain::ids::ClinicId) -> bool {
        self.intake.refuses(clinic_id)
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

    /// Waits until all queued work is written, and closes every connection.
    pub async fn close(&self) {
        self.intake.drained().await;
        self.trail.drained().await;
        self.pool.close();
        if let Some(replica) = &self.replica {
            replica.close();
        }
    }
}

/// Each clinic may use at most half of the connections, so the other half stays available to the others.
fn share_of(connections: u32) -> std::sync::Arc<Shares> {
    let each = connections.div_ceil(2).try_into().unwrap_or(usize::MAX);
    std::sync::Arc::new(Shares::new(each))
}
