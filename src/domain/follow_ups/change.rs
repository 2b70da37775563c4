//! A change of a follow-up: what a command, a submission, a merge or its undoing makes of it.

use jiff::Timestamp;

use super::{EventKind, FollowUp, Refusal};
use crate::domain::ids::{CredentialId, SubmissionId};

/// One version of a follow-up, and the event that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that the decision is based on; `None` if the change creates the follow-up. The change is valid only while
    /// that is the latest version.
    pub before: Option<i32>,
    /// Whether the state of an existing follow-up changed.
    pub moved: bool,
    /// The follow-up afterwards, with its next version.
    pub after: FollowUp,
    pub kind: EventKind,
    /// The submission that opened or joined the follow-up.
    pub submission_id: Option<SubmissionId>,
    /// Whether the person was reached, for a contact attempt.
    pub reached: Option<bool>,
    pub at: Timestamp,
    /// The credential used; `None` for the operator.
    pub by: Option<CredentialId>,
}

impl Change {
    /// The next version of a follow-up.
    ///
    /// # Errors
    /// Fails when the version is at its maximum.
    pub(super) fn next(
        before: &FollowUp,
        after: FollowUp,
        kind: EventKind,
        by: Option<CredentialId>,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        let version = before.version.checked_add(1).ok_or(Refusal::Exhausted)?;
        Ok(Self {
            before: Some(before.version),
            moved: before.state.name() != after.state.name(),
            after: FollowUp { version, ..after },
            kind,
            submission_id: None,
            reached: None,
            at,
            by,
        })
    }

    /// The first version of a follow-up.
    pub(super) fn first(after: FollowUp, kind: EventKind, by: Option<CredentialId>, at: Timestamp) -> Self {
        let after = FollowUp { version: 1, ..after };
        Self { before: None, moved: false, after, kind, submission_id: None, reached: None, at, by }
    }
}
