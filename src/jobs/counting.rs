//! Counts the submissions of past days into daily totals, so that statistics over years stay fast.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;

use crate::app::App;
use crate::app::submissions::statistics;
use crate::domain::causes::with_causes;

/// How often the job runs. Until a day has stored totals, each request for it counts its submissions.
const EVERY: Duration = Duration::from_mins(10);

/// Runs until the service stops. There may be thousands of days to count. Each is counted completely or not at all, so a
/// stop does not wait for the rest.
pub async fn run(app: App, mut stopping: watch::Receiver<bool>) {
    let mut ticks = interval(EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.changed() => return,
        }
        let counted = tokio::select! {
            counted = statistics::count_days(&app) => counted,
            _ = stopping.changed() => return,
        };
        match counted {
            Ok(0) => {}
            Ok(days) => tracing::info!(days, "counted"),
            Err(error) => tracing::warn!(error = %with_causes(&error), "cannot count the submissions of past days"),
        }
    }
}
