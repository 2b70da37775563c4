//! The JSON API: a folder for each subject, and the types of several subjects.

pub(super) mod access;
pub(super) mod audit;
mod contact;
pub(super) mod follow_ups;
pub mod screening;
pub(super) mod subjects;
mod submission_summary;
pub mod submissions;
pub(super) mod webhooks;
