//! The log: to the standard error stream, for people or for collectors. Neither we nor our libraries log values.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Starts logging. `quiet` goes before the filter, so that the filter may say otherwise; `never` goes after it.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(filter: &str, quiet: &str, never: &str, json: bool) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(format!("{quiet},{filter}"))?.add_directive(never.parse()?);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process, as in tests, keeps the first one's log.
    let _ = if json { log.json().flatten_event(true).try_init() } else { log.with_ansi(ansi()).try_init() };
    Ok(())
}

fn ansi() -> bool {
    io::IsTerminal::is_terminal(&io::stderr())
}
