//! Reports, that is exports and statistics, are read from a streaming replica if it is fresh enough, otherwise from the primary.

mod figures;
mod standing;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch::{Sender, channel};

use self::figures::SharedOut;
use self::standing::Standing;
use super::pool::Pool;
use super::share_of;
use crate::store::database::Store;
use crate::store::error::StoreError;

pub use self::figures::ReplicaFigures;

/// How long a read may wait for a connection to the replica. After that, the primary answers.
const DEADLINE: Duration = Duration::from_secs(1);

/// The servers that reports are read from. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    primary: Store,
    replica: Option<Arc<Replica>>,
}

/// A replica and its state.
struct Replica {
    there: Store,
    /// The primary and the replica, each with one connection reserved for checking its position, however busy they are.
    watched: [Store; 2],
    /// Maximum age of the data that reads may return.
    bound: Duration,
    standing: Sender<Standing>,
    shared_out: SharedOut,
}

impl Reports {
    /// Reports from the primary.
    #[must_use]
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
        let there = of(options.clone(), connections);
        let watched = [self.primary.pool.options().clone(), options].map(|options| of(options, 1));
        let (standing, shared_out) = (channel(Standing::Away).0, SharedOut::default());
        let replica = Arc::new(Replica { there, watched, bound, standing, shared_out });
        tokio::spawn(watch::run(Arc::downgrade(&replica)));
        Self { replica: Some(replica), ..self }
    }

    /// Reads data that is at most as old as the bound.
    ///
    /// # Errors
    /// Fails with the errors of reading from the primary.
    pub async fn read<T, F>(&self, read: impl Fn(Store) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let Some(replica) = &self.replica else { return read(self.primary.clone()).await };
        match replica.answer(&read).await {
            Some(Ok(found)) => {
                replica.shared_out.to_replica();
                return Ok(found);
            }
            // A long read conflicted with the replay, or the replica lacks objects of a migration.
            Some(Err(StoreError::Unavailable(reason) | StoreError::Driver(reason))) => {
                tracing::debug!(reason, "the replica did not answer");
            }
            Some(Err(refused)) => return Err(refused),
            None => {}
        }
        replica.shared_out.to_primary();
        read(self.primary.clone()).await
    }

    /// Closes every connection to the replica.
    pub fn close(&self) {
        let Some(replica) = &self.replica else { return };
        for server in [&replica.there].into_iter().chain(&replica.watched) {
            server.close();
        }
    }
}

impl Replica {
    /// The answer of the replica. `None` when it must not be used, or stopped answering during the read.
    async fn answer<T, F>(&self, read: &impl Fn(Store) -> F) -> Option<Result<T, StoreError>>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
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
        self.standing.borrow().complete_until().is_some_and(|at| at.elapsed() <= self.bound)
    }

    /// Waits until the replica is found not to answer.
    async fn gone(&self) {
        // Cannot fail, because `self` owns the sender.
        let _ = self.standing.subscribe().wait_for(|standing| *standing == Standing::Away).await;
    }
}
