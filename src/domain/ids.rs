//! Identifiers: one type per noun, so that a subject's id cannot be handed in where a clinic's is due.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Makes a time-ordered (version 7) identifier from an instant in Unix milliseconds and ten random bytes.
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
    /// A clinic, the tenant that owns every other row.
    ClinicId
);
identifier!(
    /// A credential: one key of one person or system.
    CredentialId
);
identifier!(
    /// A sender: a credential with the credentials that replace it, named by the id of the first.
    SenderId
);
identifier!(
    /// A subject: the person screened.
    SubjectId
);
identifier!(
    /// A submission: answers with their assessment.
    SubmissionId
);
identifier!(
    /// A follow-up: the staff case that a flagged submission opens.
    FollowUpId
);
identifier!(
    /// A merge of two subjects.
    MergeId
);
identifier!(
    /// An audit entry.
    AuditEntryId
);
identifier!(
    /// A webhook endpoint: an address of a clinic's own that is told of events.
    WebhookId
);
identifier!(
    /// An event, as every endpoint that it is told to knows it.
    EventId
);
