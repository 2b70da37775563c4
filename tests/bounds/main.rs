//! Bounds: the maximum cost of one request, one connection, one credential or one clinic, measured on the delivered
//! program. `SARCOSCREEN_PROGRAM` selects another build to measure. Small sizes run with the other tests; `--ignored` runs
//! the long ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod connections;
mod hostile;
mod junk_keys;
mod login_role;
mod neighbours;
mod parse;
mod peers;
mod people;
mod refusals;
mod visitors;

use std::path::PathBuf;

#[allow(dead_code, reason = "other test binaries use the rest")]
#[path = "../long/service.rs"]
mod service;

#[expect(clippy::disallowed_methods, reason = "a test reads its own environment")]
fn program() -> PathBuf {
    std::env::var_os("SARCOSCREEN_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_sarcoscreen").into(), PathBuf::from)
}
