//! Credentials on the wire.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::RoleName;
use crate::domain::credential::CredentialDraft;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::CredentialId;
use crate::domain::stored::Credential;

/// A credential to mint.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CredentialInput)]
pub struct CredentialInput {
    /// What it may do.
    #[schema(required, value_type = RoleName)]
    pub role: Option<RoleName>,
    /// The person or system that gets it; one credential for each.
    #[validate(length(min = 1, max = 200))]
    #[schema(required, value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub display_name: Option<String>,
    /// When it stops working, with an offset; never, unless said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The web sites whose pages may send a browser key, as exact origins such as `https://clinic.example`. Without any
    /// the key is bound to none.
    #[validate(length(max = 20))]
    #[schema(max_items = 20)]
    pub origins: Option<Vec<String>>,
    /// The credential of the clinic, of the same role, that this one replaces, revoked or not: what that one submitted can be
    /// read, corrected and retried with this one. The other works until it is revoked.
    pub replaces: Option<Uuid>,
}

/// How a credential changes over to its new key.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotationInput)]
pub struct RotationInput {
    /// For how many hours the key that it had works beside the new one; 24 unless said.
    #[validate(range(min = 0, max = 168))]
    #[schema(minimum = 0, maximum = 168)]
    #[serde(default, deserialize_with = "super::whole::optional")]
    pub overlap_hours: Option<u16>,
}

/// A credential, without its key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Credential)]
pub struct CredentialBody {
    /// Id of the credential.
    pub id: Uuid,
    /// What it may do.
    pub role: RoleName,
    /// The person or system it was given to.
    pub display_name: String,
    /// Whose records it makes: its own id, or that of the first credential that it replaces.
    pub sender_id: Uuid,
    /// How its key begins; null for a person who signs in with tokens of the issuer.
    #[schema(required, example = "sk_abcdefghijklm_")]
    pub key_prefix: Option<String>,
    /// The web sites whose pages may send the key; empty where it is bound to none.
    pub origins: Vec<String>,
    /// When it was minted, or the person first signed in.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it stops working.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Until when the key before the last rotation works.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub previous_key_until: Option<Timestamp>,
}

/// A credential with its key, which is shown this once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = MintedCredential)]
pub struct MintedCredentialBody {
    /// The credential.
    #[serde(flatten)]
    pub credential: CredentialBody,
    /// The key. Nobody can show it again.
    pub key: String,
}

impl CredentialInput {
    /// What the credential is to be.
    ///
    /// # Errors
    /// When a required field is missing.
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
