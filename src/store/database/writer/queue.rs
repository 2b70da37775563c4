//! The queue of waiting work, with one line per clinic. The clinics are served in turn, and none may hold more places than
//! are free. A clinic that floods its line therefore neither fills the queue nor delays another clinic by more than one
//! transaction.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{Notify, oneshot};

use super::{Grouping, Work, as_f64};
use crate::domain::ids::ClinicId;
use crate::store::error::Result;

/// The latest transaction counts as one part of this many when the pace is updated.
const SMOOTHING: u32 = 8;

/// The channel to the caller that waits for a piece of work.
pub(super) type Done<W> = oneshot::Sender<Result<(W, <W as Work>::Outcome)>>;

/// A piece of work, with the channel to its caller.
pub(super) struct Waiting<W: Work> {
    pub(super) work: W,
    pub(super) done: Done<W>,
    /// The resources it uses. Empty once a transaction has taken it.
    touched: Vec<W::Touched>,
    /// Its number in the queue.
    ticket: u64,
}

/// The work of one transaction.
pub(super) struct Batch<W: Work> {
    pub(super) pieces: Vec<Waiting<W>>,
    /// The resources that they use.
    pub(super) touched: Vec<W::Touched>,
}

pub(super) struct Queue<W: Work> {
    lines: Mutex<Lines<W>>,
    /// Notified when work is queued, a transaction ends, or the queue is closed.
    changed: Notify,
    /// Notified when no work is queued or running.
    idle: Notify,
}

/// The clinic already holds as many places as are free, or its work would wait too long.
#[derive(Debug)]
pub(super) struct Full;

struct Lines<W: Work> {
    places: usize,
    /// The longest wait for which work is queued. `None` queues all.
    longest: Option<Duration>,
    by_clinic: HashMap<ClinicId, VecDeque<Waiting<W>>>,
    /// The clinics with a line, in the order in which they are served.
    turns: VecDeque<ClinicId>,
    waiting: usize,
    /// Number of running transactions. `touched` holds the resources they use.
    busy: usize,
    touched: HashSet<W::Touched>,
    next: u64,
    /// Time per piece while more work waits than a transaction takes. Zero until that happens.
    pace: Duration,
    /// Whether a piece waited too long since the last transaction ended.
    stalled: bool,
    closed: bool,
}

impl<W: Work> Waiting<W> {
    pub(super) fn new(work: W, done: oneshot::Sender<Result<(W, W::Outcome)>>) -> Self {
        Self { touched: work.touched(), work, done, ticket: 0 }
    }
}

impl<W: Work> Queue<W> {
    /// A queue that refuses work when the clinic already holds as many places as are free, or when it would wait for longer
    /// than `longest`.
    pub(super) fn new(places: usize, longest: Option<Duration>) -> Self {
        let lines = Lines {
            places,
            longest,
            by_clinic: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            busy: 0,
            touched: HashSet::new(),
            next: 0,
            pace: Duration::ZERO,
            stalled: false,
            closed: false,
        };
        Self { lines: Mutex::new(lines), changed: Notify::new(), idle: Notify::new() }
    }

    /// Appends a piece to its clinic's line, and returns its number. Fails when the queue refuses work of the clinic.
    pub(super) fn put(&self, piece: Waiting<W>) -> Result<u64, Full> {
        let ticket = self.lines().put(piece)?;
        self.changed.notify_one();
        Ok(ticket)
    }

    /// Removes a piece that waited too long from its line. `false` when a transaction has taken it.
    pub(super) fn withdraw(&self, clinic_id: ClinicId, ticket: u64) -> bool {
        let (withdrawn, idle) = {
            let mut lines = self.lines();
            (lines.withdraw(clinic_id, ticket), lines.idle())
        };
        if idle {
            self.idle.notify_waiters();
        }
        withdrawn
    }

    /// Whether the clinic already holds as many places as are free, or its next piece would wait too long.
    pub(super) fn refuses(&self, clinic_id: ClinicId) -> bool {
        self.lines().refuses(clinic_id)
    }

    /// Takes queued work when there is enough for a transaction. `None` when the queue is closed and empty. With
    /// `one_clinic`, each transaction has work of one clinic, and several may run at once.
    pub(super) async fn take(&self, grouping: Grouping, one_clinic: impl Fn() -> bool) -> Option<Batch<W>> {
        loop {
            {
                let mut lines = self.lines();
                if lines.closed && lines.waiting == 0 {
                    break;
                }
                let one_clinic = one_clinic();
                if lines.busy == 0 || one_clinic || lines.waiting >= grouping.worth_another() {
                    let batch = lines.take(grouping.batch, one_clinic);
                    if !batch.pieces.is_empty() {
                        return Some(batch);
                    }
                }
            }
            // A notification between the check and the wait is not lost.
            self.changed.notified().await;
        }
        // Wakes the other writers, so that they end too.
        self.changed.notify_one();
        None
    }

    /// Ends a transaction.
    pub(super) fn finish(&self, pieces: usize, took: Duration, touched: &[W::Touched]) {
        if self.lines().finish(pieces, took, touched) {
            self.idle.notify_waiters();
        }
        self.changed.notify_one();
    }

    /// Closes the queue. Work that is already queued is still written.
    pub(super) fn close(&self) {
        self.lines().closed = true;
        self.changed.notify_one();
    }

    /// Waits until no work is queued or running.
    pub(super) async fn drained(&self) {
        loop {
            // Created before the check, so that no later notification is missed.
            let idle = self.idle.notified();
            if self.lines().idle() {
                return;
            }
            idle.await;
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines<W>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Work> Lines<W> {
    fn put(&mut self, mut piece: Waiting<W>) -> Result<u64, Full> {
        let clinic_id = piece.work.clinic_id();
        if self.refuses(clinic_id) {
            return Err(Full);
        }
        piece.ticket = self.next;
        self.next += 1;
        if !self.by_clinic.contains_key(&clinic_id) {
            self.turns.push_back(clinic_id);
        }
        self.by_clinic.entry(clinic_id).or_default().push_back(piece);
        self.waiting += 1;
        gauge!("sarcoscreen_writer_waiting", "queue" => W::QUEUE_NAME).set(as_f64(self.waiting));
        Ok(self.next - 1)
    }

    fn withdraw(&mut self, clinic_id: ClinicId, ticket: u64) -> bool {
        let Some(line) = self.by_clinic.get_mut(&clinic_id) else { return false };
        // A line is ordered by ticket.
        let Ok(place) = line.binary_search_by_key(&ticket, |piece| piece.ticket) else { return false };
        line.remove(place);
        if line.is_empty() {
            self.by_clinic.remove(&clinic_id);
            self.turns.retain(|turn| *turn != clinic_id);
        }
        self.waiting -= 1;
        self.stalled = true;
        true
    }

    /// A clinic without waiting work is refused only when no place is free, so the pace is always measured again.
    fn refuses(&self, clinic_id: ClinicId) -> bool {
        let held = self.by_clinic.get(&clinic_id).map_or(0, VecDeque::len);
        // The clinics are served in turn, so before the new piece each line is served at most as often as this clinic's line.
        let ahead = self.waiting.min((held + 1).saturating_mul(self.turns.len()));
        let wait = self.pace.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
        let too_long = self.longest.is_some_and(|longest| self.stalled || wait > longest);
        held >= self.places - self.waiting || held > 0 && too_long
    }

    /// Takes pieces from the clinics in turn. A piece that uses a resource of a running transaction or of an earlier piece
    /// stays in its line. So no transaction waits for another, and pieces that use the same resource are written in order.
    /// With `one_clinic`, all pieces belong to one clinic, the first with a piece that may be taken.
    fn take(&mut self, most: usize, one_clinic: bool) -> Batch<W> {
        let (mut pieces, mut stay) = (Vec::new(), HashMap::<ClinicId, VecDeque<Waiting<W>>>::new());
        let (mut touched, mut blocked, mut passed_over) = (Vec::new(), HashSet::new(), 0);
        while pieces.len() < most && passed_over < most {
            let Some(clinic_id) = self.turns.pop_front() else { break };
            let same = pieces.first().is_none_or(|first: &Waiting<W>| first.work.clinic_id() == clinic_id);
            if one_clinic && !same {
                self.turns.push_front(clinic_id);
                break;
            }
            let Some(line) = self.by_clinic.get_mut(&clinic_id) else { continue };
            let Some(mut piece) = line.pop_front() else { continue };
            let more = !line.is_empty();
            if !more {
                self.by_clinic.remove(&clinic_id);
            }
            if piece.touched.iter().any(|one| self.touched.contains(one) || blocked.contains(one)) {
                passed_over += 1;
                blocked.extend(piece.touched.iter().cloned());
                stay.entry(clinic_id).or_default().push_back(piece);
            } else {
                let touches = take(&mut piece.touched);
                self.touched.extend(touches.iter().cloned());
                touched.extend(touches);
                pieces.push(piece);
            }
            if more && one_clinic && !pieces.is_empty() {
                self.turns.push_front(clinic_id);
            } else if more {
                self.turns.push_back(clinic_id);
            }
        }
        // The clinic's turn is over.
        if one_clinic && self.turns.front() == pieces.first().map(|first| first.work.clinic_id()).as_ref() {
            self.turns.rotate_left(self.turns.len().min(1));
        }
        for (clinic_id, mut front) in stay {
            if let Some(mut line) = self.by_clinic.remove(&clinic_id) {
                front.append(&mut line);
            } else {
                self.turns.push_back(clinic_id);
            }
            self.by_clinic.insert(clinic_id, front);
        }
        self.waiting -= pieces.len();
        self.busy += usize::from(!pieces.is_empty());
        Batch { pieces, touched }
    }

    /// Whether the queue is idle after this transaction.
    fn finish(&mut self, pieces: usize, took: Duration, touched: &[W::Touched]) -> bool {
        self.measure(pieces, took);
        self.stalled = false;
        for one in touched {
            self.touched.remove(one);
        }
        self.busy -= 1;
        self.idle()
    }

    /// Updates the pace from a finished transaction. If no work waits, a larger transaction would have taken less time
    /// per piece, so the pace only gets faster.
    fn measure(&mut self, pieces: usize, took: Duration) {
        let at_once = u32::try_from(pieces * self.busy).unwrap_or(u32::MAX).max(1);
        let measured = took / at_once;
        self.pace = if self.waiting == 0 {
            self.pace.min(measured)
        } else if self.pace.is_zero() {
            measured
        } else {
            (self.pace * (SMOOTHING - 1) + measured) / SMOOTHING
        };
    }

    const fn idle(&self) -> bool {
        self.busy == 0 && self.waiting == 0
    }
}

#[cfg(test)]
mod tests;
