//! What a use case can fail with, free of any transport.

use crate::domain::actor::Role;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::rule_table::Id;
use crate::store::StoreError;
use crate::store::constraint::Meaning;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// What was sent has these faults.
    #[error("{} faults in what was sent", .0.len())]
    Faulty(Vec<Fault>),
    /// There is no such thing, or it belongs to somebody else.
    #[error("not found")]
    NotFound,
    /// No credential, or one that does not work; whose it is, where that is known.
    #[error("the credential does not work")]
    NotSignedIn(Option<(ClinicId, CredentialId)>),
    /// The clinic lets nobody in; whose credential it was, where there is one already.
    #[error("the clinic is suspended")]
    ClinicSuspended(Option<CredentialId>),
    /// The key is bound to web sites, and the request comes from none of them.
    #[error("the key is bound to other web sites")]
    OriginNotAllowed,
    /// The credential's role may not do this.
    #[error("the role {} is needed, not {}", .least.as_str(), .role.as_str())]
    RoleTooLow {
        /// The credential's role.
        role: Role,
        /// The least role that may.
        least: Role,
    },
    /// There is no file to write erasures to, so nobody is erased.
    #[error("there is no erasure log")]
    NoErasureLog,
    /// The cursor is not one of this list.
    #[error("the cursor is not one of this list")]
    Cursor,
    /// The state of the thing does not allow it, in one sentence.
    #[error("{0}")]
    Conflict(&'static str),
    /// The thing has changed since the caller saw it.
    #[error("the thing has changed since")]
    Stale,
    /// Several things have the name that should tell one.
    #[error("several things have this name")]
    Ambiguous,
    /// The caller asks more often than is allowed.
    #[error("too many requests")]
    Limited {
        /// When it may ask again.
        retry_after: std::time::Duration,
    },
    /// The retry key stands for another request.
    #[error("the idempotency key stands for another request")]
    IdempotencyKeyReused,
    /// A clinic of this name exists.
    #[error("a clinic of this name exists")]
    ClinicNameTaken,
    /// There is no such clinic.
    #[error("there is no such clinic")]
    ClinicUnknown,
    /// The system has no randomness to give.
    #[error("the system has no randomness to give")]
    NoRandomness,
    /// The database is away.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A rule table version that neither this binary nor the database knows, or that no longer compiles.
    #[error("rule table {0} cannot be used")]
    RuleTable(Id),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

impl AppError {
    /// One fault.
    #[must_use]
    pub fn fault(pointer: &str, code: FaultCode, detail: &str) -> Self {
        Self::Faulty(vec![Fault::new(pointer, code, detail)])
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Meaning::SupersededSubmissionUnknown) => {
                Self::fault("/supersedes", FaultCode::NotFound, "there is no such submission")
            }
            StoreError::Conflict(Meaning::AnotherCaseOpen) => Self::Conflict("another case of this person is open"),
            StoreError::Conflict(Meaning::ClinicNameTaken) => Self::ClinicNameTaken,
            StoreError::Conflict(Meaning::ClinicUnknown) => Self::ClinicUnknown,
            StoreError::Conflict(Meaning::RuleTableNotKept) => Self::Unavailable(error.to_string()),
            StoreError::Conflict(Meaning::SubjectToMergeUnknown) => {
                Self::fault("/merged", FaultCode::NotFound, "there is no such person")
            }
            StoreError::Missing => Self::NotFound,
            StoreError::Stale => Self::Stale,
            StoreError::Refused(detail) => Self::Conflict(detail),
            StoreError::KeyReused => Self::IdempotencyKeyReused,
            StoreError::Cursor => Self::Cursor,
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::Inconsistent { .. }
            | StoreError::RuleTableDiffers { .. }
            | StoreError::OtherMasterKey
            | StoreError::Address
            | StoreError::PrivilegedLogin(_)
            | StoreError::LoginNotMade(..)
            | StoreError::Migration(_)
            | StoreError::Driver(_) => Self::Internal(error.to_string()),
        }
    }
}
