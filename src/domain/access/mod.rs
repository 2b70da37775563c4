//! Access: credentials, tokens and actors.

pub mod actor;
pub mod client_token;
pub mod credential;
pub mod scope;
pub mod session;
pub mod token;
