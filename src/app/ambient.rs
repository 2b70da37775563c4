//! Access to the clock and to randomness. No other file reads them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Unit};
use uuid::Uuid;

use super::error::{AppError, Result};
use crate::domain::ids::time_ordered;

/// How far a client's clock may be ahead, seconds.
const CLOCK_AHEAD_SECONDS: i64 = 300;
/// The earliest accepted time, 1900-01-01T00:00:00Z, in seconds: no living person can have answered before it.
const EARLIEST_SECONDS: i64 = -2_208_988_800;

pub trait Ambient: Send + Sync {
    /// The current time in whole microseconds, the precision of the database.
    fn now(&self) -> Timestamp;

    /// The time since this process started measuring. It is monotonic, unlike the system clock.
    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    /// Fills a buffer with random bytes that are fit for keys. If this fails, the operation that needs them must fail.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Ambient for System {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the only place that reads the clock")]
        let now = Timestamp::now();
        now.round(Unit::Microsecond).unwrap_or(now)
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        #[expect(clippy::disallowed_methods, reason = "the only place that draws randomness")]
        let drawn = aws_lc_rs::rand::fill(buffer);
        drawn.map_err(|_| AppError::NoRandomness)
    }
}

pub fn random<const N: usize>(ambient: &dyn Ambient) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    ambient.fill(&mut bytes)?;
    Ok(bytes)
}

pub fn new_id<T: From<Uuid>>(ambient: &dyn Ambient, now: Timestamp) -> Result<T> {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Ok(T::from(time_ordered(millis, random(ambient)?)))
}

/// A time plus a duration, limited to the maximum time.
pub fn after(start: Timestamp, duration: std::time::Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    start.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// Whether a time that a client states is within the accepted range.
pub(super) fn possible(ambient: &dyn Ambient, at: Timestamp) -> bool {
    (EARLIEST_SECONDS..=ambient.now().as_second() + CLOCK_AHEAD_SECONDS).contains(&at.as_second())
}
