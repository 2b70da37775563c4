//! Ring 4: background work. A job calls a use case again and again until the service stops; what it finds to do is in the
//! database, so several instances may run it, and a killed one leaves nothing half done.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// How often each job runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {}

/// The jobs of a running service.
pub struct Jobs {
    stopping: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts every job.
    #[must_use]
    pub fn start(_app: &App, _settings: Settings) -> Self {
        let (stopping, _) = watch::channel(false);
        let running = vec![];
        Self { stopping, running }
    }

    /// Lets each job end what it is doing, then returns.
    pub async fn stop(self) {
        // Without a job there is nobody to tell.
        let _ = self.stopping.send(true);
        for job in self.running {
            if job.await.is_err() {
                tracing::error!("a job ended by a panic");
            }
        }
    }
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
