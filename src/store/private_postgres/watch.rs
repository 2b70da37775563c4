//! Restarts the server when it ends while the service runs.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Embedded;
use super::error::Result;
use crate::domain::causes::with_causes;

/// Pause before the first restart attempt. Each failed attempt doubles it.
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest pause. After a server ran longer than this, the pause starts with the shortest again.
const LONGEST: Duration = Duration::from_secs(5);

/// A server that is restarted whenever it ends. Dropping it releases the lock and leaves the server running; the next
/// start adopts it.
#[derive(Debug)]
pub struct Watched {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Watched {
    /// Starts the task that restarts the server, and lets commands attach to it.
    pub(super) fn begin(embedded: Embedded) -> Self {
        embedded.lock.serving();
        let (stop, asked) = oneshot::channel();
        Self { stop, task: tokio::spawn(watch(embedded, asked)) }
    }

    /// Stops the server, even during a restart, waits for its end, and releases the data folder.
    pub async fn stop(self) -> Result<()> {
        // If the task has ended by itself, the next line returns its error.
        let _ = self.stop.send(());
        self.task.await?
    }
}

async fn watch(mut embedded: Embedded, asked: oneshot::Receiver<()>) -> Result<()> {
    let stop = tokio::select! {
        asked = asked => asked.is_ok(),
        never = keep(&mut embedded) => match never {},
    };
    // Wherever `keep` was interrupted, `embedded` has the process.
    if stop { embedded.stop().await } else { Ok(()) }
}

async fn keep(embedded: &mut Embedded) -> Infallible {
    let mut pause = SHORTEST;
    loop {
        let since = Instant::now();
        let reason = embedded.server.ended().await;
        tracing::error!(reason, server_log = embedded.log.tail(), "PostgreSQL ended and is being restarted");
        if since.elapsed() > LONGEST {
            pause = SHORTEST;
        }
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            match embedded.start_again().await {
                Ok(()) => break,
                Err(error) => {
                    // As one text, so that the lines of the server log stay in one log line.
                    let error = with_causes(&error);
                    tracing::error!(error, next_attempt_after = ?pause, "PostgreSQL could not be restarted");
                }
            }
        }
        tracing::info!(pid = embedded.server_pid(), "PostgreSQL is running again");
    }
}
