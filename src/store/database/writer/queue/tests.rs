//! Unit tests of the queue.

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
    // With two lines, the sixth piece of a clinic would wait too long; with three lines, the fourth.
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
        // After the last transaction no work waits, so a slow one does not change the pace.
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
