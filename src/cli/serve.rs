//! `serve`: runs the service until a signal stops it. A second signal ends it at once.

use std::time::Duration;

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::output::{print, tell};
use crate::config::Settings;
use crate::server::Running;

/// Signals closer together than this count as one: a supervisor and the terminal may both send it.
const ECHO: Duration = Duration::from_millis(500);
const AT_ONCE: &str = "ended at once by a second signal; acknowledged data is on disk, and the next start recovers";

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let Some(mut running) = Box::pin(start(settings, &mut signals)).await? else { return Ok(()) };
    announce(&running.announcement());
    let outcome = running.until(signals.next()).await;
    announce("stopping: waiting for requests in progress; a second signal ends them too\n");
    tokio::select! {
        stopped = running.stop() => stopped?,
        () = signals.next() => bail!(AT_ONCE),
    }
    Ok(outcome?)
}

/// Starts the service; `None` if a signal stopped it during the start.
async fn start(settings: &Settings, signals: &mut Signals) -> anyhow::Result<Option<Running>> {
    let say = |line: &str| announce(&format!("{line}\n"));
    let mut starting = Box::pin(Running::start(settings, &say));
    tokio::select! {
        started = &mut starting => return Ok(Some(started?)),
        () = signals.next() => tell("stopping when the start is complete; a second signal ends it at once"),
    }
    tokio::select! {
        started = &mut starting => started?.stop().await?,
        () = signals.next() => bail!(AT_ONCE),
    }
    Ok(None)
}

/// A missing reader of the announcements does not stop the service.
fn announce(text: &str) {
    let _ = print(text);
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    last: Option<Instant>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, last: None })
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
            let echo = self.last.is_some_and(|last| last.elapsed() < ECHO);
            self.last = Some(Instant::now());
            if !echo {
                return;
            }
        }
    }
}
