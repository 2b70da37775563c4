//! Use cases of credentials, tokens and sign-in.

pub mod credentials;
pub mod failed_sign_ins;
pub mod limits;
pub mod sign_in;
pub(super) mod token_people;
pub mod tokens;
