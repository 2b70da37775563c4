//! Group commit: the work of many requests shares one durable transaction, and a request is answered after the commit. Work
//! that arrives during a commit goes into the next one; no timer delays an idle service.
//!
//! A transaction costs about the same for one piece of work as for ten. So while one is running, another begins only when
//! enough work is queued.

mod queue;

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::queue::{Batch, Done, Queue, Waiting};
use crate::domain::ids::ClinicId;
use crate::store::database::Store;
use crate::store::error::{Result, StoreError};

/// Work that is written together with other work of its kind.
pub(in crate::store) trait Work: Send + Sync + Sized + 'static {
    /// The name of the queue in metrics.
    const QUEUE_NAME: &'static str;
    /// A resource that at most one piece of work of a transaction may use.
    type Touched: Clone + Eq + Hash + Send + Sync;
    type Outcome: Send;

    /// The clinic in whose line the work waits.
    fn clinic_id(&self) -> ClinicId;

    /// The resources that this work uses and that other work may use too.
    fn touched(&self) -> Vec<Self::Touched> {
        Vec::new()
    }

    /// Writes all pieces in one transaction, or none. The outcomes are in the order of the pieces.
    fn commit(store: &Store, part: &[Self]) -> impl Future<Output = Result<Vec<Self::Outcome>>> + Send;
}

#[derive(Clone, Copy, Debug)]
pub struct Grouping {
    /// Pieces per transaction. 1 writes each piece by itself.
    pub batch: usize,
    /// Maximum number of concurrent transactions.
    pub writers: usize,
    /// Maximum number of queued pieces. More are refused, so that a slow database is not overloaded. A clinic may hold at
    /// most as many places as are free, so there is always a place for another clinic.
    pub waiting: usize,
}

impl Grouping {
    /// How many queued pieces justify another transaction while one is running.
    fn worth_another(self) -> usize {
        (self.batch / 8).max(1)
    }
}

impl Default for Grouping {
    fn default() -> Self {
        Self { batch: 256, writers: 2, waiting: 4_096 }
    }
}

/// Queues work for the writers. Cheap to clone. The writers end when the last clone is dropped.
pub(in crate::store) struct Writer<W: Work>(Arc<Open<W>>);

/// Closes the queue when it is dropped.
struct Open<W: Work> {
    queue: Arc<Queue<W>>,
    /// How long work may wait for a transaction to take it.
    patience: Duration,
}

impl<W: Work> Drop for Open<W> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl<W: Work> Clone for Writer<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Work> Writer<W> {
    /// Starts the writers of a queue in which work waits for at most `patience`. Must be called in a runtime that lives as
    /// long as the service.
    pub(in crate::store) fn start(store: &Store, grouping: Grouping, patience: Duration) -> Self {
        // A queued piece then rarely waits too long, although the pace varies.
        let longest = (grouping.waiting < usize::MAX).then_some(patience * 3 / 4);
        let queue = Arc::new(Queue::new(grouping.waiting, longest));
        for _ in 0..grouping.writers {
            tokio::spawn(write_batches::<W>(store.clone(), Arc::clone(&queue), grouping));
        }
        Self(Arc::new(Open { queue, patience }))
    }

    /// Queues work. When this returns an outcome, the work is on disk. Work is written even if its caller stops waiting.
    /// Fails when the work cannot be written, when the queue is full, or when no transaction takes the work in time.
    /// After a failure the work is not on disk, unless the database became unavailable during the commit.
    pub(in crate::store) async fn write(&self, work: W) -> Result<(W, W::Outcome)> {
        let Open { queue, patience } = &*self.0;
        let clinic_id = work.clinic_id();
        let (done, mut written) = oneshot::channel();
        let Ok(ticket) = queue.put(Waiting::new(work, done)) else { return Err(shed::<W>()) };
        let outcome = match timeout(*patience, &mut written).await {
            Ok(outcome) => outcome,
            Err(_) if queue.withdraw(clinic_id, ticket) => return Err(shed::<W>()),
            Err(_) => written.await,
        };
        outcome.map_err(|_| StoreError::Unavailable("the writer ended".to_owned()))?
    }

    /// Fails when work of a clinic would be refused at the moment.
    pub(in crate::store) fn admit(&self, clinic_id: ClinicId) -> Result<()> {
        if self.0.queue.refuses(clinic_id) { Err(shed::<W>()) } else { Ok(()) }
    }

    pub(in crate::store) async fn drained(&self) {
        self.0.queue.drained().await;
    }
}

/// Counts a piece of work that is refused.
pub(in crate::store) fn shed<W: Work>() -> StoreError {
    counter!("sarcoscreen_writer_shed_total", "queue" => W::QUEUE_NAME).increment(1);
    StoreError::Unavailable("too much work is waiting to be written".to_owned())
}

/// Exact: the counts are far below the limit of integers in a double.
fn as_f64(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

async fn write_batches<W: Work>(store: Store, queue: Arc<Queue<W>>, grouping: Grouping) {
    while let Some(Batch { pieces, touched }) = queue.take(grouping, || store.pool.is_citus()).await {
        let (count, start) = (pieces.len(), Instant::now());
        write_part(&store, pieces).await;
        queue.finish(count, start.elapsed(), &touched);
    }
}

fn fail<W: Work>(done: Vec<Done<W>>, reason: &str) {
    for done in done {
        let _ = done.send(Err(StoreError::Unavailable(reason.to_owned())));
    }
}

/// Writes a part. A part that the database refuses is halved repeatedly, until only the failing work fails.
async fn write_part<W: Work>(store: &Store, part: Vec<Waiting<W>>) {
    let whole: Vec<_> = part.into_iter().map(|one| (one.work, one.done)).collect();
    let mut parts = VecDeque::from([whole]);
    while let Some(part) = parts.pop_front() {
        let (mut work, mut done): (Vec<W>, Vec<_>) = part.into_iter().unzip();
        let start = Instant::now();
        let outcome = W::commit(store, &work).await;
        histogram!("sarcoscreen_writer_batch_size", "queue" => W::QUEUE_NAME).record(as_f64(work.len()));
        histogram!("sarcoscreen_writer_commit_seconds", "queue" => W::QUEUE_NAME).record(start.elapsed());
        match outcome {
            Ok(outcomes) => {
                for ((work, outcome), done) in work.into_iter().zip(outcomes).zip(done) {
                    // The caller may have stopped waiting.
                    let _ = done.send(Ok((work, outcome)));
                }
            }
            Err(StoreError::Unavailable(reason)) => fail(done, &reason),
            // On Citus an unavailable worker fails all work of the clinic.
            Err(StoreError::Internal(reason)) if store.pool.is_citus() => fail(done, &reason),
            Err(_) if work.len() > 1 => {
                let half = work.len() / 2;
                let rest = work.split_off(half).into_iter().zip(done.split_off(half));
                parts.push_back(work.into_iter().zip(done).collect());
                parts.push_back(rest.collect());
            }
            Err(error) => {
                if let Some(done) = done.pop() {
                    let _ = done.send(Err(error));
                }
            }
        }
    }
}
