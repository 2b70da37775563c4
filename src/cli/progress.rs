//! Progress of long commands: a bar on a terminal, otherwise a line now and then.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::tell;
use crate::app::error::AppError;
use crate::app::progress::Progress;

/// Rows between two lines when no bar can be drawn.
const LINE_EVERY: u64 = 50_000;

pub(super) struct Shown {
    bar: ProgressBar,
    last: Progress,
}

impl Shown {
    pub(super) fn at(&mut self, now: Progress) {
        self.bar.set_length(now.total);
        self.bar.set_position(now.done);
        if self.bar.is_hidden() && now.done / LINE_EVERY > self.last.done / LINE_EVERY {
            tell(&format!("{} of {} rows", now.done, now.total));
        }
        self.last = now;
    }
}

/// Runs work, and shows its progress on the standard error stream, and the elapsed time if it succeeds.
pub(super) async fn shown<T>(work: impl AsyncFnOnce(&mut Shown) -> Result<T, AppError>) -> anyhow::Result<T> {
    let begun = Instant::now();
    // Hidden if the standard error stream is not a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} rows, {eta} left") {
        bar.set_style(style);
    }
    let mut shown = Shown { bar, last: Progress { done: 0, total: 0 } };
    let value = work(&mut shown).await?;
    shown.bar.finish_and_clear();
    tell_rate(shown.last.done, begun);
    Ok(value)
}

/// Rows of a file, whose number is not known before its end.
pub(super) struct Counted {
    bar: ProgressBar,
    rows: u64,
}

impl Counted {
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(1_000) {
            self.bar.set_position(self.rows);
        }
        if self.bar.is_hidden() && self.rows.is_multiple_of(LINE_EVERY) {
            tell(&format!("{} rows", self.rows));
        }
    }
}

/// Runs work on a file, and shows its progress as [`shown`] does.
pub(super) fn counted<T>(work: impl FnOnce(&mut Counted) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let begun = Instant::now();
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} rows") {
        bar.set_style(style);
    }
    let mut counted = Counted { bar, rows: 0 };
    let value = work(&mut counted)?;
    counted.bar.finish_and_clear();
    tell_rate(counted.rows, begun);
    Ok(value)
}

fn tell_rate(rows: u64, begun: Instant) {
    let millis = begun.elapsed().as_millis().max(1);
    let rate = u128::from(rows) * 1_000 / millis;
    let (seconds, tenths) = (millis / 1_000, millis % 1_000 / 100);
    tell(&format!("{rows} rows in {seconds}.{tenths} s, {rate} rows/s"));
}
