//! Tests against a real PostgreSQL that they start themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod embedded;
mod program;
mod server;
