//! Watches over a server while the service runs: a server that ends is started again.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Embedded, EmbeddedError};

/// The pause before the first attempt to start a server again. Each failed attempt doubles it.
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest pause. A server that served longer than this begins with the shortest again.
const LONGEST: Duration = Duration::from_secs(5);

/// A server that is started again whenever it ends.
///
/// Dropping it frees the lock and leaves the server running, to be adopted by the next start.
#[derive(Debug)]
pub struct Watched {
    options: PgConnectOptions,
    data_dir: PathBuf,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EmbeddedError>>,
}

impl Watched {
    /// Watches over a server, and lets other processes attach to it.
    pub(super) fn begin(embedded: Embedded) -> Self {
        embedded.lock.serving();
        let (options, data_dir) = (embedded.connect_options(), embedded.data_dir().to_owned());
        let (stop, asked) = oneshot::channel();
        Self { options, data_dir, stop, task: tokio::spawn(watch(embedded, asked)) }
    }

    /// How to connect to the service's database as its owner, a superuser.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The data folder, as an absolute path without symbolic links.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops the server, also one that is being started again, waits for it, and frees the data folder.
    ///
    /// # Errors
    ///
    /// When the server cannot be signalled or does not go.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        // A task that has ended by itself says why below.
        let _ = self.stop.send(());
        self.task.await?
    }
}

async fn watch(mut embedded: Embedded, asked: oneshot::Receiver<()>) -> Result<(), EmbeddedError> {
    let stop = tokio::select! {
        asked = asked => asked.is_ok(),
        never = keep(&mut embedded) => match never {},
    };
    // Whatever was under way when `keep` was left, `embedded` knows the process.
    if stop { embedded.stop().await } else { Ok(()) }
}

async fn keep(embedded: &mut Embedded) -> Infallible {
    let mut pause = SHORTEST;
    loop {
        let since = Instant::now();
        let reason = embedded.server.ended().await;
        tracing::error!(reason, server_log = embedded.log.tail(), "PostgreSQL ended and is started again");
        if since.elapsed() > LONGEST {
            pause = SHORTEST;
        }
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
            match embedded.start_again().await {
                Ok(()) => break,
                Err(error) => {
                    // As a text, so that the lines of the server's log stay within one line.
                    let error = error.with_causes();
                    tracing::error!(error, next_attempt_after = ?pause, "PostgreSQL could not be started again");
                }
            }
        }
        tracing::info!(pid = embedded.server_pid(), "PostgreSQL serves again");
    }
}
