//! How late an HTTP worker is. A worker handles its requests in turn. If more arrive than it can handle, they wait in their
//! sockets, where no queue counts them. A worker that is late for some time is overloaded; then requests that it refuses
//! while it is late cost little, so that it becomes punctual again and its refusals arrive soon.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use actix_web::rt;
use tokio::task::yield_now;

/// A turn is late if it takes this part of the time that a request may wait for the database: 22 ms of 1.4 s.
const LATE: u32 = 64;
/// A worker that was late in every turn for this long is overloaded. A single large request does not overload it.
const SUSTAINED: Duration = Duration::from_millis(500);
/// A worker that was late in no turn for this long is not overloaded any more.
const CALM: Duration = Duration::from_secs(1);

thread_local! {
    static WORKER: RefCell<Turns> = const { RefCell::new(Turns::NEW) };
    static MEASURING: Cell<bool> = const { Cell::new(false) };
}

/// What the turns of a worker took.
struct Turns {
    /// Whether the last turn was late.
    late: bool,
    /// Since when each turn was late, or none was.
    since: Option<Instant>,
    overloaded: bool,
}

/// Whether this worker is overloaded and late, so that it should refuse work. Each call has the next turn measured.
/// `deadline`: how long a request may wait for the database.
pub(in crate::http) fn late(deadline: Duration) -> bool {
    if !MEASURING.replace(true) {
        rt::spawn(async move {
            let start = Instant::now();
            yield_now().await;
            MEASURING.set(false);
            WORKER.with_borrow_mut(|turns| turns.note(start.elapsed() >= deadline / LATE, Instant::now()));
        });
    }
    WORKER.with_borrow(|turns| turns.overloaded && turns.late)
}

impl Turns {
    const NEW: Self = Self { late: false, since: None, overloaded: false };

    fn note(&mut self, late: bool, now: Instant) {
        if late != self.late {
            self.late = late;
            self.since = None;
        }
        let since = *self.since.get_or_insert(now);
        let enough = if late { SUSTAINED } else { CALM };
        if late != self.overloaded && now.duration_since(since) >= enough {
            self.overloaded = late;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_overloaded_while_its_turns_are_late_for_some_time() {
        let (mut turns, start) = (Turns::NEW, Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let (slow, fast) = (true, false);
        let mut refuses = |turn, ms| {
            turns.note(turn, at(ms));
            turns.overloaded && turns.late
        };
        // One slow turn is not enough, and a fast one between two of them starts anew.
        assert!(!refuses(slow, 0) && !refuses(slow, 400) && !refuses(fast, 450) && !refuses(slow, 460));
        assert!(!refuses(slow, 900) && refuses(slow, 960));
        // A fast turn accepts work again, and the next slow one refuses it at once.
        assert!(!refuses(fast, 970) && refuses(slow, 980) && !refuses(fast, 1_000));
        // A second without a slow turn ends the overload.
        assert!(!refuses(fast, 2_000) && !refuses(slow, 2_010) && !refuses(slow, 2_500));
        assert!(refuses(slow, 2_520));
    }
}
