//! The lag of an HTTP worker: how long a task waits for its turn. If submissions are refused and the lag is long, refusals wait
//! too. The worker then admits fewer submissions, because each costs as much time as several refusals.

use std::cell::Cell;
use std::time::{Duration, Instant};

use actix_web::rt::spawn;

use crate::app::submissions::intake::PLACES;

/// The lag above which fewer submissions are admitted. A refusal takes a few turns.
const LONGEST: Duration = Duration::from_millis(5);
/// If a measurement takes longer than this, at most [`LEAST`] submissions are admitted until it ends.
const MUCH: Duration = Duration::from_millis(20);
/// How long after a refusal the limit applies.
const REFUSING: Duration = Duration::from_secs(1);
/// Time in which the limit grows by one submission.
const GROWTH: Duration = Duration::from_millis(20);
/// The lowest limit.
const LEAST: usize = 8;

thread_local! {
    static LAG: Lag = const { Lag::new() };
}

/// The measurements and the limit of a worker.
struct Lag {
    /// Start of the measurement in progress.
    begun: Cell<Option<Instant>>,
    refused: Cell<Option<Instant>>,
    /// Maximum number of submissions in progress, of all workers, at which this worker admits another.
    limit: Cell<usize>,
    changed: Cell<Option<Instant>>,
}

/// How many submissions may be in progress. Call it in an HTTP worker for each submission; it begins the next measurement.
pub(in crate::http) fn limit() -> usize {
    LAG.with(|lag| {
        let now = Instant::now();
        if lag.begun.get().is_none() {
            lag.begun.set(Some(now));
            // A new task runs after all tasks that wait for their turn.
            spawn(async { LAG.with(|lag| lag.end_measurement(Instant::now())) });
        }
        lag.limit_at(now)
    })
}

/// Notes that a submission is refused.
pub(in crate::http) fn refused() {
    LAG.with(|lag| lag.refused.set(Some(Instant::now())));
}

impl Lag {
    const fn new() -> Self {
        Self { begun: Cell::new(None), refused: Cell::new(None), limit: Cell::new(PLACES), changed: Cell::new(None) }
    }

    fn limit_at(&self, now: Instant) -> usize {
        let late = self.begun.get().is_some_and(|begun| now - begun > MUCH) && self.refuses(now);
        if late { LEAST } else { self.limit.get() }
    }

    fn refuses(&self, now: Instant) -> bool {
        self.refused.get().is_some_and(|refused| now - refused <= REFUSING)
    }

    fn end_measurement(&self, now: Instant) {
        let limit = self.limit.get();
        let next = match self.begun.take().map_or(Duration::ZERO, |begun| now - begun) {
            _ if !self.refuses(now) => PLACES,
            lag if lag > MUCH => LEAST.max(limit / 4),
            lag if lag > LONGEST => LEAST.max(limit * 3 / 4),
            _ if self.changed.get().is_none_or(|changed| now - changed > GROWTH) => PLACES.min(limit + 1),
            _ => return,
        };
        self.limit.set(next);
        self.changed.set(Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limit after measurements that end at these times, with these lags, in milliseconds. The refusal is at time 0.
    fn limit(measurements: &[(u64, u64)]) -> usize {
        let (lag, start) = (Lag::new(), Instant::now());
        lag.refused.set(Some(start));
        for (at, measured) in measurements {
            let end = start + Duration::from_millis(*at);
            lag.begun.set(end.checked_sub(Duration::from_millis(*measured)));
            lag.end_measurement(end);
        }
        lag.limit.get()
    }

    #[test]
    fn a_long_lag_reduces_the_limit_while_submissions_are_refused() {
        assert_eq!(limit(&[(10, 5)]), PLACES);
        assert_eq!(limit(&[(10, 6)]), PLACES * 3 / 4);
        assert_eq!(limit(&[(30, 21)]), PLACES / 4);
        let long: Vec<_> = (1..=9).map(|turn| (turn * 100, 100)).collect();
        assert_eq!(limit(&long), LEAST);
        assert_eq!(limit(&[(1_100, 100)]), PLACES, "the last refusal is too long ago");
    }

    #[test]
    fn a_short_lag_raises_the_limit_slowly() {
        assert_eq!(limit(&[(100, 30), (110, 1), (121, 1), (130, 1), (142, 1)]), PLACES / 4 + 2);
        assert_eq!(limit(&[(100, 30), (1_200, 1)]), PLACES);
    }

    #[test]
    fn the_limit_is_least_during_a_long_measurement_while_submissions_are_refused() {
        let (lag, start) = (Lag::new(), Instant::now());
        let at = |milliseconds| lag.limit_at(start + Duration::from_millis(milliseconds));
        lag.begun.set(Some(start));
        assert_eq!((at(20), at(21)), (PLACES, PLACES));
        lag.refused.set(Some(start));
        assert_eq!((at(20), at(21), at(1_001)), (PLACES, LEAST, PLACES));
    }
}
