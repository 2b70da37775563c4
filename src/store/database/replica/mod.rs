//! Reports, that is exports and statistics, are read from a streaming replica if it is fresh enough, otherwise from the primary.

mod state;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, gauge};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch::{Sender, channel};

use self::state::ReplicaState;
use super::pool::Pool;
use super::share_of;
use crate::store::database::Store;
use crate::store::error::{Result, StoreError};

/// How long a read may wait for a connection to the replica. After that, the primary serves it.
const DEADLINE: Duration = Duration::from_secs(1);

/// The servers that reports are read from. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    primary: Store,
    replica: Option<Arc<Replica>>,
}

struct Replica {
    there: Store,
    /// The primary and the replica, each with one connection reserved for checking its position, however busy they are.
    watched: [Store; 2],
    /// Maximum age of the data that reads may return.
    bound: Duration,
    state: Sender<ReplicaState>,
    /// Reads that the replica served, and reads that the primary served instead.
    served: AtomicU64,
    fallbacks: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaFigures {
    pub in_use: bool,
    /// Upper limit of the age of its data. `None` while unknown.
    pub age: Option<Duration>,
    pub on_replica: u64,
    /// Reads that the replica was eligible for, served by the primary.
    pub on_primary: u64,
}

impl Reports {
    pub const fn new(primary: Store) -> Self {
        Self { primary, replica: None }
    }

    /// Adds a replica, and starts to watch it in the Tokio runtime of the caller.
    #[must_use]
    pub fn with_replica(self, options: PgConnectOptions, connections: u32, bound: Duration) -> Self {
        let of = |options, connections| Store {
            pool: Pool::new(options, connections, DEADLINE, true),
            shares: share_of(connections),
            deadline: DEADLINE,
            ..self.primary.clone()
        };
        let replica = Arc::new(Replica {
            there: of(options.clone(), connections),
            watched: [self.primary.pool.options().clone(), options].map(|options| of(options, 1)),
            bound,
            state: channel(ReplicaState::Away).0,
            served: AtomicU64::new(0),
            fallbacks: AtomicU64::new(0),
        });
        tokio::spawn(watch::run(Arc::downgrade(&replica)));
        Self { replica: Some(replica), ..self }
    }

    /// Reads data that is at most as old as the bound. Fails with the errors of reading from the primary.
    pub async fn read<T, F: Future<Output = Result<T>>>(&self, read: impl Fn(Store) -> F) -> Result<T> {
        let Some(replica) = &self.replica else { return read(self.primary.clone()).await };
        match replica.answer(&read).await {
            Some(Ok(found)) => {
                replica.served.fetch_add(1, Ordering::Relaxed);
                counter!("sarcoscreen_reads_total", "from" => "replica").increment(1);
                return Ok(found);
            }
            // A long read conflicted with the replay, or the replica lacks objects of a migration.
            Some(Err(StoreError::Unavailable(reason) | StoreError::Driver(reason))) => {
                tracing::debug!(reason, "the replica did not answer");
            }
            Some(Err(refused)) => return Err(refused),
            None => {}
        }
        replica.fallbacks.fetch_add(1, Ordering::Relaxed);
        counter!("sarcoscreen_reads_total", "from" => "primary").increment(1);
        read(self.primary.clone()).await
    }

    pub fn replica_figures(&self) -> Option<ReplicaFigures> {
        self.replica.as_ref().map(|replica| replica.figures())
    }

    pub fn close(&self) {
        let Some(replica) = &self.replica else { return };
        for server in [&replica.there].into_iter().chain(&replica.watched) {
            server.close();
        }
    }
}

impl Replica {
    /// The result of a read on the replica. `None` when it must not be used, or stopped responding during the read.
    async fn answer<T, F: Future<Output = Result<T>>>(&self, read: &impl Fn(Store) -> F) -> Option<Result<T>> {
        if !self.fresh() {
            return None;
        }
        tokio::select! {
            answer = read(self.there.clone()) => Some(answer),
            () = self.gone() => None,
        }
    }

    /// Whether the replica has everything that is older than the bound.
    fn fresh(&self) -> bool {
        self.state.borrow().complete_until().is_some_and(|at| at.elapsed() <= self.bound)
    }

    fn figures(&self) -> ReplicaFigures {
        ReplicaFigures {
            in_use: self.fresh(),
            age: self.state.borrow().complete_until().map(|at| at.elapsed()),
            on_replica: self.served.load(Ordering::Relaxed),
            on_primary: self.fallbacks.load(Ordering::Relaxed),
        }
    }

    fn tell_figures(&self) {
        let figures = self.figures();
        gauge!("sarcoscreen_replica_in_use").set(if figures.in_use { 1.0 } else { 0.0 });
        if let Some(age) = figures.age {
            gauge!("sarcoscreen_replica_age_seconds").set(age.as_secs_f64());
        }
    }

    /// Waits until the replica no longer responds.
    async fn gone(&self) {
        // Cannot fail, because `self` owns the sender.
        let _ = self.state.subscribe().wait_for(|state| *state == ReplicaState::Away).await;
    }
}
