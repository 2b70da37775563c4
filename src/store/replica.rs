//! Reading from a streaming replica: what may be some seconds old is read there, unless whoever reads has changed something
//! that it does not know of yet. Whatever the replica cannot answer, the primary does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tokio::time::Instant;

use super::replica_watch::{Standing, watch as keep_watching};
use super::{Store, StoreError, credential_changes, open_pool};
use crate::domain::actor::Actor;

/// How long a read may wait for a connection to the replica; the primary is there all the same.
const ACQUIRE: Duration = Duration::from_secs(1);

/// A replica, and what is known of it.
pub(super) struct Replica {
    /// The replica, with our keys.
    pub(super) there: Store,
    /// What it replays.
    pub(super) primary: Store,
    /// How old what it answers may be.
    pub(super) bound: Duration,
    /// How it stands.
    pub(super) standing: watch::Sender<Standing>,
    answered: AtomicU64,
    passed_on: AtomicU64,
}

/// How reads were shared out, and how the replica stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaFigures {
    /// Whether it is read from now.
    pub in_use: bool,
    /// How old its state is at most; `None` while nothing is known of it.
    pub age: Option<Duration>,
    /// Reads that it answered.
    pub on_replica: u64,
    /// Reads that could have been its own, and that the primary answered.
    pub on_primary: u64,
}

impl Store {
    /// The same store with a replica of its database, which is watched from now on in the runtime that this is called in.
    #[must_use]
    pub fn with_replica(self, options: PgConnectOptions, connections: u32, bound: Duration) -> Self {
        let primary = Self { replica: None, ..self.clone() };
        let there = Self { pool: open_pool(options, connections, ACQUIRE), ..primary.clone() };
        let (standing, _) = watch::channel(Standing::Away);
        let (answered, passed_on) = (AtomicU64::new(0), AtomicU64::new(0));
        let replica = Arc::new(Replica { there, primary, bound, standing, answered, passed_on });
        tokio::spawn(keep_watching(Arc::downgrade(&replica)));
        Self { replica: Some(replica), ..self }
    }

    /// Reads from the replica where it is good enough for who reads, else from the primary. What is read is as old as the
    /// bound at most, and holds everything that its reader changed.
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
                replica.answered.fetch_add(1, Ordering::Relaxed);
                return Ok(found);
            }
            // A long read stood in the way of the replay, or the replica lacks what a migration added.
            Some(Err(StoreError::Unavailable(reason) | StoreError::Driver(reason))) => {
                tracing::debug!(reason, "the replica did not answer");
            }
            Some(Err(refused)) => return Err(refused),
            None => {}
        }
        replica.passed_on.fetch_add(1, Ordering::Relaxed);
        read(self.clone()).await
    }

    /// How the replica stands; `None` where there is none.
    #[must_use]
    pub fn replica_figures(&self) -> Option<ReplicaFigures> {
        let replica = self.replica.as_ref()?;
        let age = replica.standing.borrow().complete_until().map(|at| at.elapsed());
        Some(ReplicaFigures {
            in_use: replica.fresh(),
            age,
            on_replica: replica.answered.load(Ordering::Relaxed),
            on_primary: replica.passed_on.load(Ordering::Relaxed),
        })
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
    pub(super) fn fresh(&self) -> bool {
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
    pub(super) async fn close(&self) {
        self.there.pool.close().await;
    }

    /// When a moment is too old to be of use.
    pub(super) fn outdated(&self, at: Instant) -> bool {
        at.elapsed() > self.bound
    }
}
