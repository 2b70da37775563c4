//! The queue of waiting work, with one line per clinic. The clinics are served in turn, and none may hold more places than
//! are free. A clinic that floods its line therefore neither fills the queue nor delays another clinic by more than one
//! transaction.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tokio::sync::{Notify, oneshot};

use super::{Grouping, Work, as_f64};
use crate::domain::ids::ClinicId;
use crate::store::error::Result;

/// How long a clinic's work is refused after a piece of it waited too long. Its line gets shorter in that time.
const REFUSING: Duration = Duration::from_millis(50);

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

/// The clinic already holds as many places as are free, or its work is refused for now.
#[derive(Debug)]
pub(super) struct Full;

struct Lines<W: Work> {
    places: usize,
    by_clinic: HashMap<ClinicId, VecDeque<Waiting<W>>>,
    /// The clinics with a line, in the order in which they are served.
    turns: VecDeque<ClinicId>,
    waiting: usize,
    /// Number of running transactions. `touched` holds the resources they use.
    busy: usize,
    touched: HashSet<W::Touched>,
    next: u64,
    /// When a piece of a clinic last waited too long.
    late: HashMap<ClinicId, Instant>,
    closed: bool,
}

impl<W: Work> Waiting<W> {
    pub(super) fn new(work: W, done: oneshot::Sender<Result<(W, W::Outcome)>>) -> Self {
        Self { touched: work.touched(), work, done, ticket: 0 }
    }
}

impl<W: Work> Queue<W> {
    pub(super) fn new(places: usize) -> Self {
        let lines = Lines {
            places,
            by_clinic: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            busy: 0,
            touched: HashSet::new(),
            next: 0,
            late: HashMap::new(),
            closed: false,
        };
        Self { lines: Mutex::new(lines), changed: Notify::new(), idle: Notify::new() }
    }

    /// Appends a piece to its clinic's line, and returns its number. Fails when the clinic already holds as many places as
    /// are free, or when a piece of it just waited too long.
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

    /// Whether a piece of this clinic just waited too long. Later pieces would then wait too long as well.
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

    pub(super) fn finish(&self, touched: &[W::Touched]) {
        if self.lines().finish(touched) {
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
        let held = self.by_clinic.get(&clinic_id).map_or(0, VecDeque::len);
        if held >= self.places - self.waiting || self.refuses(clinic_id) {
            return Err(Full);
        }
        piece.ticket = self.next;
        self.next += 1;
        if held == 0 {
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
        // A queue without a limit never refuses work.
        if self.places < usize::MAX {
            self.late.insert(clinic_id, Instant::now());
        }
        true
    }

    fn refuses(&mut self, clinic_id: ClinicId) -> bool {
        let Some(at) = self.late.get(&clinic_id) else { return false };
        if at.elapsed() < REFUSING {
            return true;
        }
        self.late.remove(&clinic_id);
        false
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
    fn finish(&mut self, touched: &[W::Touched]) -> bool {
        for one in touched {
            self.touched.remove(one);
        }
        self.busy -= 1;
        self.idle()
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
        let queue = Queue::new(12);
        let stored = |clinic| (0..20).filter(|number| put(&queue, clinic, None, *number)).count();
        assert_eq!([1, 2, 3, 4, 5].map(stored), [6, 3, 2, 1, 0]);
        assert_eq!(next(&queue).await.0.len(), 8);
        assert!(put(&queue, 5, None, 0), "places of taken pieces are free again");
    }

    #[tokio::test]
    async fn clinics_are_served_in_turn_and_a_line_keeps_its_order() {
        let queue = Queue::new(100);
        for number in 0..20 {
            assert!(put(&queue, 1, None, number));
        }
        assert!(put(&queue, 2, None, 100) && put(&queue, 3, None, 200) && put(&queue, 2, None, 101));
        assert_eq!(next(&queue).await.0, [0, 100, 200, 1, 101, 2, 3, 4]);
        assert_eq!(next(&queue).await.0, [5, 6, 7, 8, 9, 10, 11, 12]);
    }

    #[tokio::test]
    async fn pieces_with_the_same_resource_are_written_in_order_and_do_not_delay_others() {
        let queue = Queue::new(100);
        for (number, touched) in [(0, Some(7)), (1, Some(7)), (2, None), (3, Some(8)), (4, Some(7))] {
            assert!(put(&queue, 1, touched, number));
        }
        assert!(put(&queue, 2, None, 100));
        let (first, touched) = next(&queue).await;
        assert_eq!((first, &touched[..]), (vec![0, 100, 2, 3], &[7, 8][..]));
        // While 7 is in use, only pieces that do not use it are taken.
        assert!(put(&queue, 1, Some(7), 5) && put(&queue, 2, None, 101));
        assert_eq!(next(&queue).await.0, [101]);
        queue.finish(&touched);
        assert_eq!(next(&queue).await.0, [1]);
        queue.finish(&[7]);
        assert_eq!(next(&queue).await.0, [4]);
    }

    #[tokio::test]
    async fn a_transaction_of_one_clinic_has_no_work_of_another_and_clinics_are_served_in_turn() {
        let queue = Queue::new(100);
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
        queue.finish(&[7]);
        let Batch { pieces, .. } = queue.take(TWO, || true).await.unwrap();
        assert_eq!(pieces[0].work.2, 100);
    }

    #[tokio::test]
    async fn work_that_waited_too_long_is_withdrawn_and_its_clinic_is_briefly_refused() {
        let queue = Queue::new(100);
        let clinic = |id| ClinicId(Uuid::from_u128(id));
        let ticket = |number| {
            let piece = Waiting::new(Piece(1, None, number), oneshot::channel().0);
            queue.put(piece).unwrap_or_else(|_| panic!("refused"))
        };
        let (first, second, third) = (ticket(0), ticket(1), ticket(2));
        assert!(put(&queue, 2, None, 100));
        assert!(queue.withdraw(clinic(1), second) && !queue.withdraw(clinic(1), second));
        assert!(queue.refuses(clinic(1)) && !put(&queue, 1, None, 3));
        assert!(!queue.refuses(clinic(2)) && put(&queue, 2, None, 101));
        assert_eq!(next(&queue).await.0, [0, 100, 2, 101]);
        assert!(!queue.withdraw(clinic(1), first) && !queue.withdraw(clinic(1), third), "both are taken");
        // The refusal ends by time and sends no notification.
        while queue.refuses(clinic(1)) {
            tokio::time::sleep(REFUSING / 10).await;
        }
        assert!(put(&queue, 1, None, 4));
    }

    #[tokio::test]
    async fn a_closed_queue_ends_every_writer_when_the_rest_is_taken() {
        let queue = Queue::new(100);
        assert!(put(&queue, 1, None, 0));
        queue.close();
        assert_eq!(next(&queue).await.0, [0]);
        assert!(queue.take(TWO, || false).await.is_none() && queue.take(TWO, || false).await.is_none());
        queue.finish(&[]);
        queue.drained().await;
    }
}
