//! Ring 1: the business rules as pure, synchronous, total functions over plain values.
//!
//! Nothing here reads a clock, a file, the environment or a database. Time, identifiers and randomness are arguments, so
//! every decision can be replayed.

pub mod access;
pub mod audit;
pub mod causes;
pub mod clinics;
pub mod evaluation;
pub mod fault;
pub mod fixed;
pub mod follow_ups;
pub mod ids;
pub mod language;
mod names;
pub mod page;
pub mod receipt_code;
#[cfg(test)]
mod samples;
pub mod screening;
pub mod subjects;
pub mod submissions;
pub mod times;
pub mod webhooks;
