//! Identifiers: one type per resource, so that the compiler rejects a subject's id in place of a clinic's.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Builds a time-ordered (version 7) identifier from Unix milliseconds and ten random bytes.
#[must_use]
pub fn time_ordered(unix_millis: u64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid()
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

identifier!(
    /// A clinic: the tenant that owns every other row.
    ClinicId
);
identifier!(
    /// A credential: one key of one person or system.
    CredentialId
);
identifier!(
    /// A sender: a credential together with those that replace it, identified by the id of the first.
    SenderId
);
identifier!(
    /// A subject: the stored record of a person screened.
    SubjectId
);
identifier!(
    /// A submission: answers with their assessment.
    SubmissionId
);
identifier!(
    /// A follow-up: the staff work that a flagged submission opens.
    FollowUpId
);
identifier!(
    /// A merge of two subjects.
    MergeId
);
identifier!(AuditEntryId);
identifier!(
    /// A webhook endpoint: a URL of a clinic that receives events.
    WebhookId
);
identifier!(
    /// An event; the id is the same for every endpoint that receives it.
    EventId
);
