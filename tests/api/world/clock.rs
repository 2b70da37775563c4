//! The clock of a world.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sarcoscreen::app::AppError;
use sarcoscreen::app::ambient::{Ambient, System};

/// The system's clock, moved by as much as a test asks for.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_seconds: AtomicI64,
}

impl Clock {
    /// Moves the clock ahead.
    pub(crate) fn advance(&self, seconds: i64) {
        self.ahead_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Ambient for Clock {
    fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_secs(self.ahead_seconds.load(Ordering::SeqCst));
        System.now().checked_add(ahead).unwrap()
    }

    fn elapsed(&self) -> Duration {
        let ahead = u64::try_from(self.ahead_seconds.load(Ordering::SeqCst)).unwrap_or(0);
        System.elapsed() + Duration::from_secs(ahead)
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), AppError> {
        System.fill(buffer)
    }
}
