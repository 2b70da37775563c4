//! The surroundings: the clock and the source of randomness. No other file reads them.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Unit};
use uuid::Uuid;

use super::AppError;
use crate::domain::ids::time_ordered;

/// Where time and randomness come from.
pub trait Ambient: Send + Sync {
    /// Now, in whole microseconds: what the database keeps.
    fn now(&self) -> Timestamp;

    /// How long this process has been measuring. It never goes back, as the clock on the wall may.
    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    /// Fills a buffer with random bytes fit for keys.
    ///
    /// # Errors
    /// When the system has none to give; then nothing may be decided.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), AppError>;
}

/// The system's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Ambient for System {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = Timestamp::now();
        now.round(Unit::Microsecond).unwrap_or(now)
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), AppError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that draws randomness")]
        let drawn = aws_lc_rs::rand::fill(buffer);
        drawn.map_err(|_| AppError::NoRandomness)
    }
}

/// Random bytes of a length known at compile time.
///
/// # Errors
/// When the system has none to give.
pub fn random<const N: usize>(ambient: &dyn Ambient) -> Result<[u8; N], AppError> {
    let mut bytes = [0; N];
    ambient.fill(&mut bytes)?;
    Ok(bytes)
}

/// A new time-ordered id.
///
/// # Errors
/// When the system has no randomness to give.
pub fn new_id<T: From<Uuid>>(ambient: &dyn Ambient, now: Timestamp) -> Result<T, AppError> {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Ok(T::from(time_ordered(millis, random(ambient)?)))
}

/// A time that lies a duration after another, or the end of time.
#[must_use]
pub fn after(start: Timestamp, duration: std::time::Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    start.checked_add(duration).unwrap_or(Timestamp::MAX)
}
