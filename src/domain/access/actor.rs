//! The actor of a request: the clinic, the role and the ids of the credential used.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::ids::{ClinicId, CredentialId, SenderId};

/// What a credential may do. Each role includes the permissions of the roles before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A public key: it scores and submits, and reads nothing back.
    Browser,
    /// A clinic's intake system.
    Intake,
    /// A member of the clinic's staff.
    Staff,
    /// Manages the clinic's credentials and settings.
    Admin,
}

impl Role {
    /// Every role, least privileged first.
    pub const ALL: [Self; 4] = [Self::Browser, Self::Intake, Self::Staff, Self::Admin];

    /// The role's name in the OpenAPI document, in the database and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Intake => "intake",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
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
