//! API tests: the real server on a free port, one database a test, over a PostgreSQL that the run starts itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod bodies;
mod conformance;
mod durability;
mod embedded;
mod history;
mod idempotency;
mod lists;
mod problems;
mod program;
mod questionnaire;
mod raw;
mod row_security;
mod rule_tables;
mod schema;
mod screening;
mod server;
mod subjects;
mod world;
