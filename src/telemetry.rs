//! Logging to the standard error stream, as text or JSON. Neither this program nor its libraries log values of requests.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Starts logging. `quiet` comes before the filter, so the filter overrides it. `never` comes after it, so it overrides
/// the filter. Fails when the filter is invalid.
pub fn start(filter: &str, quiet: &str, never: &str, json: bool) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(format!("{quiet},{filter}"))?.add_directive(never.parse()?);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second call in one process, as in tests, keeps the first subscriber.
    let _ = if json {
        log.json().flatten_event(true).try_init()
    } else {
        log.with_ansi(io::stderr().is_terminal()).try_init()
    };
    Ok(())
}
