//! Retention: once an hour, what clinics do not want to keep any longer leaves the database.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::{App, retention};

/// How often it is looked whether a run is due; the first one waits for the database to be found ready.
pub(super) const LOOKING: Duration = Duration::from_secs(20);
/// How long after one run the next begins.
const HOURLY: Duration = Duration::from_hours(1);

/// When the last run began.
#[derive(Default)]
pub(super) struct Retention {
    last: Option<Instant>,
}

impl Retention {
    /// Runs if it is time to; a stop of the service ends the run after the batch under way.
    pub(super) async fn run_if_due(&mut self, app: &App, stopping: &watch::Receiver<bool>) {
        if !app.prepared() || self.last.is_some_and(|last| last.elapsed() < HOURLY) {
            return;
        }
        self.last = Some(Instant::now());
        let go_on = |_| if *stopping.borrow() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        match retention::run(app, go_on).await {
            Ok(retired) if retired.submissions > 0 => {
                tracing::info!(submissions = retired.submissions, subjects = retired.subjects, "retention ended");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "retention could not be kept; it is tried again in an hour"),
        }
    }
}
