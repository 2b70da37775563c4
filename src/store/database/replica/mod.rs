//! Reads from a streaming replica if it has the reader's own changes and is fresh enough, otherwise from the primary.

mod figures;
mod standing;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch::{Sender, channel};

use self::figures::SharedOut;
use self::standing::Standing;
use super::pool::Pool;
use crate::domain::access::actor::Actor;
use crate::store::access::credential_changes;
use crate::store::{Store, StoreError, share_of};

pub use self::figures::ReplicaFigures;

/// How long a read may wait for the replica. After that, the primary answers.
const DEADLINE: Duration = Duration::from_secs(1);

/// A replica and its state.
pub(in crate::store) struct Replica {
    there: Store,
    primary: Store,
    /// The primary and the replica, each with one connection reserved for checking its position, however busy they are.
    watched: [Store; 2],
    /// Maximum age of the data that reads may return.
    bound: Duration,
    standing: Sender<Standing>,
    shared_out: SharedOut,
}

impl Store {
    /// Adds a replica of the database to the store, and starts to watch it in the Tokio runtime of the caller.
    #[must_use]
    pub fn with_replica(self, options: PgConnectOptions, connections: u32, bound: Duration) -> Self {
        let primary = Self { replica: None, ..self.clone() };
        let of = |options, connections| Self {
            pool: Pool::new(options, connections, DEADLINE, true),
            shares: share_of(connections),
            deadline: DEADLINE,
            ..primary.clone()
        };
        let there = of(options.clone(), connections);
        let watched = [self.pool.options().clone(), options].map(|options| of(options, 1));
        let (standing, shared_out) = (channel(Standing::Away).0, SharedOut::default());
        let replica = Arc::new(Replica { there, primary, watched, bound, standing, shared_out });
        tokio::spawn(watch::run(Arc::downgrade(&replica)));
        Self { replica: Some(replica), ..self }
    }

    /// Reads data that is at most as old as the bound and includes all changes of the reader.
    ///
    /// # Errors
    /// Fails with the errors of reading from the primary.
    pub async fn reading<T, F>(&self, actor: &Actor, read: impl Fn(Self) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let Some(replica) = &self.replica else { return read(self.clone()).await };
        match replica.answer(actor, &read).await {
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
        read(self.clone()).await
    }
}

impl Replica {
    /// The answer of the replica. `None` when it must not be used, or stopped answering during the read.
    async fn answer<T, F>(&self, actor: &Actor, read: &impl Fn(Store) -> F) -> Option<Result<T, StoreError>>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        if !self.fresh() {
            return None;
        }
        let answer =
            async { if self.knows_changes_of(actor).await { Some(read(self.there.clone()).await) } else { None } };
        tokio::select! {
            answer = answer => answer,
            () = self.gone() => None,
        }
    }

    /// Whether the replica has everything that is older than the bound.
    fn fresh(&self) -> bool {
        self.standing.borrow().complete_until().is_some_and(|at| at.elapsed() <= self.bound)
    }

    /// Whether the replica has every acknowledged change of a credential, made through any instance: its count is at least
    /// that of the primary. A replica only moves forward, so later reads have these changes too.
    async fn knows_changes_of(&self, actor: &Actor) -> bool {
        let counts =
            join(credential_changes::known(&self.primary, actor), credential_changes::known(&self.there, actor));
        matches!(counts.await, (Ok(made), Ok(known)) if known >= made)
    }

    /// Waits until the replica is found not to answer.
    async fn gone(&self) {
        // Cannot fail, because `self` owns the sender.
        let _ = self.standing.subscribe().wait_for(|standing| *standing == Standing::Away).await;
    }

    pub(in crate::store) fn close(&self) {
        self.there.pool.close();
        for server in &self.watched {
            server.pool.close();
        }
    }
}
