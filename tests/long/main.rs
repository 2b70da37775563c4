//! Measurements that take minutes, started by hand; see `tests/long/README.md`. They start what they need and clean up
//! after themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code, reason = "the benchmarks use the rest")]
mod seed;
#[allow(dead_code, reason = "the benchmarks use the rest")]
mod service;
mod staff_at_scale;

use service::release as program;
