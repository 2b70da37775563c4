//! `serve`: runs the service until a signal asks it to stop. A second signal ends it at once.

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{print, tell};
use crate::config::Settings;
use crate::server::Running;

const AT_ONCE: &str = "ended at once, as asked; what was acknowledged is on the disk, and the next start recovers";

pub(super) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let Some(mut running) = start(settings, &mut signals).await? else { return Ok(()) };
    announce(&running.announcement());
    let outcome = running.until(signals.next()).await;
    announce("stopping: requests under way may end; a second signal ends them too\n");
    tokio::select! {
        stopped = running.stop() => stopped?,
        () = signals.next() => bail!(AT_ONCE),
    }
    Ok(outcome?)
}

/// Starts; `None` when it was asked to stop meanwhile, and did.
async fn start(settings: &Settings, signals: &mut Signals) -> anyhow::Result<Option<Running>> {
    let say = |line: &str| announce(&format!("{line}\n"));
    let mut starting = Box::pin(Running::start(settings, &say));
    tokio::select! {
        started = &mut starting => return Ok(Some(started?)),
        () = signals.next() => tell("stopping as soon as the start is through; a second signal ends it at once"),
    }
    tokio::select! {
        started = &mut starting => started?.stop().await?,
        () = signals.next() => bail!(AT_ONCE),
    }
    Ok(None)
}

/// A service goes on without a reader of its announcements.
fn announce(text: &str) {
    let _ = print(text);
}

/// The signals that ask for an end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
