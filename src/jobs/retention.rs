//! Retention: once an hour, removes data that is past the retention period of its clinic.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::every;
use crate::app::App;
use crate::app::subjects::retention;
use crate::domain::causes::with_causes;

/// How often the job checks whether a run is due. The first run waits until the database is ready.
const LOOKING: Duration = Duration::from_secs(20);
/// The time from the start of one run to the start of the next.
const HOURLY: Duration = Duration::from_hours(1);

/// Runs until the service stops. A stop ends a run after its current batch.
pub(super) async fn run(app: App, stopping: watch::Receiver<bool>) {
    let stops = stopping.clone();
    let mut last: Option<Instant> = None;
    let run_if_due = async move || {
        if !app.prepared() || last.is_some_and(|last| last.elapsed() < HOURLY) {
            return;
        }
        last = Some(Instant::now());
        let go_on = |_| if *stops.borrow() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        match retention::run(&app, go_on).await {
            Ok(retired) if retired.submissions > 0 => {
                tracing::info!(submissions = retired.submissions, subjects = retired.subjects, "retention ended");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "retention failed; the next attempt is in an hour");
            }
        }
    };
    every(LOOKING, stopping, run_if_due).await;
}
