//! Progress of long commands: a bar on a terminal, otherwise a line now and then.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::tell;
use crate::app::progress::Progress;

/// Rows between two lines when no bar can be drawn.
const LINE_EVERY: u64 = 50_000;

/// Shows progress on the standard error stream, and at the end the elapsed time.
pub(super) struct Shown {
    bar: ProgressBar,
    begun: Instant,
    last: Progress,
}

impl Shown {
    pub(super) fn begin() -> Self {
        // Hidden if the standard error stream is not a terminal.
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} rows, {eta} left") {
            bar.set_style(style);
        }
        Self { bar, begun: Instant::now(), last: Progress { done: 0, total: 0 } }
    }

    pub(super) fn at(&mut self, now: Progress) {
        self.bar.set_length(now.total);
        self.bar.set_position(now.done);
        if self.bar.is_hidden() && now.done / LINE_EVERY > self.last.done / LINE_EVERY {
            tell(&format!("{} of {} rows", now.done, now.total));
        }
        self.last = now;
    }

    pub(super) fn end(self) {
        self.bar.finish_and_clear();
        let millis = self.begun.elapsed().as_millis().max(1);
        let rate = u128::from(self.last.done) * 1_000 / millis;
        let (seconds, tenths) = (millis / 1_000, millis % 1_000 / 100);
        tell(&format!("{} rows in {seconds}.{tenths} s, {rate} rows/s", self.last.done));
    }
}
