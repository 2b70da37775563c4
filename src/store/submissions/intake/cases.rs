//! The follow-ups of a batch: each flagged submission opens one, or joins the open one of its subject. A correction of a
//! submission of the open one corrects it.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::Resolved;
use crate::domain::follow_ups::{Change, Content, EventKind, FollowUp, correct, join, open};
use crate::domain::ids::{ClinicId, EventId};
use crate::domain::submissions::stored::FollowUpLink;
use crate::store::database::Connection;
use crate::store::database::role::{Role, switch_to};
use crate::store::error::Result;
use crate::store::follow_ups::keep::{Decision, refused};
use crate::store::follow_ups::{counting, row::follow_up_query};

/// An open follow-up of the batch.
struct OpenCase {
    follow_up: FollowUp,
    /// What those of its submissions that count contribute; `None` if the batch corrects no submission of its subject.
    counting: Option<Vec<Content>>,
}

/// Decides the follow-up of each flagged submission and of each correction, in the order of the batch, and links the
/// submission to it. Two references may belong to one subject: the first submission may then open the follow-up that the second
/// joins.
pub(super) async fn decide(connection: &mut Connection, resolved: &mut [Resolved<'_>]) -> Result<Vec<Decision>> {
    let mut open_cases = lock(connection, resolved).await?;
    let mut decisions = Vec::new();
    for one in resolved {
        let key = (one.intake.clinic(), one.subject_id.0);
        let case = open_cases.remove(&key);
        let Some((change, case)) = decide_one(one, case.as_ref())? else {
            open_cases.extend(case.map(|case| (key, case)));
            continue;
        };
        one.follow_up = Some(FollowUpLink {
            follow_up_id: case.follow_up.follow_up_id,
            state: case.follow_up.state.name(),
            urgency: case.follow_up.urgency,
            joined: change.kind != EventKind::Open,
        });
        open_cases.insert(key, case);
        let accepted = &one.intake.accepted;
        let (clinic_id, event_id) = (accepted.actor.clinic_id, EventId(accepted.submission_id.0));
        decisions.push(Decision { clinic_id, change, event_id, note_sealed: None });
    }
    Ok(decisions)
}

/// The change that a submission makes, with the follow-up afterwards; `None` if it makes none.
fn decide_one(one: &Resolved<'_>, case: Option<&OpenCase>) -> Result<Option<(Change, OpenCase)>> {
    let accepted = &one.intake.accepted;
    let mut counting = case.and_then(|case| case.counting.clone());
    let mut correction = None;
    if let (Some(counting), Some(corrects)) = (&mut counting, accepted.correction()) {
        let before = counting.len();
        counting.retain(|content| content.submission_id != corrects.supersedes);
        correction = Some(corrects).filter(|_| counting.len() < before);
    }
    let change = match (case, correction, &accepted.flagged) {
        (Some(case), Some(correction), _) => {
            let others = counting.as_deref().unwrap_or_default();
            correct(&case.follow_up, &correction, others, |urgency| accepted.due.hours_for(urgency))
        }
        (Some(case), None, Some(flagged)) => join(&case.follow_up, flagged),
        (None, _, Some(flagged)) => Ok(open(one.subject_id, flagged)),
        (_, _, None) => return Ok(None),
    };
    let change = Change { supersedes: accepted.draft.supersedes, ..change.map_err(refused)? };
    if let Some(counting) = &mut counting {
        counting.push(accepted.content());
    }
    let follow_up = change.after.clone();
    Ok(Some((change, OpenCase { follow_up, counting })))
}

/// The open follow-ups of the subjects with flagged submissions or corrections, by clinic and subject, locked in the order of
/// their ids. A subject that the batch adds has none, so a batch with only such subjects needs no query.
async fn lock(connection: &mut Connection, resolved: &[Resolved<'_>]) -> Result<HashMap<(Uuid, Uuid), OpenCase>> {
    let concerned = |one: &&Resolved<'_>| {
        let accepted = &one.intake.accepted;
        one.known && (accepted.flagged.is_some() || accepted.draft.supersedes.is_some())
    };
    let subjects = resolved.iter().filter(concerned).map(|one| (one.intake.clinic(), one.subject_id.0));
    let subjects: BTreeSet<_> = subjects.collect();
    if subjects.is_empty() {
        return Ok(HashMap::new());
    }
    let (clinics, subjects): (Vec<Uuid>, Vec<Uuid>) = subjects.into_iter().unzip();
    let rows = follow_up_query!(
        select "join unnest($1::uuid[], $2::uuid[]) as i (clinic, subject) on clinic_id = i.clinic and subject_id = i.subject
                where state <> 'closed' and ($3::uuid[] is null or clinic_id = any($3))
                order by follow_up_id for no key update of follow_ups",
        &clinics,
        &subjects,
        connection.named(&clinics),
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut cases = HashMap::new();
    for row in rows {
        let key = (row.clinic_id, row.subject_id);
        cases.insert(key, OpenCase { follow_up: row.read()?, counting: None });
    }
    read_contents(connection, resolved, &mut cases).await?;
    Ok(cases)
}

/// Reads the submissions that count of the follow-ups whose submissions the batch may correct, in the role that may read them.
async fn read_contents(
    connection: &mut Connection,
    resolved: &[Resolved<'_>],
    cases: &mut HashMap<(Uuid, Uuid), OpenCase>,
) -> Result<()> {
    let corrections = resolved.iter().filter(|one| one.intake.accepted.draft.supersedes.is_some());
    let subjects: BTreeSet<_> = corrections.map(|one| (one.intake.clinic(), one.subject_id.0)).collect();
    let mut switched = false;
    for key in subjects {
        let Some(case) = cases.get_mut(&key) else { continue };
        switched = true;
        switch_to(connection, Role::App, Some(ClinicId(key.0))).await?;
        case.counting = Some(counting::read(connection, ClinicId(key.0), &case.follow_up).await?.contents);
    }
    if switched { switch_to(connection, Role::Writer, None).await } else { Ok(()) }
}
