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

/// Weight of the latest transaction in the pace: one in so many.
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
        // The clinics are served in turn, so of each line at most as many pieces as of this one come first.
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

    /// Learns the pace from a finished transaction. If no work waits, a larger transaction would have taken less time per
    /// piece, so the pace only gets faster.
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
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::database::Store;

    /// A piece of work: its clinic, an optional resource, and a number.
    struct Piece(u128, Option<u8>, usize);

    impl Work for Piece {
        const QUEUE_NAME: &'static str = "test";
        type Touched = u8;
        type Outcome = ();

        fn clinic_id(&self) -> ClinicId {
            ClinicId(Uuid::from_u128(self.0))
        }

        fn touched(&self) -> Vec<u8> {
            self.1.into_iter().collect()
        }

        async fn commit(_: &Store, part: &[Self]) -> Result<Vec<()>> {
            Ok(vec![(); part.len()])
        }
    }

    const LONGEST: Option<Duration> = Some(Duration::from_millis(100));
    const TWO: Grouping = Grouping { batch: 8, writers: 2, waiting: 12 };

    fn put(queue: &Queue<Piece>, clinic: u128, touched: Option<u8>, number: usize) -> bool {
        queue.put(Waiting::new(Piece(clinic, touched, number), oneshot::channel().0)).is_ok()
    }

    /// The numbers of the next transaction's pieces, and the resources they use.
    async fn next(queue: &Queue<Piece>) -> (Vec<usize>, Vec<u8>) {
        let Batch { pieces, touched } = queue.take(TWO, || false).await.unwrap();
        (pieces.iter().map(|piece| piece.work.2).collect(), touched)
    }

    #[tokio::test]
    async fn a_clinic_holds_at_most_as_many_places_as_are_free() {
        let queue = Queue::new(12, LONGEST);
        let stored = |clinic| (0..20).filter(|number| put(&queue, clinic, None, *number)).count();
        assert_eq!([1, 2, 3, 4, 5].map(stored), [6, 3, 2, 1, 0]);
        assert_eq!(next(&queue).await.0.len(), 8);
        assert!(put(&queue, 5, None, 0), "places of taken pieces are free again");
    }

    #[tokio::test]
    async fn clinics_are_served_in_turn_and_a_line_keeps_its_order() {
        let queue = Queue::new(100, LONGEST);
        for number in 0..20 {
            assert!(put(&queue, 1, None, number));
        }
        assert!(put(&queue, 2, None, 100) && put(&queue, 3, None, 200) && put(&queue, 2, None, 101));
        assert_eq!(next(&queue).await.0, [0, 100, 200, 1, 101, 2, 3, 4]);
        assert_eq!(next(&queue).await.0, [5, 6, 7, 8, 9, 10, 11, 12]);
    }

    #[tokio::test]
    async fn pieces_with_the_same_resource_are_written_in_order_and_do_not_delay_others() {
        let queue = Queue::new(100, LONGEST);
        for (number, touched) in [(0, Some(7)), (1, Some(7)), (2, None), (3, Some(8)), (4, Some(7))] {
            assert!(put(&queue, 1, touched, number));
        }
        assert!(put(&queue, 2, None, 100));
        let (first, touched) = next(&queue).await;
        assert_eq!((first, &touched[..]), (vec![0, 100, 2, 3], &[7, 8][..]));
        // While 7 is in use, only pieces that do not use it are taken.
        assert!(put(&queue, 1, Some(7), 5) && put(&queue, 2, None, 101));
        assert_eq!(next(&queue).await.0, [101]);
        queue.finish(4, Duration::ZERO, &touched);
        assert_eq!(next(&queue).await.0, [1]);
        queue.finish(1, Duration::ZERO, &[7]);
        assert_eq!(next(&queue).await.0, [4]);
    }

    #[tokio::test]
    async fn a_transaction_of_one_clinic_has_no_work_of_another_and_clinics_are_served_in_turn() {
        let queue = Queue::new(100, LONGEST);
        for number in 0..10 {
            assert!(put(&queue, 1, None, number));
        }
        // Clinic 2 waits for a resource of a running transaction first.
        let running = Waiting::new(Piece(9, Some(7), 900), oneshot::channel().0);
        assert!(queue.put(running).is_ok());
        assert!(put(&queue, 2, Some(7), 100) && put(&queue, 3, None, 200) && put(&queue, 2, None, 101));
        let mut taken = Vec::new();
        while queue.lines().waiting > 1 {
            let Batch { pieces, .. } = queue.take(TWO, || true).await.unwrap();
            taken.push(pieces.iter().map(|piece| piece.work.2).collect::<Vec<_>>());
        }
        assert_eq!(taken, [vec![0, 1, 2, 3, 4, 5, 6, 7], vec![900], vec![200], vec![8, 9], vec![101]]);
        queue.finish(1, Duration::ZERO, &[7]);
        let Batch { pieces, .. } = queue.take(TWO, || true).await.unwrap();
        assert_eq!(pieces[0].work.2, 100);
    }

    #[tokio::test]
    async fn work_that_waited_too_long_is_withdrawn_and_more_is_refused_until_a_transaction_ends() {
        let queue = Queue::new(100, LONGEST);
        let clinic = |id| ClinicId(Uuid::from_u128(id));
        let ticket = |number| {
            let piece = Waiting::new(Piece(1, None, number), oneshot::channel().0);
            queue.put(piece).unwrap_or_else(|_| panic!("refused"))
        };
        let (first, second, third) = (ticket(0), ticket(1), ticket(2));
        assert!(put(&queue, 2, None, 100));
        assert!(queue.withdraw(clinic(1), second) && !queue.withdraw(clinic(1), second));
        assert!(queue.refuses(clinic(1)) && !put(&queue, 1, None, 3));
        assert!(queue.refuses(clinic(2)) && !put(&queue, 2, None, 101));
        assert!(put(&queue, 3, None, 200), "a clinic without waiting work is not refused");
        assert_eq!(next(&queue).await.0, [0, 100, 200, 2]);
        assert!(!queue.withdraw(clinic(1), first) && !queue.withdraw(clinic(1), third), "both are taken");
        assert!(put(&queue, 1, None, 4) && !put(&queue, 1, None, 5));
        queue.finish(4, Duration::from_millis(1), &[]);
        assert!(put(&queue, 1, None, 6));
    }

    #[tokio::test]
    async fn work_that_would_wait_too_long_is_refused() {
        let queue = Queue::new(1_000, LONGEST);
        let stored = |clinic| (0..100).filter(|number| put(&queue, clinic, None, *number)).count();
        assert_eq!(stored(1), 100, "without a pace nothing is refused");
        // Eight pieces in 80 ms: 10 ms each, and 100 ms is the longest wait.
        assert_eq!(next(&queue).await.0.len(), 8);
        queue.finish(8, Duration::from_millis(80), &[]);
        assert!(queue.refuses(ClinicId(Uuid::from_u128(1))) && stored(1) == 0);
        // Each line of two has a turn before the sixth piece of another.
        assert_eq!([stored(2), stored(3)], [5, 3]);
        while queue.lines().waiting > 0 {
            let (pieces, touched) = next(&queue).await;
            queue.finish(pieces.len(), Duration::from_millis(10) * u32::try_from(pieces.len()).unwrap(), &touched);
        }
        assert_eq!(stored(1), 11, "ten come first");
    }

    #[tokio::test]
    async fn the_pace_follows_full_transactions_and_a_small_one_never_slows_it() {
        let queue = Queue::new(1_000, None);
        let round = async |count, took| {
            assert!((0..count).all(|number| put(&queue, 1, None, number)));
            queue.finish(next(&queue).await.0.len(), took, &[]);
            // The last transaction leaves nothing, so a slow one changes nothing.
            if queue.lines().waiting > 0 {
                queue.finish(next(&queue).await.0.len(), Duration::from_mins(1), &[]);
            }
            queue.lines().pace
        };
        let ms = Duration::from_millis;
        assert_eq!(round(1, ms(900)).await, Duration::ZERO, "an idle queue has no pace");
        assert_eq!(round(16, ms(8)).await, ms(1));
        assert_eq!(round(1, ms(900)).await, ms(1));
        assert_eq!(round(16, ms(72)).await, ms(2), "an eighth of the way from 1 to 9");
        assert_eq!(round(4, ms(1)).await, Duration::from_micros(250));
    }

    #[tokio::test]
    async fn a_closed_queue_ends_every_writer_when_the_rest_is_taken() {
        let queue = Queue::new(100, LONGEST);
        assert!(put(&queue, 1, None, 0));
        queue.close();
        assert_eq!(next(&queue).await.0, [0]);
        assert!(queue.take(TWO, || false).await.is_none() && queue.take(TWO, || false).await.is_none());
        queue.finish(1, Duration::ZERO, &[]);
        queue.drained().await;
    }
}
