//! Routes of the questionnaire, rule tables and scores, with what they read and write.

pub mod answers;
pub mod assessment;
pub mod evidence;
pub mod fragments;
pub mod instrument_rule;
pub(in crate::http) mod questionnaire;
pub mod render;
pub mod rule_changes;
pub mod rule_table;
pub(in crate::http) mod rules;
pub(in crate::http) mod scores;
pub mod view;
