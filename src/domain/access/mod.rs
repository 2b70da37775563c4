//! Access: credentials, tokens and who acts.

pub mod actor;
pub mod client_token;
pub mod credential;
pub mod token;
