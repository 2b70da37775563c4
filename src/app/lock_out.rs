//! Who tries keys that do not work is not asked further for a while.
//!
//! Failures are counted by address and key prefix, so that neither another client at the same address nor the same key
//! elsewhere suffers. Who tries one prefix after the other is counted by address alone, and then only prefixes that
//! worked within the last hour are let through from there.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;

use super::ambient::Ambient;
use super::sign_in::PREFIX_LENGTH;

/// Failures are counted over this time, and who had too many waits for as long.
pub const WINDOW: Duration = Duration::from_mins(1);
/// Failures of one prefix at one address.
pub const FAILURES_OF_A_PREFIX: usize = 10;
/// Failures of unknown prefixes at one address.
pub const FAILURES_OF_AN_ADDRESS: usize = 60;
/// A prefix that worked is trusted for this long.
const TRUST: Duration = Duration::from_hours(1);
/// Who is remembered, at most; whoever fails beyond that is looked up each time.
const MOST: usize = 20_000;

/// The prefix of a key.
pub(super) type Prefix = [u8; PREFIX_LENGTH];

/// Who fails, and who does not.
pub(crate) struct LockOut {
    ambient: Arc<dyn Ambient>,
    pairs: Counter<(IpAddr, Prefix)>,
    addresses: Counter<IpAddr>,
    worked: DashMap<Prefix, Duration>,
}

impl LockOut {
    pub(crate) fn new(ambient: Arc<dyn Ambient>) -> Self {
        let (pairs, addresses) = (Counter::new(FAILURES_OF_A_PREFIX), Counter::new(FAILURES_OF_AN_ADDRESS));
        Self { ambient, pairs, addresses, worked: DashMap::new() }
    }

    /// How long whoever sends this prefix from there must wait, if so. A text without a prefix is nobody's key.
    pub(super) fn wait(&self, address: IpAddr, prefix: Option<&Prefix>) -> Option<Duration> {
        let (now, place) = (self.ambient.elapsed(), place(address));
        let pair = prefix.and_then(|prefix| self.pairs.locked(&(place, *prefix), now));
        pair.or_else(|| {
            let locked = self.addresses.locked(&place, now)?;
            let trusted = prefix.and_then(|prefix| self.worked.get(prefix)).is_some_and(|at| now < *at + TRUST);
            (!trusted).then_some(locked)
        })
    }

    /// A key did not work. `known` says whether its prefix is that of a credential.
    pub(super) fn failed(&self, address: IpAddr, prefix: Option<&Prefix>, known: bool) {
        let (now, place) = (self.ambient.elapsed(), place(address));
        if let Some(prefix) = prefix {
            self.pairs.count((place, *prefix), now);
        }
        if !known {
            self.addresses.count(place, now);
        }
    }

    /// A key was looked up and works.
    pub(super) fn worked(&self, prefix: &Prefix) {
        let now = self.ambient.elapsed();
        if self.worked.len() >= MOST {
            self.worked.retain(|_, at| now < *at + TRUST);
        }
        self.worked.insert(*prefix, now);
    }
}

/// Counts failures by key, each over the last minute.
struct Counter<K> {
    most: usize,
    failing: DashMap<K, Failing>,
    /// The second in which there was last no room.
    full: AtomicU64,
}

#[derive(Default)]
struct Failing {
    times: VecDeque<Duration>,
    until: Duration,
}

impl<K: Eq + Hash> Counter<K> {
    fn new(most: usize) -> Self {
        Self { most, failing: DashMap::new(), full: AtomicU64::new(u64::MAX) }
    }

    fn locked(&self, key: &K, now: Duration) -> Option<Duration> {
        let until = self.failing.get(key)?.until;
        until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    fn count(&self, key: K, now: Duration) {
        if !self.has_room(now) {
            return;
        }
        let mut failing = self.failing.entry(key).or_default();
        while failing.times.front().is_some_and(|at| *at + WINDOW <= now) {
            failing.times.pop_front();
        }
        failing.times.push_back(now);
        if failing.times.len() >= self.most {
            failing.until = now + WINDOW;
            failing.times.clear();
        }
    }

    /// Makes room by forgetting what is over, at most once a second however many fail.
    fn has_room(&self, now: Duration) -> bool {
        if self.failing.len() < MOST {
            return true;
        }
        if self.full.swap(now.as_secs(), Ordering::Relaxed) != now.as_secs() {
            self.failing.retain(|_, failing| failing.matters(now));
        }
        self.failing.len() < MOST
    }
}

impl Failing {
    fn matters(&self, now: Duration) -> bool {
        now < self.until || self.times.back().is_some_and(|at| now < *at + WINDOW)
    }
}

/// What counts as one address: whoever has an IPv6 address has all of its network of 64 bits.
#[must_use]
pub fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use super::*;
    use crate::app::AppError;

    #[derive(Default)]
    struct Still(Mutex<Duration>);

    impl Ambient for Still {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn fill(&self, _: &mut [u8]) -> Result<(), AppError> {
            Ok(())
        }
    }

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const A: Prefix = [b'a'; PREFIX_LENGTH];
    const B: Prefix = [b'b'; PREFIX_LENGTH];

    fn fresh() -> (Arc<Still>, LockOut) {
        let clock = Arc::new(Still::default());
        (Arc::clone(&clock), LockOut::new(clock))
    }

    fn unknown(number: usize) -> Prefix {
        format!("{number:013}").into_bytes().try_into().unwrap()
    }

    #[test]
    fn ten_failures_within_a_minute_lock_the_prefix_at_the_address_and_nothing_else() {
        let (clock, lock_out) = fresh();
        for _ in 0..9 {
            lock_out.failed(HERE, Some(&A), true);
        }
        assert_eq!(lock_out.wait(HERE, Some(&A)), None);
        *clock.0.lock().unwrap() = Duration::from_secs(59);
        lock_out.failed(HERE, Some(&A), true);
        assert_eq!(lock_out.wait(HERE, Some(&A)), Some(WINDOW));
        assert_eq!(lock_out.wait(HERE, Some(&B)), None);
        assert_eq!(lock_out.wait(ELSEWHERE, Some(&A)), None);
        *clock.0.lock().unwrap() = Duration::from_secs(119);
        assert_eq!(lock_out.wait(HERE, Some(&A)), None);
    }

    #[test]
    fn failures_further_apart_than_a_minute_do_not_add_up() {
        let (clock, lock_out) = fresh();
        for second in 0..100 {
            *clock.0.lock().unwrap() = Duration::from_secs(second * 7);
            lock_out.failed(HERE, Some(&A), true);
            assert_eq!(lock_out.wait(HERE, Some(&A)), None);
        }
    }

    #[test]
    fn trying_prefixes_locks_the_address_for_all_but_what_worked_within_the_hour() {
        let (clock, lock_out) = fresh();
        lock_out.worked(&A);
        for number in 0..60 {
            assert_eq!(lock_out.wait(HERE, Some(&unknown(number))), None);
            lock_out.failed(HERE, Some(&unknown(number)), false);
        }
        assert_eq!(lock_out.wait(HERE, Some(&B)), Some(WINDOW));
        assert_eq!(lock_out.wait(HERE, None), Some(WINDOW));
        assert_eq!(lock_out.wait(HERE, Some(&A)), None);
        assert_eq!(lock_out.wait(ELSEWHERE, Some(&B)), None);
        *clock.0.lock().unwrap() = TRUST;
        for number in 100..160 {
            lock_out.failed(HERE, Some(&unknown(number)), false);
        }
        assert_eq!(lock_out.wait(HERE, Some(&A)), Some(WINDOW));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let (_, lock_out) = fresh();
        let host = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        for last in 0..10 {
            lock_out.failed(host(last), Some(&A), true);
        }
        assert!(lock_out.wait(host(99), Some(&A)).is_some());
        assert_eq!(lock_out.wait(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1)), Some(&A)), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_room_comes_back() {
        let (clock, lock_out) = fresh();
        for number in 0..MOST + 10 {
            lock_out.failed(HERE, Some(&unknown(number)), true);
        }
        assert_eq!(lock_out.pairs.failing.len(), MOST);
        *clock.0.lock().unwrap() = WINDOW;
        lock_out.failed(HERE, Some(&A), true);
        assert_eq!(lock_out.pairs.failing.len(), 1);
    }
}
