//! Counts the submissions of days that are over, so that statistics over years stay fast.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;

use crate::app::{App, statistics};

/// How often there may be something to count. Until a day is counted, it is counted whenever it is asked for.
const EVERY: Duration = Duration::from_mins(10);

/// Counts until the service stops. There may be thousands of days to count, each whole or not at all, so a stop does not
/// wait for the rest of them.
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
            Err(error) => tracing::warn!(%error, "days could not be counted"),
        }
    }
}
