//! The writer of the trail: looks of many requests share one durable transaction. Whoever waits is answered after the
//! commit. What has gathered while the last commit ran goes into the next one; no timer delays an idle service.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Store, StoreError, audit};
use crate::domain::audit::AuditEntry;

/// Entries that may wait; more are refused, so that a database that is slow is not drowned.
const QUEUE: usize = 4_096;
/// Entries of one transaction.
const BATCH: usize = 256;
/// Transactions under way at once: one gathers while the other waits for the disk.
const WRITERS: usize = 2;

/// Hands entries to the writers. Cheap to clone.
#[derive(Clone)]
pub(super) struct AuditWriter {
    queue: mpsc::Sender<Waiting>,
}

/// An entry, and who waits for it to be on disk.
struct Waiting {
    entry: AuditEntry,
    done: oneshot::Sender<Result<(), String>>,
}

/// Adds an entry to the trail; when this returns, it is on disk.
///
/// # Errors
/// When the database is away, or too many entries wait already. Then nobody may be shown what the entry is about.
pub async fn write(store: &Store, entry: AuditEntry) -> Result<(), StoreError> {
    let away = |reason: &str| StoreError::Unavailable(format!("the trail cannot be written: {reason}"));
    let (done, written) = oneshot::channel();
    store.trail.queue.try_send(Waiting { entry, done }).map_err(|_| away("too much waits"))?;
    let outcome = written.await.map_err(|_| away("its writer ended"))?;
    outcome.map_err(|reason| away(&reason))
}

/// The other end of the queue, until the writers run.
pub(super) struct Waiters(mpsc::Receiver<Waiting>);

impl AuditWriter {
    /// A queue, and its other end.
    pub(super) fn new() -> (Self, Waiters) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue }, Waiters(waiting))
    }
}

impl Waiters {
    /// Writes what comes until nobody can hand in anything any more. Must be called inside a runtime that lives as long as
    /// the service.
    pub(super) fn run(self, store: &Store) {
        let waiting = Arc::new(Mutex::new(self.0));
        for _ in 0..WRITERS {
            tokio::spawn(write_batches(store.without_writer(), Arc::clone(&waiting)));
        }
    }
}

async fn write_batches(store: Store, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.lock().await.recv_many(&mut batch, BATCH).await > 0 {
        settle(&store, std::mem::take(&mut batch)).await;
    }
}

/// Writes a batch. One that fails is halved until the entry that cannot be written fails alone.
async fn settle(store: &Store, batch: Vec<Waiting>) {
    let mut parts = VecDeque::from([batch]);
    while let Some(mut part) = parts.pop_front() {
        let outcome = commit(store, &part).await;
        if matches!(outcome, Err(StoreError::Driver(_))) && part.len() > 1 {
            let rest = part.split_off(part.len() / 2);
            parts.extend([part, rest]);
            continue;
        }
        for waiting in part {
            // Whoever waited may have left; the entry stands all the same.
            let _ = waiting.done.send(outcome.as_ref().copied().map_err(ToString::to_string));
        }
    }
}

async fn commit(store: &Store, part: &[Waiting]) -> Result<(), StoreError> {
    let entries: Vec<_> = part.iter().map(|waiting| waiting.entry.clone()).collect();
    let mut transaction = store.begin_writer().await?;
    audit::insert_all(&store.keys, &mut transaction, &entries).await?;
    transaction.commit().await?;
    Ok(())
}
