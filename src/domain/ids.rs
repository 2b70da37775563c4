//! Identifiers: one type per resource, so that the compiler rejects a subject's id in place of a clinic's.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Builds a time-ordered (version 7) identifier from Unix milliseconds and ten random bytes.
pub fn time_ordered(unix_millis: u64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid()
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
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
    )*};
}

identifiers! {
    /// A clinic: the tenant that owns every other row.
    ClinicId,
    /// A credential: one key of one person or system.
    CredentialId,
    /// A sender: a credential together with those that replace it, identified by the id of the first.
    SenderId,
    /// A subject: the stored record of a person screened.
    SubjectId,
    /// A submission: answers with their assessment.
    SubmissionId,
    /// A follow-up: the staff work that a flagged submission opens.
    FollowUpId,
    MergeId,
    AuditEntryId,
    /// A webhook endpoint: a URL of a clinic that receives events.
    WebhookId,
    /// An event; the id is the same for every endpoint that receives it.
    EventId,
}
