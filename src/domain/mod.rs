//! Ring 1: the business rules as pure, synchronous, total functions over plain values.
//!
//! Nothing here reads a clock, a file, the environment or a database. Time, identifiers and randomness are arguments, so
//! every decision can be replayed.

pub mod actor;
pub mod answers;
pub mod assessment;
pub mod audit;
mod catalogue;
pub mod client_token;
pub mod condition;
pub mod credential;
pub mod export;
pub mod fault;
pub mod fixed;
pub mod follow_up;
pub mod history;
pub mod ids;
pub mod instrument;
pub mod item_set;
pub mod language;
pub mod linear;
mod open_instruments;
pub mod open_questions;
pub mod pathway;
pub mod questionnaire;
pub mod reach;
pub mod record;
pub mod red_flag;
pub mod replay;
pub mod rule_lint;
pub mod rule_source;
pub mod rule_table;
#[cfg(test)]
mod samples;
pub mod scoring;
pub mod seal;
pub mod settling;
pub mod statistics;
pub mod stored;
pub mod subject;
pub mod subject_history;
pub mod submission;
pub mod texts;
pub mod token;
pub mod verification;
pub mod webhook;
pub mod webhook_delivery;
