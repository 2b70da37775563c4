//! API tests: the real server on a free port, one database a test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod screening;
mod world;
