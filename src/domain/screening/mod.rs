//! Screening: items, answers, the rule table, scoring, instruments and pathways.

pub mod answers;
pub mod asked;
pub mod assessment;
pub(super) mod catalogue;
pub mod condition;
pub mod evidence;
pub mod instrument;
pub mod open_questions;
pub mod pathway;
pub mod questionnaire;
pub mod red_flag;
pub mod replay;
pub mod rule_lint;
pub mod rule_source;
pub mod rule_table;
pub mod scoring;
pub mod table_changes;
pub mod texts;
pub mod urgency;
pub mod verification;
pub mod words;
