//! A rate limit over many keys, in bounded memory.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::app::ambient::Ambient;

/// Maximum number of remembered keys, in addition to those of the last second.
const ROOM: usize = 100_000;

pub(super) struct Counter<K: Clone + Eq + Hash> {
    quota: NonZeroU32,
    limiter: Limiter<K>,
    clock: Elapsed,
    /// The second of the last sweep.
    swept: AtomicU64,
    /// Whether the last sweep left the counter full.
    full: AtomicBool,
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, Elapsed, StateInformationMiddleware>;

/// The process's monotonic time, as a clock of the limiter.
#[derive(Clone)]
pub(super) struct Elapsed(pub(super) Arc<dyn Ambient>);

impl<K: Clone + Eq + Hash> Counter<K> {
    /// A counter of requests per minute; `None` for no limit.
    pub(super) fn new(quota: u32, clock: &Elapsed) -> Option<Self> {
        let quota = NonZeroU32::new(quota)?;
        let per_minute = Quota::per_minute(quota);
        let limiter = Limiter::new(per_minute, DashMapStateStore::default(), clock.clone()).with_middleware();
        let (swept, full) = (AtomicU64::default(), AtomicBool::default());
        Some(Self { quota, limiter, clock: clock.clone(), swept, full })
    }

    pub(super) fn quota(&self) -> u32 {
        self.quota.get()
    }

    /// Counts one request: returns how many are left, or how long to wait.
    pub(super) fn count(&self, key: &K) -> Result<u32, Duration> {
        self.sweep();
        self.check(key)
    }

    /// Like [`Self::count`], for keys that any client can invent: while the counter is full, new keys share one.
    pub(super) fn count_within_room(&self, key: K, shared: K) -> Result<u32, Duration> {
        self.sweep();
        self.check(if self.full.load(Ordering::Relaxed) { &shared } else { &key })
    }

    fn check(&self, key: &K) -> Result<u32, Duration> {
        match self.limiter.check_key(key) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(refused.wait_time_from(self.clock.now())),
        }
    }

    /// Removes, at most once a second, the keys with a full quota.
    fn sweep(&self) {
        let second = self.clock.0.elapsed().as_secs();
        if self.swept.swap(second, Ordering::Relaxed) != second {
            self.limiter.retain_recent();
            self.full.store(self.limiter.len() >= ROOM, Ordering::Relaxed);
        }
    }
}

impl GovernorClock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::app::error::Result;

    /// A clock that a test sets.
    #[derive(Default)]
    pub(in crate::app::access::limits) struct Still(Mutex<Duration>);

    impl Ambient for Still {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn fill(&self, _: &mut [u8]) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn invented_keys_take_bounded_memory_and_room_is_freed() {
        let clock = Arc::new(Still::default());
        let at = |seconds| *clock.0.lock().unwrap() = Duration::from_secs(seconds);
        let counter = Counter::<usize>::new(2, &Elapsed(Arc::clone(&clock) as Arc<dyn Ambient>)).unwrap();
        let count = |key| counter.count_within_room(key, 0).is_ok();
        assert!((1..=ROOM).all(count), "keys of one second are counted separately");
        at(1);
        let others = (ROOM + 1..2 * ROOM).filter(|key| count(*key)).count();
        assert_eq!((others, counter.limiter.len()), (2, ROOM + 1), "further keys share one");
        at(100);
        assert!(count(1) && counter.limiter.len() < 10);
        assert!((2..100).all(count), "keys are counted separately again");
    }
}
