//! Measurements that take minutes and are started manually; see `tests/long/README.md`. They start the programs that they
//! need and clean up at the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod reindex;
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod seed;
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod service;
mod staff_at_scale;

use service::release as program;
