//! Corrections: which submission a new one may correct.

use crate::access::actor::{Actor, Role};
use crate::ids::{SenderId, SubjectId};

/// A submission to be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrected {
    pub subject_id: SubjectId,
    pub sender_id: SenderId,
    pub imported: bool,
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
}

/// Whether the actor may correct a submission, with a new one that is `imported` or not. The subject of the new one is not
/// checked.
pub fn allowed<'a>(
    corrected: Option<&'a Corrected>,
    actor: &Actor,
    imported: bool,
) -> Result<&'a Corrected, CorrectionRefusal> {
    let own = |one: &&Corrected| actor.role >= Role::Staff || one.sender_id == actor.sender_id;
    let corrected = corrected.filter(own).ok_or(CorrectionRefusal::Unknown)?;
    if corrected.superseded {
        Err(CorrectionRefusal::Superseded)
    } else if corrected.imported != imported {
        Err(CorrectionRefusal::OtherKind)
    } else {
        Ok(corrected)
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

    #[test]
    fn intake_corrects_its_own_senders_submissions_and_staff_any() {
        let stored = Corrected {
            subject_id: SubjectId(Uuid::nil()),
            sender_id: SenderId(Uuid::from_u128(1)),
            imported: false,
            superseded: false,
        };
        let refusal = |actor: &Actor| allowed(Some(&stored), actor, false).err();
        assert_eq!(refusal(&actor(Role::Intake, 1)), None);
        assert_eq!(refusal(&actor(Role::Intake, 2)), Some(CorrectionRefusal::Unknown));
        assert_eq!(refusal(&actor(Role::Staff, 2)), None);
        assert_eq!(refusal(&actor(Role::Admin, 2)), None);
        assert_eq!(allowed(None, &actor(Role::Admin, 2), false), Err(CorrectionRefusal::Unknown));
    }

    #[test]
    fn a_corrected_submission_and_one_of_another_kind_are_refused() {
        let staff = actor(Role::Staff, 2);
        for (imported, superseded, by_import, wanted) in [
            (false, false, false, None),
            (true, false, true, None),
            (false, false, true, Some(CorrectionRefusal::OtherKind)),
            (true, false, false, Some(CorrectionRefusal::OtherKind)),
            (false, true, false, Some(CorrectionRefusal::Superseded)),
            (true, true, false, Some(CorrectionRefusal::Superseded)),
        ] {
            let sender_id = SenderId(Uuid::from_u128(1));
            let stored = Corrected { subject_id: SubjectId(Uuid::nil()), sender_id, imported, superseded };
            assert_eq!(allowed(Some(&stored), &staff, by_import).err(), wanted);
        }
    }
}
