//! Statements of credentials, tokens and sign-in.

pub mod begun_sign_ins;
pub mod clients;
pub mod credentials;
pub mod sessions;
pub mod token_people;
pub mod used_tokens;
pub mod web_forms;
