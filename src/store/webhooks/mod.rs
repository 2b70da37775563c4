//! Statements of webhooks.

pub mod endpoints;
pub mod leases;
pub mod log;
pub mod outbox;
