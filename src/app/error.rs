//! Errors of use cases, independent of the transport.

use std::sync::Arc;

use crate::domain::access::actor::Role;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::screening::rule_table::Id;
use crate::domain::screening::scoring::Alarm;
use crate::store::database::constraint::Meaning;
use crate::store::error::StoreError;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The input has these faults.
    #[error("{} faults in the input", .0.len())]
    Faulty(Vec<Fault>),
    /// The answers, or what was sent with them, have these faults.
    #[error("{} faults in the input", .faults.len())]
    Refused {
        faults: Vec<Fault>,
        /// The red flags of the answers that could be read.
        alarm: Alarm,
    },
    /// The resource does not exist, or belongs to another clinic or sender.
    #[error("not found")]
    NotFound,
    /// No credential, or one that does not work; with its owner, if known.
    #[error("the credential does not work")]
    NotSignedIn(Option<(ClinicId, CredentialId)>),
    /// The clinic is suspended; with the credential, if there is one already.
    #[error("the clinic is suspended")]
    ClinicSuspended(Option<CredentialId>),
    /// The key is bound to web origins, and the request comes from none of them.
    #[error("the key is bound to other web origins")]
    OriginNotAllowed,
    /// The credential's role is too low.
    #[error("the role {} is needed, not {}", .least.as_str(), .role.as_str())]
    RoleTooLow {
        role: Role,
        /// The lowest role that is allowed.
        least: Role,
    },
    /// No erasure log is configured, so erasure is refused.
    #[error("there is no erasure log")]
    NoErasureLog,
    /// The cursor does not belong to this list.
    #[error("the cursor does not belong to this list")]
    Cursor,
    /// The state of the resource does not allow it; the text is one sentence.
    #[error("{0}")]
    Conflict(&'static str),
    /// The resource has changed since the caller read it.
    #[error("the resource has changed since it was read")]
    Stale,
    /// Several resources match where one is required.
    #[error("several resources have this name")]
    Ambiguous,
    /// The caller exceeded a rate limit.
    #[error("too many requests")]
    Limited {
        /// When the caller may try again.
        retry_after: std::time::Duration,
    },
    /// The idempotency key was already used for another request.
    #[error("the idempotency key was already used for another request")]
    IdempotencyKeyReused,
    /// A clinic with this name exists.
    #[error("a clinic with this name exists")]
    ClinicNameTaken,
    #[error("there is no such clinic")]
    ClinicUnknown,
    /// The system has no randomness.
    #[error("the system has no randomness")]
    NoRandomness,
    /// The database is unavailable.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A rule table version that neither this binary nor the database has, or that no longer compiles.
    #[error("rule table {0} cannot be used")]
    RuleTable(Id),
    /// A defect of this program.
    #[error(transparent)]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl AppError {
    /// An error with a single fault.
    pub fn fault(pointer: &str, code: FaultCode, detail: &str) -> Self {
        Self::Faulty(vec![Fault::new(pointer, code, detail)])
    }

    /// Copies an error that concurrent requests share.
    pub(in crate::app) fn shared(error: Arc<Self>) -> Self {
        match &*error {
            Self::NotSignedIn(whose) => Self::NotSignedIn(*whose),
            Self::ClinicSuspended(whose) => Self::ClinicSuspended(*whose),
            Self::Unavailable(reason) => Self::Unavailable(reason.clone()),
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Meaning::SupersededSubmissionUnknown) => {
                Self::fault("/supersedes", FaultCode::NotFound, "there is no such submission")
            }
            StoreError::Conflict(Meaning::AnotherCaseOpen) => {
                Self::Conflict("another follow-up of this subject is open")
            }
            StoreError::Conflict(Meaning::ClinicNameTaken) => Self::ClinicNameTaken,
            StoreError::Conflict(Meaning::ClinicUnknown) => Self::ClinicUnknown,
            StoreError::Conflict(Meaning::RuleTableNotKept) => Self::Unavailable(error.to_string()),
            StoreError::Conflict(Meaning::SubjectToMergeUnknown) => {
                Self::fault("/merged", FaultCode::NotFound, "there is no such subject")
            }
            StoreError::Missing => Self::NotFound,
            StoreError::Stale => Self::Stale,
            StoreError::Refused(detail) => Self::Conflict(detail),
            StoreError::KeyReused => Self::IdempotencyKeyReused,
            StoreError::Cursor => Self::Cursor,
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::Inconsistent { .. }
            | StoreError::Key(_)
            | StoreError::RuleTableDiffers { .. }
            | StoreError::OtherMasterKey
            | StoreError::Address
            | StoreError::PrivilegedLogin(_)
            | StoreError::LoginNotMade(..)
            | StoreError::Migration(_)
            | StoreError::Driver(_) => Self::Internal(error.into()),
        }
    }
}
