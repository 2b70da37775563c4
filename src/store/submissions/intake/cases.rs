//! The follow-ups of a batch: each flagged submission opens one, or joins the open one of its subject.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::Resolved;
use crate::domain::follow_ups::{EventKind, FollowUp, join, open};
use crate::domain::{ids::EventId, submissions::stored::FollowUpLink};
use crate::store::database::Connection;
use crate::store::follow_ups::keep::{Decision, refused};
use crate::store::{error::Result, follow_ups::row::follow_up_query};

/// Decides the follow-up of each flagged submission, in the order of the batch, and links the submission to it. Two
/// references may belong to one subject: the first submission may then open the follow-up that the second joins.
pub(super) async fn decide(connection: &mut Connection, resolved: &mut [Resolved<'_>]) -> Result<Vec<Decision>> {
    let mut open_cases = lock(connection, resolved).await?;
    let mut decisions = Vec::new();
    for one in resolved {
        let Some(flagged) = &one.intake.accepted.flagged else { continue };
        let key = (one.intake.clinic(), one.subject_id.0);
        let change = match open_cases.get(&key) {
            None => open(one.subject_id, flagged),
            Some(case) => join(case, flagged).map_err(refused)?,
        };
        let case = change.after.clone();
        one.follow_up = Some(FollowUpLink {
            follow_up_id: case.follow_up_id,
            state: case.state.name(),
            urgency: case.urgency,
            joined: change.kind == EventKind::Join,
        });
        open_cases.insert(key, case);
        let (clinic_id, event_id) = (one.intake.accepted.actor.clinic_id, EventId(flagged.submission_id.0));
        decisions.push(Decision { clinic_id, change, event_id, note_sealed: None });
    }
    Ok(decisions)
}

/// The open follow-ups of the subjects with flagged submissions, by clinic and subject, locked in the order of their ids.
/// A subject that the batch adds has none, so a batch with only such subjects needs no query.
async fn lock(connection: &mut Connection, resolved: &[Resolved<'_>]) -> Result<HashMap<(Uuid, Uuid), FollowUp>> {
    let flagged = resolved.iter().filter(|one| one.known && one.intake.accepted.flagged.is_some());
    let subjects: BTreeSet<_> = flagged.map(|one| (one.intake.clinic(), one.subject_id.0)).collect();
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
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok(((row.clinic_id, row.subject_id), row.read()?))).collect()
}
