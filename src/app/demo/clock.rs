//! The clock of the demo's past: use cases that are executed now, at an earlier time.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::app::ambient::Ambient;
use crate::app::{App, Result};

/// A clock that is held at one time, with the randomness of the process.
struct Held {
    now: Timestamp,
    process: Arc<dyn Ambient>,
}

impl Ambient for Held {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn elapsed(&self) -> Duration {
        self.process.elapsed()
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        self.process.fill(buffer)
    }
}

/// The application with its clock held at this time.
pub(super) fn at(app: &App, now: Timestamp) -> App {
    App { ambient: Arc::new(Held { now, process: Arc::clone(&app.ambient) }), ..app.clone() }
}

/// The time that is some minutes before another.
pub(super) fn before(start: Timestamp, minutes: i64) -> Timestamp {
    start.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(start)
}
