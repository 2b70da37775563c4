//! The database: connections, sessions, keys, pages, rows, health and the writers.

pub(super) mod address;
pub(super) mod connection;
pub mod constraint;
pub mod health;
pub mod keys;
pub(super) mod login;
pub mod master_key_checks;
pub mod migrations;
pub mod page;
pub(super) mod pool;
pub(super) mod removal_lock;
pub(super) mod replica;
pub mod rights;
pub(super) mod role;
pub mod rotation;
pub(super) mod row;
pub mod schema;
pub(super) mod session;
pub mod shares;
pub mod writer;

use std::sync::Arc;
use std::time::Duration;

pub use sqlx::postgres::PgConnectOptions as ConnectOptions;

pub(in crate::store) use connection::Connection;
pub(in crate::store) use keys::Keys;
pub(in crate::store) use row::{array_text, at, bound, known, push_any, push_times};

use pool::Pool;
use shares::Shares;

/// The database, and the keys that decrypt its sealed values. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(in crate::store) pool: Pool,
    /// How long a request may wait for the database, for a connection and all its statements together.
    pub(in crate::store) deadline: Duration,
    /// Settings that the operator allows to be off, although acknowledged rows could then be lost.
    pub(in crate::store) accepted_unsafe_settings: Arc<[String]>,
    /// The limit on the pool for the requests of each clinic.
    pub(in crate::store) shares: Arc<Shares>,
    pub(in crate::store) keys: Arc<Keys>,
}

#[derive(Clone, Debug)]
pub struct Sizes {
    pub connections: u32,
    /// How long a request may wait for the database, for a connection and all its statements together.
    pub deadline: Duration,
    /// Database settings that the operator allows to be off, although acknowledged rows could then be lost.
    pub accepted_unsafe_settings: Vec<String>,
}

pub(super) static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

impl Store {
    /// Opens a pool without connecting, so that a service can start, and report that it is not ready, while its database is
    /// unavailable. Must be called in a runtime that lives as long as the service.
    pub fn open(options: ConnectOptions, sizes: Sizes, keys: Keys) -> Self {
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
    pub fn credential_hash(&self, key: &str) -> [u8; 32] {
        self.keys.credential_hash(key)
    }

    /// The signature of an access token of this service.
    pub fn access_token_signature(&self, content: &[u8]) -> [u8; 32] {
        self.keys.access_token_signature(content)
    }

    /// Whether this service signed an access token, under any of its master keys.
    pub fn signed_access_token(&self, content: &[u8], signature: &[u8]) -> bool {
        self.keys.signed_access_token(content, signature)
    }

    pub fn close(&self) {
        self.pool.close();
    }
}

/// Each clinic may use at most half of the connections, so the other half stays available to the others.
fn share_of(connections: u32) -> Arc<Shares> {
    let each = connections.div_ceil(2).try_into().unwrap_or(usize::MAX);
    Arc::new(Shares::new(each))
}
