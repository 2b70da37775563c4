//! Errors of use cases, independent of the transport.

use std::sync::Arc;

use crate::domain::fault::{Fault, FaultCode, Sentence};
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
    /// The access token lacks a scope, which is named.
    #[error("the scope {0} is needed")]
    ScopeMissing(String),
    #[error("there is no erasure log")]
    NoErasureLog,
    #[error("the cursor does not belong to this list")]
    Cursor,
    #[error("the cursor has expired")]
    CursorExpired,
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

const NOT_FOUND: Sentence = Sentence::new(
    "there is no such submission that this key may correct; send the id of another, or have staff send the correction if \
     staff or another sender submitted it",
    "no existe ese envío entre los que esta clave puede corregir; envíe el id de otro, o pida al personal que envíe la \
     corrección si lo envió el personal u otro remitente",
);
const OTHER_SUBJECT: Sentence = Sentence::new(
    "that submission belongs to another subject; send the reference of its subject, or none",
    "ese envío es de otro sujeto; envíe la referencia de su sujeto, o ninguna",
);
const OTHER_KIND: Sentence = Sentence::new(
    "must be the same as in the corrected submission: history corrects history only",
    "debe ser igual que en el envío corregido: los datos históricos solo corrigen datos históricos",
);
const OF_TEST: Sentence = Sentence::new(
    "only a test submission can correct a test submission; send test as true, or the id of another submission",
    "solo un envío de prueba puede corregir un envío de prueba; envíe test como true, o el id de otro envío",
);
const BY_TEST: Sentence = Sentence::new(
    "a test submission can only correct a test submission; send test as false, or the id of a test submission",
    "un envío de prueba solo puede corregir un envío de prueba; envíe test como false, o el id de un envío de prueba",
);

impl AppError {
    pub fn fault(pointer: &str, code: FaultCode, sentence: Sentence) -> Self {
        Self::Faulty(vec![Fault::new(pointer, code, sentence)])
    }

    fn correction(refusal: CorrectionRefusal) -> Self {
        match refusal {
            CorrectionRefusal::Unknown => Self::fault("/supersedes", FaultCode::NotFound, NOT_FOUND),
            CorrectionRefusal::Superseded => Self::AlreadyCorrected { alarm: None },
            CorrectionRefusal::OtherSubject => Self::fault("/supersedes", FaultCode::Contradiction, OTHER_SUBJECT),
            CorrectionRefusal::OtherKind => Self::fault("/imported", FaultCode::Contradiction, OTHER_KIND),
            CorrectionRefusal::OfTest => Self::fault("/supersedes", FaultCode::Contradiction, OF_TEST),
            CorrectionRefusal::ByTest => Self::fault("/supersedes", FaultCode::Contradiction, BY_TEST),
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
            StoreError::Conflict(Meaning::SubjectToMergeUnknown) => Self::fault(
                "/merged",
                FaultCode::NotFound,
                Sentence::new(
                    "there is no such subject; send the id of a subject of the clinic",
                    "este sujeto no existe; envíe el id de un sujeto de la clínica",
                ),
            ),
            StoreError::Missing => Self::NotFound,
            StoreError::Stale => Self::Stale,
            StoreError::Refused(detail) => Self::Conflict(detail),
            StoreError::KeyReused => Self::IdempotencyKeyReused,
            StoreError::Cursor => Self::Cursor,
            StoreError::CursorExpired => Self::CursorExpired,
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
