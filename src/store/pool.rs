//! The connections to one server: kept for the next request, made when there are too few, given up when they break.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use metrics::counter;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use super::StoreError;
use super::connection::{Connection, DiskFull, Patience, State};

/// A connection is used no longer than this.
const LIFETIME: Duration = Duration::from_mins(30);
/// How long a failure to connect answers all others who would have to connect.
const AWAY: Duration = Duration::from_millis(500);
/// Prepared statements that a connection keeps: more than there are, and the filters of lists make several of one.
const STATEMENTS: usize = 512;

/// Committed is on the disk, whatever the server's configuration says: a setting of the session comes before it. Values that
/// wait for replicas as well are kept.
const DURABLE: &str = "select set_config('synchronous_commit',
    case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)";

/// How the connections are made.
#[derive(Clone, Debug)]
pub(super) struct Server {
    options: PgConnectOptions,
    /// How long the server may take to let the service in.
    connect_within: Duration,
    /// Where the sockets are waited for. A connection that an HTTP worker makes must not end with the worker.
    runtime: Handle,
    /// Whether the operator accepted that acknowledged rows may be lost by `synchronous_commit = off`.
    accepts_loss: bool,
    disk_full: DiskFull,
    /// Counts how often a connection that rested was found dead. Those that were made before are not used again.
    generation: Arc<AtomicU64>,
}

/// A connection of the pool, which goes back to it when this is dropped.
pub(super) type Pooled = Object<Server>;

/// The connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    connections: deadpool::managed::Pool<Server>,
    /// Since when connecting fails, and why.
    away: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Server {
    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        let mut server = self.options.connect().await?;
        if !self.accepts_loss {
            server.execute(DURABLE).await?;
        }
        let generation = self.generation.load(Ordering::Relaxed);
        Ok(Connection::new(server, Patience::Each(self.connect_within), Arc::clone(&self.disk_full), generation))
    }
}

impl Manager for Server {
    type Type = Connection;
    type Error = StoreError;

    async fn create(&self) -> Result<Connection, StoreError> {
        let server = self.clone();
        let made = self.runtime.spawn(async move { timeout(server.connect_within, server.connect()).await });
        let reason = match made.await {
            Ok(Ok(Ok(connection))) => return Ok(connection),
            // What a server, or a proxy before it, says to a newcomer may be different the next time.
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the database does not let the service in in time".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(StoreError::Unavailable(reason))
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<StoreError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let ended = connection.state() == State::Idle && !connection.in_transaction;
        if !ended || metrics.age() > LIFETIME || connection.generation != generation {
            return Err(RecycleError::message("not to be used again"));
        }
        let asked = connection.asked_after_a_rest().await;
        if asked.is_err() {
            // What ended one mostly ended all, and each would be waited for.
            let _ = self.generation.compare_exchange(generation, generation + 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        Ok(asked.map_err(StoreError::from)?)
    }
}

impl Pool {
    /// At most so many connections, the first of which is made when it is needed, within two thirds of a request's deadline.
    /// Must be called inside a runtime that lives as long as the service.
    pub(super) fn new(options: PgConnectOptions, connections: u32, deadline: Duration, accepts_loss: bool) -> Self {
        let server = Server {
            options: session_options(options),
            connect_within: deadline * 2 / 3,
            runtime: Handle::current(),
            accepts_loss,
            disk_full: DiskFull::default(),
            generation: Arc::default(),
        };
        let pool = deadpool::managed::Pool::builder(server)
            .max_size(connections.try_into().unwrap_or(usize::MAX))
            .queue_mode(QueueMode::Lifo)
            .build();
        // It fails for timeouts without a runtime only, and there are none.
        let connections = pool.unwrap_or_else(|error| unreachable!("{error}"));
        Self { connections, away: Arc::default() }
    }

    /// How the connections are made.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.connections.manager().options
    }

    /// A connection.
    ///
    /// # Errors
    /// When the server lets the service not in, or no connection is free until then.
    pub(super) async fn get(&self, until: Instant) -> Result<Pooled, StoreError> {
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

    /// Why a connection cannot be made, where that was found out a moment ago and none rests.
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

    /// Whether the server had no room on its disk for a row, the last time that this was found out.
    pub(super) fn disk_full(&self) -> bool {
        self.connections.manager().disk_full.load(Ordering::Relaxed)
    }

    /// A row that needs room was taken.
    pub(super) fn has_room(&self) {
        self.connections.manager().disk_full.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connections.is_closed()
    }

    /// Closes every connection that rests, and each other one when it is given back.
    pub(super) fn close(&self) {
        self.connections.close();
    }
}

/// The runtime in which work on a connection ends that its session left open; `None` once the pool is gone.
pub(super) fn runtime_of(connection: &Pooled) -> Option<Handle> {
    Some(Object::pool(connection)?.manager().runtime.clone())
}

/// Gives up a connection that was lost, and those that rest: what broke one mostly broke all, and new ones tell.
pub(super) fn give_up(connection: Pooled) {
    counter!("sarcoscreen_database_lost_total").increment(1);
    if let Some(pool) = Object::pool(&connection) {
        drop(pool.retain(|_, _| false));
    }
    drop(Object::take(connection));
}

/// How every session begins.
pub(super) fn session_options(options: PgConnectOptions) -> PgConnectOptions {
    // A session must not wait for ever on a lock, and no statement's parameters belong in the server's log.
    options.statement_cache_capacity(STATEMENTS).application_name("sarcoscreen").options([
        ("lock_timeout", "5s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("timezone", "UTC"),
    ])
}
