//! Contract tests: they need no database and take seconds. They check what the code and the data promise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod breaking;
mod compared;
mod completions;
mod config;
mod document;
mod evaluation;
mod examples;
mod follow_up;
mod follow_up_history;
mod guides;
mod operations;
mod pages;
mod people;
mod properties;
mod replay;
mod rules;
mod safety;
mod sarc_f;
mod scoring;
mod sentences;
mod stored;
mod words;
