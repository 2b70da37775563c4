//! Who acts: a credential's clinic, role and display name.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{ClinicId, CredentialId, SenderId};

/// What a credential may do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Meant to be public: scores and submits, reads nothing back.
    Browser,
    /// A clinic's intake system.
    Intake,
    /// A member of the clinic's staff.
    Staff,
    /// Manages the clinic's credentials and settings.
    Admin,
}

impl Role {
    /// Every role, least first.
    pub const ALL: [Self; 4] = [Self::Browser, Self::Intake, Self::Staff, Self::Admin];

    /// The role as it stands in the document, the database and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Intake => "intake",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    /// Reads a role's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The one who acts in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The clinic acted for; nothing of another clinic is ever seen.
    pub clinic_id: ClinicId,
    /// The credential used.
    pub credential_id: CredentialId,
    /// Whose records it makes.
    pub sender_id: SenderId,
    /// What it may do.
    pub role: Role,
    /// The request in which it acts; `None` outside of any.
    pub request_id: Option<Uuid>,
}
