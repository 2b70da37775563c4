//! sarcoscreen: sarcopenia risk screening.

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod jobs;
pub mod outbound;
pub mod rules;
pub mod server;
pub mod store;
pub mod telemetry;

pub use sarcoscreen_domain as domain;
