//! The actor of a request: the clinic, the role and the ids of the credential used.

use uuid::Uuid;

use crate::ids::{ClinicId, CredentialId, SenderId};
use crate::names::names;

names! {
    /// What a credential may do. Each role includes the permissions of the roles before it.
    #[derive(PartialOrd, Ord)]
    pub enum Role {
        /// A public key: it scores and submits, and reads nothing back.
        Browser = "browser",
        Intake = "intake",
        Staff = "staff",
        /// Manages the clinic's credentials and settings.
        Admin = "admin",
    }

    /// Who submitted answers.
    pub enum Origin {
        /// The person, through a front-end.
        SelfReported = "self_reported",
        Staff = "staff",
        System = "system",
    }
}

impl Role {
    /// The first characters of a key: a browser key is public, every other key is secret.
    pub const fn key_mark(self) -> &'static str {
        match self {
            Self::Browser => "pk_",
            Self::Intake | Self::Staff | Self::Admin => "sk_",
        }
    }
}

impl Origin {
    pub const fn from_role(role: Role) -> Self {
        match role {
            Role::Browser => Self::SelfReported,
            Role::Intake => Self::System,
            Role::Staff | Role::Admin => Self::Staff,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The clinic acted for. No data of other clinics is visible.
    pub clinic_id: ClinicId,
    pub credential_id: CredentialId,
    /// The sender that owns the records this credential creates.
    pub sender_id: SenderId,
    pub role: Role,
    /// The id of the request; `None` outside a request.
    pub request_id: Option<Uuid>,
}
