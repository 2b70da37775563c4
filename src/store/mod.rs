//! Ring 2: the only place that names sqlx. Functions take domain values and hand domain values back.

mod address;
mod audit;
pub mod audit_entries;
mod audit_macs;
pub mod audit_pruning;
pub mod audit_seals;
pub mod audit_trail;
pub mod audit_writer;
mod clinic_row;
pub mod clinics;
pub mod constraint;
pub mod credential_changes;
pub mod credentials;
pub mod embedded;
pub mod erasure;
pub mod erasure_log;
pub mod error;
pub mod exports;
pub mod follow_up_commands;
pub mod follow_up_events;
pub mod follow_ups;
pub mod health;
pub mod history;
pub mod idempotency_keys;
mod intake;
pub mod key_look_ups;
pub mod keys;
mod login;
pub mod master_key_checks;
mod merged_cases;
pub mod migrations;
pub mod page;
pub mod records;
mod replica;
pub mod retention;
pub mod rights;
pub mod rotation;
mod row;
pub mod rule_tables;
pub mod scan;
pub mod schema;
mod session;
pub mod shares;
pub mod statistics;
pub mod subject_changes;
pub mod subject_export;
pub mod subject_merges;
mod subject_row;
pub mod subjects;
pub mod submissions;
pub mod token_people;
pub mod used_tokens;
pub mod webhook_endpoints;
pub mod webhook_leases;
pub mod webhook_log;
pub mod webhook_outbox;
pub mod worklist;
pub mod writer;

use std::time::Duration;

pub use sqlx::postgres::PgConnectOptions as ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgPool};

pub use address::{NEVER_LOGGED, QUIETLY_LOGGED, connect_options, unverified_host};
pub use error::StoreError;
pub use login::LOGIN;
pub use replica::ReplicaFigures;

use audit_writer::Look;
use intake::Intake;
use key_look_ups::LookUp;
use keys::Keys;
use replica::Replica;
use shares::Shares;
use writer::{Grouping, Writer};

/// The database and the keys that open what is sealed in it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    /// What each clinic's requests may take of the pool.
    shares: std::sync::Arc<Shares>,
    keys: std::sync::Arc<Keys>,
    trail: Writer<Look>,
    intake: Writer<Intake>,
    look_ups: Writer<LookUp>,
    replica: Option<std::sync::Arc<Replica>>,
}

/// How much the store does at once.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Connections at most.
    pub connections: u32,
    /// How long a request may wait for one.
    pub acquire_timeout: Duration,
    /// How submissions are grouped.
    pub intake: Grouping,
}

/// The migrations in this binary.
static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

impl Store {
    /// Opens a pool without connecting yet, so that a service can start, and say that it is not ready, while its
    /// database is away. The writers run in the runtime that this is called in.
    #[must_use]
    pub fn open(options: PgConnectOptions, sizes: Sizes, keys: Keys) -> Self {
        let pool = open_pool(options, sizes.connections, sizes.acquire_timeout);
        let looks_grouped = Grouping::default();
        let (trail, intake) = (Writer::new(looks_grouped.waiting), Writer::new(sizes.intake.waiting));
        let look_ups = Writer::new(key_look_ups::GROUPED.waiting);
        let shares = share_of(sizes.connections);
        let store = Self { pool, shares, keys: std::sync::Arc::new(keys), trail, intake, look_ups, replica: None };
        store.trail.run(&store, looks_grouped);
        store.look_ups.run(&store, key_look_ups::GROUPED);
        store.intake.run(&store, sizes.intake);
        store
    }

    /// The same database for the writers themselves: whoever holds a queue keeps them running.
    fn without_writers(&self) -> Self {
        Self { trail: Writer::new(1), intake: Writer::new(1), look_ups: Writer::new(1), ..self.clone() }
    }

    /// The hash of an API key, as stored; also the name under which a looked-up key is remembered.
    #[must_use]
    pub fn credential_hash(&self, key: &str) -> [u8; 32] {
        self.keys.credential_hash(key)
    }

    /// A person of an issuer of tokens, as stored.
    #[must_use]
    pub fn issuer_subject(&self, issuer: &str, subject: &str) -> token_people::IssuerSubject {
        token_people::IssuerSubject::of(&self.keys, issuer, subject)
    }

    /// Waits for open work, also for what waits to be written, and closes every connection.
    pub async fn close(&self) {
        self.intake.drained().await;
        self.trail.drained().await;
        self.pool.close().await;
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
    }
}

/// After so long without use a connection is asked whether it is alive.
const RESTED: Duration = Duration::from_secs(1);
/// Prepared statements that a connection keeps: more than there are, and the filters of lists make several of one.
const STATEMENTS: usize = 512;

/// Half of the connections for each clinic: whatever one clinic does, the other half is there for the others.
fn share_of(connections: u32) -> std::sync::Arc<Shares> {
    let each = connections.div_ceil(2).try_into().unwrap_or(usize::MAX);
    std::sync::Arc::new(Shares::new(each))
}

/// How every session begins.
fn session_options(options: PgConnectOptions) -> PgConnectOptions {
    // A session must not wait for ever on a lock, and no statement's parameters belong in the server's log.
    options.statement_cache_capacity(STATEMENTS).application_name("sarcoscreen").options([
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("timezone", "UTC"),
    ])
}

/// A pool that connects when it is first used.
fn open_pool(options: PgConnectOptions, connections: u32, acquire_timeout: Duration) -> PgPool {
    let options = session_options(options);
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(acquire_timeout);
    // One that was in use a moment ago is alive; asking each time would be a round trip for each request.
    let pool = pool.test_before_acquire(false).before_acquire(|connection, meta| {
        Box::pin(async move {
            if meta.idle_for > RESTED {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    pool.connect_lazy_with(options)
}
