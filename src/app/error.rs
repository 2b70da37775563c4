//! Errors of use cases, independent of the transport.

use std::sync::Arc;

use crate::domain::fault::{Fault, FaultCode};
use crate::domain::follow_ups::Latest;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::submissions::correction::CorrectionRefusal;
use crate::domain::{access::actor::Role, screening::rule_table::Id, screening::scoring::Alarm};
use crate::store::{database::constraint::Meaning, error::StoreError};

#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("{} faults in the input", .0.len())]
    Faulty(Vec<Fault>),
    /// The answers, or other fields of the request, have these faults.
    #[error("{} faults in the input", .faults.len())]
    Refused {
        faults: Vec<Fault>,
        /// The red flags of the answers that could be read.
        alarm: Alarm,
    },
    /// The submission to be corrected is corrected already. Holds the red flags of the answers.
    #[error("the submission is corrected already")]
    AlreadyCorrected { alarm: Option<Alarm> },
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
    #[error("the role {} is needed, not {}", .least.as_str(), .role.as_str())]
    RoleTooLow { role: Role, least: Role },
    #[error("there is no erasure log")]
    NoErasureLog,
    #[error("the cursor does not belong to this list")]
    Cursor,
    /// The state of the resource does not allow it; the text is one sentence.
    #[error("{0}")]
    Conflict(&'static str),
    #[error("the resource has changed since it was read")]
    Stale,
    #[error("the follow-up has changed since it was read")]
    FollowUpChanged(Box<Latest>),
    #[error("several resources have this name")]
    Ambiguous,
    #[error("too many requests")]
    Limited { retry_after: std::time::Duration },
    #[error("the idempotency key was already used for another request")]
    IdempotencyKeyReused,
    #[error("a clinic with this name exists")]
    ClinicNameTaken,
    #[error("there is no such clinic")]
    ClinicUnknown,
    #[error("the system has no randomness")]
    NoRandomness,
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A rule table version that neither this binary nor the database has, or that no longer compiles.
    #[error("rule table {0} cannot be used")]
    RuleTable(Id),
    /// A defect of this program.
    #[error(transparent)]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

pub type Result<T, E = AppError> = std::result::Result<T, E>;

impl AppError {
    pub fn fault(pointer: &str, code: FaultCode, detail: &str) -> Self {
        Self::Faulty(vec![Fault::new(pointer, code, detail)])
    }

    fn correction(refusal: CorrectionRefusal) -> Self {
        match refusal {
            CorrectionRefusal::Unknown => {
                Self::fault("/supersedes", FaultCode::NotFound, "there is no such submission")
            }
            CorrectionRefusal::Superseded => Self::AlreadyCorrected { alarm: None },
            CorrectionRefusal::OtherSubject => {
                let detail = "that submission belongs to another subject; send the reference of its subject, or none";
                Self::fault("/supersedes", FaultCode::Contradiction, detail)
            }
            CorrectionRefusal::OtherKind => {
                let detail = "must be the same as in the corrected submission: history corrects history only";
                Self::fault("/imported", FaultCode::Contradiction, detail)
            }
            CorrectionRefusal::OfTest => {
                let detail = "only a test submission can correct a test submission";
                Self::fault("/supersedes", FaultCode::Contradiction, detail)
            }
            CorrectionRefusal::ByTest => {
                let detail = "a test submission can only correct a test submission";
                Self::fault("/supersedes", FaultCode::Contradiction, detail)
            }
        }
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
            StoreError::Conflict(Meaning::SupersededSubmissionUnknown) => Self::correction(CorrectionRefusal::Unknown),
            StoreError::Correction(refusal) => Self::correction(refusal),
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
            StoreError::Unavailable(reason) | StoreError::Internal(reason) => Self::Unavailable(reason),
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
