//! Use cases of credentials, tokens and sign-in.

pub mod credentials;
pub mod limits;
pub mod sign_in;
pub(super) mod token_people;
pub mod tokens;
pub mod web_form;

use uuid::Uuid;

use crate::domain::{access::actor::Actor, access::credential::Credential};

/// The actor of a request that signed in with a credential.
pub(super) fn actor(credential: &Credential, request_id: Option<Uuid>) -> Actor {
    let Credential { clinic_id, credential_id, sender_id, role, web_form, .. } = *credential;
    Actor { clinic_id, credential_id, sender_id, role, web_form, request_id }
}
