//! Group commit: what many requests want written shares one durable transaction. Whoever waits is answered after the
//! commit. What has gathered while the last commit ran goes into the next one; no timer delays an idle service.
//!
//! A transaction costs much the same for one piece of work as for ten. So while one is under way, another begins only when
//! enough has gathered to be worth it.

mod measures;

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Mutex, Notify, mpsc, oneshot};

use super::{Store, StoreError};

/// What is written together with others of its kind.
pub(super) trait Work: Send + Sync + Sized + 'static {
    /// Names the queue in metrics.
    const QUEUE_NAME: &'static str;
    /// What only one piece of work of a transaction may touch.
    type Touched: Eq + Hash + Send;
    /// What came of it.
    type Outcome: Send;

    /// What it touches that another may touch too.
    fn touched(&self) -> Vec<Self::Touched>;

    /// Writes all of them, or nothing, in one transaction; the outcomes are in their order.
    fn commit(store: &Store, part: &[Self]) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// How much of a kind of work is written at once.
#[derive(Clone, Copy, Debug)]
pub struct Grouping {
    /// Pieces of one transaction; 1 writes each by itself.
    pub batch: usize,
    /// Transactions under way at once, at most.
    pub writers: usize,
    /// Pieces that may wait; more are refused, so that a database that is slow is not drowned.
    pub waiting: usize,
}

impl Grouping {
    /// How much makes another transaction worth beginning while one is under way.
    fn worth_another(self) -> usize {
        (self.batch / 8).max(1)
    }
}

impl Default for Grouping {
    fn default() -> Self {
        Self { batch: 256, writers: 2, waiting: 4_096 }
    }
}

/// Hands work to the writers. Cheap to clone.
pub(super) struct Writer<W: Work> {
    queue: mpsc::Sender<Waiting<W>>,
    changed: Arc<Notify>,
}

/// A piece of work, and who waits for it to be on disk.
struct Waiting<W: Work> {
    work: W,
    done: oneshot::Sender<Result<(W, W::Outcome), StoreError>>,
}

/// The other end of the queue, until the writers run.
pub(super) struct Waiters<W: Work> {
    waiting: mpsc::Receiver<Waiting<W>>,
    /// Told whenever work came or a transaction ended.
    changed: Arc<Notify>,
}

impl<W: Work> Clone for Writer<W> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), changed: Arc::clone(&self.changed) }
    }
}

impl<W: Work> Writer<W> {
    /// A queue for so many, and its other end.
    pub(super) fn new(most: usize) -> (Self, Waiters<W>) {
        let (queue, waiting) = mpsc::channel(most);
        let changed = Arc::new(Notify::new());
        (Self { queue, changed: Arc::clone(&changed) }, Waiters { waiting, changed })
    }

    /// Hands in work; when this returns its outcome, it is on disk. Work whose caller leaves is written all the same.
    ///
    /// # Errors
    /// When it cannot be written, the database is away, or too much waits already.
    pub(super) async fn write(&self, work: W) -> Result<(W, W::Outcome), StoreError> {
        let away = |reason: &str| StoreError::Unavailable(reason.to_owned());
        let (done, written) = oneshot::channel();
        let handed_in = self.queue.try_send(Waiting { work, done });
        measures::depth::<W>(self.queue.max_capacity() - self.queue.capacity());
        self.changed.notify_one();
        handed_in.map_err(|_| measures::shed::<W>()).map_err(|()| away("too much waits to be written"))?;
        written.await.map_err(|_| away("the writer ended"))?
    }

    /// Waits until the writers have taken everything that waits.
    pub(super) async fn drained(&self) {
        // Every place of the queue is free only then.
        let _ = self.queue.reserve_many(self.queue.max_capacity()).await;
    }
}

impl<W: Work> Waiters<W> {
    /// Writes what comes until nobody can hand in anything any more. Must be called inside a runtime that lives as long
    /// as the service.
    pub(super) fn run(self, store: &Store, grouping: Grouping) {
        let shared =
            Arc::new(Shared { waiting: Mutex::new(self.waiting), changed: self.changed, busy: AtomicUsize::new(0) });
        for _ in 0..grouping.writers {
            tokio::spawn(write_batches(store.without_writers(), Arc::clone(&shared), grouping));
        }
    }
}

/// What the writers of one queue share.
struct Shared<W: Work> {
    waiting: Mutex<mpsc::Receiver<Waiting<W>>>,
    changed: Arc<Notify>,
    /// How many transactions are under way.
    busy: AtomicUsize,
}

impl<W: Work> Shared<W> {
    /// Takes what has gathered, once it is worth a transaction; `None` when nothing will come any more.
    async fn take(&self, grouping: Grouping) -> Option<Vec<Waiting<W>>> {
        let mut waiting = self.waiting.lock().await;
        while self.busy.load(Ordering::Acquire) > 0 && waiting.len() < grouping.worth_another() {
            // What happens between the look and the wait is kept for the wait.
            self.changed.notified().await;
        }
        let mut batch = Vec::with_capacity(grouping.batch);
        if waiting.recv_many(&mut batch, grouping.batch).await == 0 {
            return None;
        }
        self.busy.fetch_add(1, Ordering::AcqRel);
        Some(batch)
    }

    fn written(&self) {
        self.busy.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify_one();
    }
}

async fn write_batches<W: Work>(store: Store, shared: Arc<Shared<W>>, grouping: Grouping) {
    while let Some(batch) = shared.take(grouping).await {
        for round in rounds(batch) {
            settle(&store, round).await;
        }
        shared.written();
    }
}

/// What a part touches, and the part.
type Round<W> = (HashSet<<W as Work>::Touched>, Vec<Waiting<W>>);

/// Parts in which no two pieces of work touch the same, each after those before it that it must follow.
fn rounds<W: Work>(batch: Vec<Waiting<W>>) -> Vec<Vec<Waiting<W>>> {
    let mut rounds: Vec<Round<W>> = Vec::new();
    for waiting in batch {
        let touched = waiting.work.touched();
        let clashes = |(taken, _): &Round<W>| touched.iter().any(|one| taken.contains(one));
        let place = rounds.iter().rposition(clashes).map_or(0, |last| last + 1);
        if place == rounds.len() {
            rounds.push((HashSet::new(), Vec::new()));
        }
        if let Some((taken, round)) = rounds.get_mut(place) {
            taken.extend(touched);
            round.push(waiting);
        }
    }
    rounds.into_iter().map(|(_, round)| round).collect()
}

/// Writes a part. One that the database refuses is halved until what cannot be written fails alone.
async fn settle<W: Work>(store: &Store, part: Vec<Waiting<W>>) {
    let mut parts = VecDeque::from([part]);
    while let Some(part) = parts.pop_front() {
        let (mut work, mut done): (Vec<W>, Vec<_>) = part.into_iter().map(|one| (one.work, one.done)).unzip();
        let start = Instant::now();
        let outcome = W::commit(store, &work).await;
        measures::committed::<W>(work.len(), start.elapsed());
        match outcome {
            Ok(outcomes) => {
                for ((work, outcome), done) in work.into_iter().zip(outcomes).zip(done) {
                    // Whoever waited may have left.
                    let _ = done.send(Ok((work, outcome)));
                }
            }
            Err(StoreError::Unavailable(reason)) => {
                for done in done {
                    let _ = done.send(Err(StoreError::Unavailable(reason.clone())));
                }
            }
            Err(_) if work.len() > 1 => {
                let half = work.len() / 2;
                let rest = (work.split_off(half), done.split_off(half));
                for (work, done) in [(work, done), rest] {
                    parts.push_back(work.into_iter().zip(done).map(|(work, done)| Waiting { work, done }).collect());
                }
            }
            Err(error) => {
                if let Some(done) = done.pop() {
                    let _ = done.send(Err(error));
                }
            }
        }
    }
}
