//! The JSON API: a folder for each subject.

pub(super) mod access;
pub(super) mod audit;
pub(super) mod follow_ups;
pub mod screening;
pub(super) mod subjects;
pub mod submissions;
pub(super) mod webhooks;
