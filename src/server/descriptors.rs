//! File descriptors: each connection needs one, and the system limits them.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Settings;

/// Descriptors for everything except client connections: listeners, log, timers, outgoing requests.
const OTHERS: u64 = 256;

/// The maximum number of client connections: the setting, or what the system's limit leaves. Raises the soft limit of the
/// process to the hard limit.
pub(super) fn connections(settings: &Settings) -> usize {
    let wanted = u64::from(settings.http.connections);
    let databases = 1 + u64::from(settings.replica.read_url.is_some());
    let others = OTHERS + databases * u64::from(settings.database.connections);
    let most = allowed().saturating_sub(others).max(1);
    if most < wanted {
        tracing::warn!(
            wanted,
            most,
            "the system allows fewer file descriptors than SARCOSCREEN_CONNECTIONS needs: raise its limit of open files"
        );
    }
    usize::try_from(wanted.min(most)).unwrap_or(usize::MAX)
}

/// How many descriptors the process may have.
fn allowed() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return u64::MAX };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}
