//! Faults: the service and its database are killed, cut off, frozen, filled and overloaded; afterwards everything that was
//! acknowledged is checked.
//! The tests run the delivered program on a separate PostgreSQL, which it reaches through a proxy that breaks connections.
//! `SARCOSCREEN_PROGRAM` selects another build. Small sizes run with the other tests; `--ignored` runs the long ones.
//! `RESULTS.md` describes the runs and their results.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod default_run;
mod disk;
mod fresh;
mod frozen;
mod kills;
mod overload;
#[path = "../api/world/people.rs"]
mod people;
mod proxy;
#[allow(dead_code, reason = "other test binaries use the rest")]
#[path = "../long/service.rs"]
mod service;
mod sight;
mod soak;
mod stop;
mod support;
mod unsafe_settings;
mod versions;

use std::path::PathBuf;

#[expect(clippy::disallowed_methods, reason = "a test reads its own environment")]
fn program() -> PathBuf {
    std::env::var_os("SARCOSCREEN_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_sarcoscreen").into(), PathBuf::from)
}
