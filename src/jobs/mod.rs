//! Ring 4: background work. A job calls a use case again and again until the service stops; what it finds to do is in the
//! database, so several instances may run it, and a killed one leaves nothing half done.

pub mod counting;
pub mod deliveries;
mod retention;
mod sealing;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::app::{App, folding};

/// How often each job runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often the audit trail is sealed.
    pub sealing: Duration,
}

/// The jobs of a running service.
pub struct Jobs {
    app: App,
    stopping: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts every job.
    #[must_use]
    pub fn start(app: &App, settings: Settings) -> Self {
        let (stopping, stops) = watch::channel(false);
        let seals = app.clone();
        let running = vec![
            tokio::spawn(telling(app.clone(), stops.clone())),
            tokio::spawn(every(settings.sealing, stops.clone(), async move || sealing::run(&seals).await)),
            tokio::spawn(counting::run(app.clone(), stops.clone())),
            tokio::spawn(deliveries::run(app.clone(), stops.clone())),
            tokio::spawn(retiring(app.clone(), stops)),
        ];
        Self { app: app.clone(), stopping, running }
    }

    /// Lets each job end what it is doing, then seals what was put on record until the end.
    pub async fn stop(self) {
        // Without a job there is nobody to tell.
        let _ = self.stopping.send(true);
        for job in self.running {
            if job.await.is_err() {
                tracing::error!("a job ended by a panic");
            }
        }
        folding::tell_all(&self.app).await;
        sealing::run(&self.app).await;
    }
}

/// Writes refusals that were counted, as soon as their minute has ended.
async fn telling(app: App, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = sleep(folding::next_due(&app)) => folding::tell_due(&app).await,
            _ = stopping.changed() => return,
        }
    }
}

async fn retiring(app: App, stopping: watch::Receiver<bool>) {
    let mut job = retention::Retention::default();
    let stops = stopping.clone();
    every(retention::LOOKING, stopping, async move || job.run_if_due(&app, &stops).await).await;
}

/// Does some work at once and then every period, until the service stops. Work under way is ended, not cut off.
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
