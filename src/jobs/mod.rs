//! Ring 4: background jobs. A job calls a use case repeatedly until the service stops. All work is found in the database,
//! so several instances may run the same job, and a killed job leaves nothing half done.

pub mod counting;
pub mod deliveries;
mod retention;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::app::App;
use crate::app::audit::{folding, sealing};
use crate::domain::causes::with_causes;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often the audit log is sealed.
    pub sealing: Duration,
}

pub struct Jobs {
    app: App,
    stopping: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Jobs {
    pub fn start(app: &App, settings: Settings) -> Self {
        let (stopping, stops) = watch::channel(false);
        let seals = app.clone();
        let running = vec![
            tokio::spawn(telling(app.clone(), stops.clone())),
            tokio::spawn(every(settings.sealing, stops.clone(), async move || seal(&seals).await)),
            tokio::spawn(counting::run(app.clone(), stops.clone())),
            tokio::spawn(deliveries::run(app.clone(), stops.clone())),
            tokio::spawn(retention::run(app.clone(), stops)),
        ];
        Self { app: app.clone(), stopping, running }
    }

    /// Waits until each job finishes its current work, then writes counted refusals and seals the audit log.
    pub async fn stop(self) {
        // The send fails only when no job is running.
        let _ = self.stopping.send(true);
        for job in self.running {
            if job.await.is_err() {
                tracing::error!("a job panicked");
            }
        }
        folding::tell_all(&self.app).await;
        seal(&self.app).await;
    }
}

/// Writes counted refusals to the audit log as soon as their minute ends.
async fn telling(app: App, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = sleep(folding::next_due(&app)) => folding::tell_due(&app).await,
            _ = stopping.changed() => return,
        }
    }
}

/// Seals new entries of the audit log.
async fn seal(app: &App) {
    if app.prepared()
        && let Err(error) = sealing::seal(app).await
    {
        tracing::warn!(error = %with_causes(&error), "cannot seal the audit log; unsealed entries stay unsealed");
    }
}

/// Runs work at once and then once per period, until the service stops. Work in progress is finished, not cancelled.
pub(crate) async fn every(period: Duration, mut stopping: watch::Receiver<bool>, mut work: impl AsyncFnMut()) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => work().await,
            _ = stopping.changed() => return,
        }
    }
}
