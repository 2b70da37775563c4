//! Reads from a streaming replica where it holds the reader's own changes and is fresh enough, else from the primary.

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
use super::{Store, StoreError, credential_changes, share_of};
use crate::domain::actor::Actor;

pub use self::figures::ReplicaFigures;

/// How long a read may wait for the replica; the primary is there all the same.
const DEADLINE: Duration = Duration::from_secs(1);

/// A replica, and what is known of it.
pub(super) struct Replica {
    there: Store,
    primary: Store,
    /// Both, with a connection each for asking how far they are, however busy they are.
    watched: [Store; 2],
    /// How old what it answers may be.
    bound: Duration,
    standing: Sender<Standing>,
    shared_out: SharedOut,
}

impl Store {
    /// The same store with a replica of its database, which is watched from now on in the runtime that this is called in.
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

    /// Reads data that is at most as old as the bound and holds everything that its reader changed.
    ///
    /// # Errors
    /// Those of reading from the primary.
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
            // A long read stood in the way of the replay, or the replica lacks what a migration added.
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
    /// What the replica answers; `None` when it is not to be asked, or went away meanwhile.
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

    /// Whether it holds everything that is older than the bound.
    fn fresh(&self) -> bool {
        self.standing.borrow().complete_until().is_some_and(|at| at.elapsed() <= self.bound)
    }

    /// Whether it holds every change of a credential that was acknowledged, through whichever instance: it knows of as many
    /// as the primary. It only ever moves on, so what is read next holds them too.
    async fn knows_changes_of(&self, actor: &Actor) -> bool {
        let counts =
            join(credential_changes::known(&self.primary, actor), credential_changes::known(&self.there, actor));
        matches!(counts.await, (Ok(made), Ok(known)) if known >= made)
    }

    /// Waits until it is found not to answer any more.
    async fn gone(&self) {
        // The sender is ours, so there is nothing to fail with.
        let _ = self.standing.subscribe().wait_for(|standing| *standing == Standing::Away).await;
    }

    /// Closes its connections.
    pub(super) fn close(&self) {
        self.there.pool.close();
        for server in &self.watched {
            server.pool.close();
        }
    }
}
