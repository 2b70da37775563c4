//! The database: connections, sessions, keys, pages, rows, health and the writers.

pub(super) mod address;
pub(super) mod connection;
pub mod constraint;
pub mod health;
pub mod keys;
pub(super) mod login;
pub mod master_key_checks;
pub mod migrations;
pub mod page;
pub(super) mod pool;
pub(super) mod replica;
pub mod rights;
pub(super) mod role;
pub mod rotation;
pub(super) mod row;
pub mod schema;
pub(super) mod session;
pub mod shares;
pub mod writer;
