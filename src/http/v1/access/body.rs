//! Credentials in the API.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::domain::access::credential::Credential;
use crate::domain::access::credential::CredentialDraft;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::CredentialId;
use crate::http::kernel::names::RoleName;
use crate::http::kernel::paging::page;

/// A credential to create.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CredentialInput)]
pub struct CredentialInput {
    /// Role of the credential.
    #[schema(required, value_type = RoleName)]
    pub role: Option<RoleName>,
    /// The person or system that receives the credential; create one credential for each.
    #[validate(length(min = 1, max = 200))]
    #[schema(required, value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub display_name: Option<String>,
    /// When the credential expires, with an offset; by default never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Web sites whose pages may send a browser key, as exact origins such as `https://clinic.example`. Without origins the
    /// key is not bound to a site.
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub origins: Option<Vec<String>>,
    /// Id of the credential that this one replaces: of the same clinic and role, revoked or not. What the replaced credential
    /// submitted can be read, corrected and retried with this one. The replaced credential works until it is revoked.
    pub replaces: Option<Uuid>,
}

/// How a credential changes to its new key.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotationInput)]
pub struct RotationInput {
    /// Hours for which the previous key works beside the new one; 24 by default.
    #[validate(range(min = 0, max = 168))]
    #[schema(minimum = 0, maximum = 168)]
    #[serde(default, deserialize_with = "crate::http::kernel::whole::optional")]
    pub overlap_hours: Option<u16>,
}

/// A credential, without its key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Credential)]
pub struct CredentialBody {
    /// Id of the credential.
    pub id: Uuid,
    /// Role of the credential.
    pub role: RoleName,
    /// The person or system that the credential was given to.
    pub display_name: String,
    /// Id of the sender of its records: its own id, or that of the first credential that it replaces.
    pub sender_id: Uuid,
    /// Prefix of the key; null for a person who signs in with tokens of the identity provider.
    #[schema(required, example = "sk_abcdefghijklm_")]
    pub key_prefix: Option<String>,
    /// Web sites whose pages may send the key; empty if the key is not bound to a site.
    pub origins: Vec<String>,
    /// When the credential was created, or when the person first signed in.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the credential expires.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When the credential was revoked.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Until when the key before the last rotation works.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub previous_key_until: Option<Timestamp>,
}

/// A credential with its key, which is returned only once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = MintedCredential)]
pub struct MintedCredentialBody {
    /// The credential.
    #[serde(flatten)]
    pub credential: CredentialBody,
    /// The key. It cannot be retrieved again.
    pub key: String,
}

page!(
    /// A page of credentials, oldest first.
    CredentialPage of CredentialBody, from Credential
);

impl CredentialInput {
    /// Parses the input.
    ///
    /// # Errors
    /// Fails when a required field is missing.
    pub fn parse(self) -> Result<CredentialDraft, Vec<Fault>> {
        let missing = |pointer: &str| Fault::new(pointer, FaultCode::Required, "must be given");
        match (self.role, self.display_name) {
            (Some(role), Some(display_name)) => Ok(CredentialDraft {
                role: role.0,
                display_name,
                expires_at: self.expires_at,
                origins: self.origins.unwrap_or_default(),
                replaces: self.replaces.map(CredentialId),
            }),
            (role, name) => {
                let faults =
                    [role.is_none().then(|| missing("/role")), name.is_none().then(|| missing("/display_name"))];
                Err(faults.into_iter().flatten().collect())
            }
        }
    }
}

impl RotationInput {
    /// How long both keys work.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        Duration::from_hours(self.overlap_hours.unwrap_or(24).into())
    }
}

impl From<Credential> for CredentialBody {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.credential_id.0,
            role: RoleName(credential.role),
            display_name: credential.display_name,
            sender_id: credential.sender_id.0,
            key_prefix: credential.prefix.map(|prefix| format!("sk_{prefix}_")),
            origins: credential.origins,
            created_at: credential.created_at,
            expires_at: credential.expires_at,
            revoked_at: credential.revoked_at,
            previous_key_until: credential.previous_key_until,
        }
    }
}
