use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sarcoscreen::app::ambient::{Ambient, System};
use sarcoscreen::app::error::AppError;

/// The system's clock, shifted by tests.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_seconds: AtomicI64,
    held: OnceLock<(Timestamp, Duration)>,
}

impl Clock {
    /// Holds the clock: from now on it moves only by [`Clock::advance`], however slow the machine is.
    pub(crate) fn hold(&self) {
        self.held.get_or_init(|| (System.now(), System.elapsed()));
    }

    /// Advances the clock to the next noon (UTC), so that no day ends during the test.
    pub(crate) fn advance_to_noon(&self) {
        const DAY: i64 = 24 * 3600;
        self.advance((DAY / 2 - self.now().as_second()).rem_euclid(DAY));
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_secs(self.ahead_seconds.load(Ordering::SeqCst));
        self.held.get().map_or_else(|| System.now(), |held| held.0).checked_add(ahead).unwrap()
    }

    fn elapsed(&self) -> Duration {
        let ahead = u64::try_from(self.ahead_seconds.load(Ordering::SeqCst)).unwrap_or(0);
        self.held.get().map_or_else(|| System.elapsed(), |held| held.1) + Duration::from_secs(ahead)
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), AppError> {
        System.fill(buffer)
    }
}
