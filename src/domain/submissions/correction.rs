//! Corrections: which submission a new one may correct.

use crate::access::actor::{Actor, Role};
use crate::ids::{SenderId, SubjectId};

/// What a submission has in common with its correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub imported: bool,
    pub test: bool,
}

/// A submission to be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrected {
    pub subject_id: SubjectId,
    pub sender_id: SenderId,
    pub kind: Kind,
    /// Whether a submission corrects it already.
    pub superseded: bool,
}

/// Why a submission may not correct another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectionRefusal {
    /// It does not exist in the clinic, or it is another sender's and the caller is not staff.
    Unknown,
    /// It is corrected already.
    Superseded,
    /// It belongs to another subject.
    OtherSubject,
    /// One of the two is imported history, the other is not.
    OtherKind,
    /// It is a test, the new one is not.
    OfTest,
    /// The new one is a test, which changes nothing that counts.
    ByTest,
}

/// Whether the actor may correct a submission with a new one of a kind. The subject of the new one is not checked.
pub fn allowed<'a>(
    corrected: Option<&'a Corrected>,
    actor: &Actor,
    kind: Kind,
) -> Result<&'a Corrected, CorrectionRefusal> {
    let own = |one: &&Corrected| actor.role >= Role::Staff || one.sender_id == actor.sender_id;
    let corrected = corrected.filter(own).ok_or(CorrectionRefusal::Unknown)?;
    if corrected.superseded {
        Err(CorrectionRefusal::Superseded)
    } else if corrected.kind.imported != kind.imported {
        Err(CorrectionRefusal::OtherKind)
    } else {
        match (corrected.kind.test, kind.test) {
            (true, false) => Err(CorrectionRefusal::OfTest),
            (false, true) => Err(CorrectionRefusal::ByTest),
            _ => Ok(corrected),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{ClinicId, CredentialId};

    fn actor(role: Role, sender: u128) -> Actor {
        Actor {
            clinic_id: ClinicId(Uuid::nil()),
            credential_id: CredentialId(Uuid::from_u128(sender)),
            sender_id: SenderId(Uuid::from_u128(sender)),
            role,
            request_id: None,
        }
    }

    fn stored(kind: Kind, superseded: bool) -> Corrected {
        Corrected { subject_id: SubjectId(Uuid::nil()), sender_id: SenderId(Uuid::from_u128(1)), kind, superseded }
    }

    const LIVE: Kind = Kind { imported: false, test: false };
    const HISTORY: Kind = Kind { imported: true, test: false };
    const TEST: Kind = Kind { imported: false, test: true };

    #[test]
    fn intake_corrects_its_own_senders_submissions_and_staff_any() {
        let stored = stored(LIVE, false);
        let refusal = |actor: &Actor| allowed(Some(&stored), actor, LIVE).err();
        assert_eq!(refusal(&actor(Role::Intake, 1)), None);
        assert_eq!(refusal(&actor(Role::Intake, 2)), Some(CorrectionRefusal::Unknown));
        assert_eq!(refusal(&actor(Role::Staff, 2)), None);
        assert_eq!(refusal(&actor(Role::Admin, 2)), None);
        assert_eq!(allowed(None, &actor(Role::Admin, 2), LIVE), Err(CorrectionRefusal::Unknown));
    }

    #[test]
    fn a_corrected_submission_and_one_of_another_kind_are_refused() {
        let staff = actor(Role::Staff, 2);
        for (kind, superseded, by, wanted) in [
            (LIVE, false, LIVE, None),
            (HISTORY, false, HISTORY, None),
            (TEST, false, TEST, None),
            (LIVE, false, HISTORY, Some(CorrectionRefusal::OtherKind)),
            (HISTORY, false, LIVE, Some(CorrectionRefusal::OtherKind)),
            (TEST, false, LIVE, Some(CorrectionRefusal::OfTest)),
            (LIVE, false, TEST, Some(CorrectionRefusal::ByTest)),
            (LIVE, true, LIVE, Some(CorrectionRefusal::Superseded)),
            (HISTORY, true, LIVE, Some(CorrectionRefusal::Superseded)),
            (TEST, true, LIVE, Some(CorrectionRefusal::Superseded)),
        ] {
            assert_eq!(allowed(Some(&stored(kind, superseded)), &staff, by).err(), wanted);
        }
    }
}
