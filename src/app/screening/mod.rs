//! Use cases of rule tables and stored answers.

pub mod replay;
pub(super) mod rule_table_cache;
pub mod rule_tables;
pub mod scan;
pub mod verify;
