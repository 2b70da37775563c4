//! What waits to be written: a line for each clinic. The clinics are served in turn, and none may hold more places than are
//! free, so a clinic that floods its line neither fills the queue nor delays another clinic by more than a transaction.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::{Grouping, Work, measures};
use crate::domain::ids::ClinicId;
use crate::store::StoreError;

/// How long a clinic's work is refused after a piece of it waited too long: the line is shorter by so much then.
const REFUSING: Duration = Duration::from_millis(50);

/// A piece of work, and who waits for it to be on disk.
pub(super) struct Waiting<W: Work> {
    pub(super) work: W,
    pub(super) done: oneshot::Sender<Result<(W, W::Outcome), StoreError>>,
    /// What it touches, until it is under way.
    touched: Vec<W::Touched>,
    /// Its number in the queue.
    ticket: u64,
}

/// What one transaction writes.
pub(super) struct Batch<W: Work> {
    pub(super) pieces: Vec<Waiting<W>>,
    touched: Vec<W::Touched>,
}

/// The queue of one kind of work.
pub(super) struct Queue<W: Work> {
    lines: Mutex<Lines<W>>,
    /// Told whenever work came, a transaction ended, or nothing will come any more.
    changed: Notify,
    /// Told whenever nothing waits and nothing is under way.
    idle: Notify,
}

/// The clinic has as many places already as are free.
#[derive(Debug)]
pub(super) struct Full;

struct Lines<W: Work> {
    places: usize,
    by_clinic: HashMap<ClinicId, VecDeque<Waiting<W>>>,
    /// The clinics that have a line, the next one first.
    turns: VecDeque<ClinicId>,
    waiting: usize,
    /// Transactions under way, and what they touch.
    busy: usize,
    touched: HashSet<W::Touched>,
    /// The number of the next piece.
    next: u64,
    /// When a piece of a clinic last waited too long.
    late: HashMap<ClinicId, Instant>,
    closed: bool,
}

impl<W: Work> Waiting<W> {
    pub(super) fn new(work: W, done: oneshot::Sender<Result<(W, W::Outcome), StoreError>>) -> Self {
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

    /// Puts a piece at the end of its clinic's line and gives its number.
    ///
    /// # Errors
    /// When the clinic holds as many places already as are free, or a piece of it waited too long just now.
    pub(super) fn put(&self, piece: Waiting<W>) -> Result<u64, Full> {
        let ticket = self.lines().put(piece)?;
        self.changed.notify_one();
        Ok(ticket)
    }

    /// Takes a piece that waited too long out of its line; `false` when it is under way.
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

    /// Whether a piece of this clinic waited too long just now: then the next ones would too.
    pub(super) fn refuses(&self, clinic_id: ClinicId) -> bool {
        self.lines().refuses(clinic_id)
    }

    /// Takes what has gathered, once it is worth a transaction; `None` when nothing will come any more.
    pub(super) async fn take(&self, grouping: Grouping) -> Option<Batch<W>> {
        loop {
            {
                let mut lines = self.lines();
                if lines.closed && lines.waiting == 0 {
                    break;
                }
                if lines.busy == 0 || lines.waiting >= grouping.worth_another() {
                    let batch = lines.take(grouping.batch);
                    if !batch.pieces.is_empty() {
                        return Some(batch);
                    }
                }
            }
            // What happens between the look and the wait is kept for the wait.
            self.changed.notified().await;
        }
        // The other writers are to find out too.
        self.changed.notify_one();
        None
    }

    /// A transaction ended.
    pub(super) fn written(&self, touched: &[W::Touched]) {
        if self.lines().written(touched) {
            self.idle.notify_waiters();
        }
        self.changed.notify_one();
    }

    /// Nothing will come any more; what waits is still written.
    pub(super) fn close(&self) {
        self.lines().closed = true;
        self.changed.notify_one();
    }

    /// Waits until nothing waits and nothing is under way.
    pub(super) async fn drained(&self) {
        loop {
            // Made before the look, so that it is told of whatever happens after.
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
        measures::depth::<W>(self.waiting);
        Ok(self.next - 1)
    }

    fn withdraw(&mut self, clinic_id: ClinicId, ticket: u64) -> bool {
        let Some(line) = self.by_clinic.get_mut(&clinic_id) else { return false };
        // A line is in the order of its numbers.
        let Ok(place) = line.binary_search_by_key(&ticket, |piece| piece.ticket) else { return false };
        line.remove(place);
        if line.is_empty() {
            self.by_clinic.remove(&clinic_id);
            self.turns.retain(|turn| *turn != clinic_id);
        }
        self.waiting -= 1;
        // A queue that turns none away has no limit of places.
        if self.places < usize::MAX {
            self.late.insert(clinic_id, Instant::now());
        }
        true
    }

    fn refuses(&mut self, clinic_id: ClinicId) -> bool {
        let Some(at) = self.late.get(&clinic_id) else { return false };
        let refuses = at.elapsed() < REFUSING;
        if !refuses {
            self.late.remove(&clinic_id);
        }
        refuses
    }

    /// Takes pieces from the clinics in turn. One that touches what is under way, or what a piece before it touches, stays
    /// in its line: no transaction waits for another, and what touches the same is written in its order.
    fn take(&mut self, most: usize) -> Batch<W> {
        let (mut pieces, mut stay) = (Vec::new(), HashMap::<ClinicId, VecDeque<Waiting<W>>>::new());
        let (mut touched, mut blocked, mut passed_over) = (Vec::new(), HashSet::new(), 0);
        while pieces.len() < most && passed_over < most {
            let Some(clinic_id) = self.turns.pop_front() else { break };
            let Some(line) = self.by_clinic.get_mut(&clinic_id) else { continue };
            let Some(mut piece) = line.pop_front() else { continue };
            if line.is_empty() {
                self.by_clinic.remove(&clinic_id);
            } else {
                self.turns.push_back(clinic_id);
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

    /// Whether nothing is left to do.
    fn written(&mut self, touched: &[W::Touched]) -> bool {
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

impl<W: Work> Batch<W> {
    /// The pieces, and what they touch.
    pub(super) fn into_parts(self) -> (Vec<Waiting<W>>, Vec<W::Touched>) {
        (self.pieces, self.touched)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::Store;

    /// A piece of a clinic that may touch something.
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

        async fn commit(_: &Store, part: &[Self]) -> Result<Vec<()>, StoreError> {
            Ok(vec![(); part.len()])
        }
    }

    const TWO: Grouping = Grouping { batch: 8, writers: 2, waiting: 12 };

    fn put(queue: &Queue<Piece>, clinic: u128, touched: Option<u8>, number: usize) -> bool {
        queue.put(Waiting::new(Piece(clinic, touched, number), oneshot::channel().0)).is_ok()
    }

    /// The numbers of the next transaction's pieces, and what they touch.
    async fn next(queue: &Queue<Piece>) -> (Vec<usize>, Vec<u8>) {
        let (pieces, touched) = queue.take(TWO).await.unwrap().into_parts();
        (pieces.iter().map(|piece| piece.work.2).collect(), touched)
    }

    #[tokio::test]
    async fn a_clinic_holds_as_many_places_as_are_free_and_there_is_always_one_for_another() {
        let queue = Queue::new(12);
        let stored = |clinic| (0..20).filter(|number| put(&queue, clinic, None, *number)).count();
        assert_eq!([1, 2, 3, 4, 5].map(stored), [6, 3, 2, 1, 0]);
        assert_eq!(next(&queue).await.0.len(), 8);
        assert!(put(&queue, 5, None, 0), "what was taken is free again");
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
    async fn what_touches_the_same_is_written_one_after_the_other_and_holds_up_nothing_else() {
        let queue = Queue::new(100);
        for (number, touched) in [(0, Some(7)), (1, Some(7)), (2, None), (3, Some(8)), (4, Some(7))] {
            assert!(put(&queue, 1, touched, number));
        }
        assert!(put(&queue, 2, None, 100));
        let (first, touched) = next(&queue).await;
        assert_eq!((first, &touched[..]), (vec![0, 100, 2, 3], &[7, 8][..]));
        // While 7 is under way, only what does not touch it is taken.
        assert!(put(&queue, 1, Some(7), 5) && put(&queue, 2, None, 101));
        assert_eq!(next(&queue).await.0, [101]);
        queue.written(&touched);
        assert_eq!(next(&queue).await.0, [1]);
        queue.written(&[7]);
        assert_eq!(next(&queue).await.0, [4]);
    }

    #[tokio::test]
    async fn what_waited_too_long_is_withdrawn_and_its_clinic_is_refused_for_a_moment() {
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
        assert!(!queue.withdraw(clinic(1), first) && !queue.withdraw(clinic(1), third), "both are under way");
        // The refusal ends by time and sends no event.
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
        assert!(queue.take(TWO).await.is_none() && queue.take(TWO).await.is_none());
        queue.written(&[]);
        queue.drained().await;
    }
}
