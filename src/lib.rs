//! sarcoscreen: sarcopenia risk screening.

pub mod app;
pub mod domain;
pub mod http;
pub mod rules;
pub mod store;
