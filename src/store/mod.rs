//! Ring 2: the only module that uses sqlx. Its functions take and return domain values.
//!
//! A function fails when the database is unavailable, when a row violates an invariant, when a sealed value cannot be
//! decrypted, or when a cursor is not from the list. The comment of a function states its other errors.

pub mod access;
pub mod audit;
pub mod clinics;
pub mod database;
pub mod error;
pub mod evaluation;
pub mod follow_ups;
pub mod idempotency_keys;
pub mod private_postgres;
pub mod screening;
pub mod subjects;
pub mod submissions;
pub mod webhooks;
pub mod writers;

pub use database::address::{NEVER_LOGGED, QUIETLY_LOGGED, connect_options, unverified_host};
pub use database::login::LOGIN;
pub use database::replica::{ReplicaFigures, Reports};
