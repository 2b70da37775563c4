//! The connections to one server: reused between requests, made on demand, closed when they break.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use metrics::counter;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{Connection, DiskFull, Patience, State};
use crate::domain::causes::with_causes;
use crate::store::error::{Result, StoreError};

const LIFETIME: Duration = Duration::from_mins(30);
/// How long a failure to connect also fails other requests that need a new connection.
const AWAY: Duration = Duration::from_millis(500);
/// Prepared statements cached per connection. More than there are in the source, because list filters make several of one.
const STATEMENTS: usize = 512;

/// A session setting that puts every committed transaction on disk, regardless of the server's configuration. Values that
/// also wait for replicas are kept.
const DURABLE: &str = "set_config('synchronous_commit',
    case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)";

/// Whether the server is the coordinator of a Citus cluster, which has the table of its nodes.
const CITUS: &str = "to_regclass('pg_catalog.pg_dist_node') is not null";
/// Makes Citus send the settings of a transaction to the workers: the clinic for row security, and the time limits.
const PROPAGATED: &str = "set citus.propagate_set_commands = 'local'";

#[derive(Clone, Debug)]
pub(in crate::store) struct Server {
    options: PgConnectOptions,
    connect_within: Duration,
    /// The runtime of the sockets. A connection made by an HTTP worker must not end with that worker.
    runtime: Handle,
    /// Whether the operator accepts that `synchronous_commit = off` may lose acknowledged rows.
    accepts_loss: bool,
    disk_full: DiskFull,
    /// Whether the server is the coordinator of a Citus cluster. Known once a connection was made.
    citus: Arc<AtomicBool>,
    /// Counts how often an idle connection was found dead. Connections made before the last count are not reused.
    generation: Arc<AtomicU64>,
}

/// A pooled connection. Dropping it returns it to the pool.
pub(in crate::store) type Pooled = Object<Server>;

/// The connection pool. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::store) struct Pool {
    connections: deadpool::managed::Pool<Server>,
    /// Since when connecting fails, and why.
    away: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Server {
    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        let mut server = self.options.connect().await?;
        let durable = if self.accepts_loss { "null" } else { DURABLE };
        let found = server.fetch_one(AssertSqlSafe(format!("select {CITUS}, {durable}"))).await?;
        let citus = found.try_get(0)?;
        self.citus.store(citus, Ordering::Relaxed);
        let generation = self.generation.load(Ordering::Relaxed);
        let patience = Patience::Each(self.connect_within);
        let mut connection = Connection::new(server, patience, Arc::clone(&self.disk_full), generation);
        connection.citus = citus;
        if citus {
            connection.execute(PROPAGATED).await?;
        }
        Ok(connection)
    }
}

impl Manager for Server {
    type Type = Connection;
    type Error = StoreError;

    async fn create(&self) -> Result<Connection> {
        let server = self.clone();
        let made = self.runtime.spawn(async move { timeout(server.connect_within, server.connect()).await });
        let reason = match made.await {
            Ok(Ok(Ok(connection))) => return Ok(connection),
            // A refusal by the server, or by a proxy in front of it, may be temporary.
            Ok(Ok(Err(error))) => with_causes(&error),
            Ok(Err(_)) => "the database did not accept the connection in time".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(StoreError::Unavailable(reason))
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<StoreError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let ended = connection.state() == State::Idle && !connection.in_transaction;
        if !ended || metrics.age() > LIFETIME || connection.generation != generation {
            return Err(RecycleError::message("not reusable"));
        }
        let asked = connection.asked_after_a_rest().await;
        if asked.is_err() {
            // Most failures end all connections, and checking each of them would take its own timeout.
            let _ = self.generation.compare_exchange(generation, generation + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        Ok(asked.map_err(StoreError::from)?)
    }
}

impl Pool {
    /// A pool of at most this many connections. Connections are made on demand, each within two thirds of a request's
    /// deadline. Must be called in a runtime that lives as long as the service.
    pub(in crate::store) fn new(
        options: PgConnectOptions,
        connections: u32,
        deadline: Duration,
        accepts_loss: bool,
    ) -> Self {
        let server = Server {
            options: session_options(options),
            connect_within: deadline * 2 / 3,
            runtime: Handle::current(),
            accepts_loss,
            disk_full: DiskFull::default(),
            citus: Arc::default(),
            generation: Arc::default(),
        };
        let pool = deadpool::managed::Pool::builder(server)
            .max_size(connections.try_into().unwrap_or(usize::MAX))
            .queue_mode(QueueMode::Lifo)
            .build();
        // Building fails only for timeouts without a runtime, and no timeouts are set.
        let connections = pool.unwrap_or_else(|error| unreachable!("{error}"));
        Self { connections, away: Arc::default() }
    }

    pub(in crate::store) fn options(&self) -> &PgConnectOptions {
        &self.connections.manager().options
    }

    pub(in crate::store) async fn get(&self, until: Instant) -> Result<Pooled> {
        if let Some(reason) = self.away() {
            return Err(StoreError::Unavailable(reason));
        }
        match timeout_at(until, self.connections.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PoolError::Backend(error))) => {
                counter!("sarcoscreen_database_refused_total").increment(1);
                if let StoreError::Unavailable(reason) = &error {
                    *self.known_away() = Some((Instant::now(), reason.clone()));
                }
                Err(error)
            }
            Ok(Err(PoolError::Closed)) => Err(StoreError::Unavailable("the service is stopping".to_owned())),
            Ok(Err(error)) => Err(StoreError::Unavailable(error.to_string())),
            Err(_) => Err(StoreError::Unavailable("no connection to the database became free in time".to_owned())),
        }
    }

    /// Why a connection cannot be made, if that failed a moment ago and no connection is idle.
    fn away(&self) -> Option<String> {
        let mut away = self.known_away();
        let (since, reason) = away.as_ref()?;
        if since.elapsed() > AWAY {
            *away = None;
            return None;
        }
        (self.connections.status().available == 0).then(|| reason.clone())
    }

    fn known_away(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server is the coordinator of a Citus cluster. `false` until the first connection was made.
    pub(in crate::store) fn is_citus(&self) -> bool {
        self.connections.manager().citus.load(Ordering::Relaxed)
    }

    /// Whether the server's disk was full when it was last known.
    pub(in crate::store) fn disk_full(&self) -> bool {
        self.connections.manager().disk_full.load(Ordering::Relaxed)
    }

    /// Records that a row that needs disk space was accepted.
    pub(in crate::store) fn has_room(&self) {
        self.connections.manager().disk_full.store(false, Ordering::Relaxed);
    }

    pub(in crate::store) fn is_closed(&self) -> bool {
        self.connections.is_closed()
    }

    /// Closes every idle connection, and each other one when it is returned.
    pub(in crate::store) fn close(&self) {
        self.connections.close();
    }
}

/// The runtime that finishes work that a session left open on a connection. `None` when the pool is gone.
pub(in crate::store) fn runtime_of(connection: &Pooled) -> Option<Handle> {
    Some(Object::pool(connection)?.manager().runtime.clone())
}

/// Closes a lost connection and all idle ones. Most failures break all of them, and new connections show the current state.
pub(in crate::store) fn give_up(connection: Pooled) {
    counter!("sarcoscreen_database_lost_total").increment(1);
    if let Some(pool) = Object::pool(&connection) {
        drop(pool.retain(|_, _| false));
    }
    drop(Object::take(connection));
}

pub(in crate::store) fn session_options(options: PgConnectOptions) -> PgConnectOptions {
    // A session must not wait for a lock without limit, and parameters of statements must not be in the server's log.
    options.statement_cache_capacity(STATEMENTS).application_name("sarcoscreen").options([
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("timezone", "UTC"),
    ])
}
