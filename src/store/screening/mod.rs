//! Statements of rule tables and stored answers.

pub mod rule_tables;
pub mod scan;
