//! sarcoscreen: sarcopenia risk screening.

pub mod domain;
pub mod rules;
