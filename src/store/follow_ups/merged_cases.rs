//! Moves follow-ups when two subjects are merged or a merge is undone. A subject has at most one open follow-up, before and
//! after.

use uuid::Uuid;

use crate::domain::audit::AuditEntry;
use crate::domain::ids::{ClinicId, FollowUpId, SubjectId};
use crate::domain::subjects::history::SubjectMerge;
use crate::store::StoreError;
use crate::store::database::connection::Connection;
use crate::store::database::row::at;

/// The result for the follow-ups of the merged subject.
pub(in crate::store) struct Joined {
    /// The follow-ups that moved.
    pub moved: Vec<FollowUpId>,
    /// The follow-up that was closed, with its version after closing.
    pub closed: Option<(FollowUpId, i32)>,
}

/// Locks every follow-up of two subjects, in the order of their ids.
pub(in crate::store) async fn lock(
    connection: &mut Connection,
    clinic_id: ClinicId,
    persons: [SubjectId; 2],
) -> Result<(), StoreError> {
    sqlx::query!(
        "select follow_up_id from follow_ups where clinic_id = $1 and subject_id in ($2, $3)
         order by follow_up_id for no key update",
        clinic_id.0,
        persons[0].0,
        persons[1].0,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Moves every follow-up of the merged subject. If both have an open one, the merged subject's is closed, and the other
/// gets the higher urgency, the earlier times, and the band, findings and positive instruments of both.
pub(in crate::store) async fn join(
    connection: &mut Connection,
    entry: &AuditEntry,
    kept: SubjectId,
    merged: SubjectId,
) -> Result<Joined, StoreError> {
    let open = sqlx::query!(
        "select follow_up_id, subject_id from follow_ups
         where clinic_id = $1 and subject_id in ($2, $3) and state <> 'closed'",
        entry.clinic_id.0,
        kept.0,
        merged.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let open_of = |person: SubjectId| open.iter().find(|row| row.subject_id == person.0).map(|row| row.follow_up_id);
    let both = open_of(kept).zip(open_of(merged));
    if let Some((keeping, closing)) = both {
        raise(connection, entry, keeping, closing).await?;
    }
    let closing = both.map(|(_, closing)| closing);
    let moved = sqlx::query!(
        "update follow_ups set
             subject_id = $3, row_version = row_version + 1, updated_at = $4,
             state = case when follow_up_id = $5 then 'closed' else state end,
             outcome = case when follow_up_id = $5 then 'not_needed' else outcome end,
             not_needed_reason = case when follow_up_id = $5 then 'merged' else not_needed_reason end,
             closed_at = case when follow_up_id = $5 then $4 else closed_at end
         where clinic_id = $1 and subject_id = $2 returning follow_up_id, row_version",
        entry.clinic_id.0,
        merged.0,
        kept.0,
        at(entry.at) as _,
        closing,
    )
    .fetch_all(&mut *connection)
    .await?;
    let closed = moved.iter().find(|row| Some(row.follow_up_id) == closing);
    let mut touched: Vec<Uuid> = moved.iter().map(|row| row.follow_up_id).collect();
    touched.extend(both.map(|(keeping, _)| keeping));
    events(connection, entry, "merge", &touched).await?;
    Ok(Joined {
        closed: closed.map(|row| (FollowUpId(row.follow_up_id), row.row_version)),
        moved: moved.iter().map(|row| FollowUpId(row.follow_up_id)).collect(),
    })
}

/// Moves back the listed follow-ups that still belong to the kept subject. The closed one is reopened with its state before
/// the merge, unless it changed since or the subject has another open follow-up.
pub(in crate::store) async fn part(
    connection: &mut Connection,
    entry: &AuditEntry,
    merge: &SubjectMerge,
    closed: Option<(FollowUpId, i32)>,
    spare: &[FollowUpId],
) -> Result<(), StoreError> {
    let listed: Vec<Uuid> = merge.follow_up_ids.iter().map(|id| id.0).collect();
    let mut touched = sqlx::query_scalar!(
        "update follow_ups set subject_id = $3, row_version = row_version + 1, updated_at = $4
         where clinic_id = $1 and subject_id = $2 and follow_up_id = any($5) returning follow_up_id",
        entry.clinic_id.0,
        merge.kept.0,
        merge.merged.0,
        at(entry.at) as _,
        &listed,
    )
    .fetch_all(&mut *connection)
    .await?;
    if let Some((follow_up_id, version)) = closed {
        reopen(connection, entry, merge.merged, follow_up_id, version).await?;
    }
    touched.extend(split(connection, entry, merge.kept, &touched, spare).await?);
    events(connection, entry, "unmerge", &touched).await
}

async fn raise(
    connection: &mut Connection,
    entry: &AuditEntry,
    keeping: Uuid,
    closing: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update follow_ups k set
             urgency = least(k.urgency, m.urgency), due_at = least(k.due_at, m.due_at),
             flagged_at = least(k.flagged_at, m.flagged_at),
             last_received_at = greatest(k.last_received_at, m.last_received_at),
             band = (array['low', 'moderate', 'high'])[greatest(
                 array_position(array['low', 'moderate', 'high'], k.band),
                 array_position(array['low', 'moderate', 'high'], m.band))],
             findings = array(select distinct one from unnest(k.findings || m.findings) one order by one),
             positive_instruments =
                 array(select distinct one from unnest(k.positive_instruments || m.positive_instruments) one order by one),
             row_version = k.row_version + 1, updated_at = $4
         from follow_ups m
         where k.clinic_id = $1 and k.follow_up_id = $2 and m.clinic_id = $1 and m.follow_up_id = $3",
        entry.clinic_id.0,
        keeping,
        closing,
        at(entry.at) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Reopens the follow-up that the merge closed, with its state in the version before. Moving it back made the only version
/// since.
async fn reopen(
    connection: &mut Connection,
    entry: &AuditEntry,
    merged: SubjectId,
    follow_up_id: FollowUpId,
    closed_version: i32,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update follow_ups f set
             state = coalesce(e.state, 'open'), assignee = e.assignee, appointment_at = e.appointment_at, outcome = null,
             not_needed_reason = null, closed_at = null
         from (select $4::integer - 1 as version) v
         left join follow_up_events e on e.clinic_id = $1 and e.follow_up_id = $3 and e.version = v.version
         where f.clinic_id = $1 and f.follow_up_id = $3 and f.subject_id = $2 and f.row_version = $4 + 1
           and not exists (
               select from follow_ups o where o.clinic_id = $1 and o.subject_id = $2 and o.state <> 'closed'
           )",
        entry.clinic_id.0,
        merged.0,
        follow_up_id.0,
        closed_version,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Submissions received after the merge may have joined a follow-up that is moved back. They stay with the kept subject, so
/// the follow-up is split: they get a copy of it.
async fn split(
    connection: &mut Connection,
    entry: &AuditEntry,
    kept: SubjectId,
    moved: &[Uuid],
    spare: &[FollowUpId],
) -> Result<Vec<Uuid>, StoreError> {
    let joined = sqlx::query_scalar!(
        r#"select distinct follow_up_id as "follow_up_id!" from submissions
           where clinic_id = $1 and subject_id = $2 and follow_up_id = any($3)"#,
        entry.clinic_id.0,
        kept.0,
        moved,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut copies = Vec::new();
    for (of, copy) in joined.into_iter().zip(spare) {
        sqlx::query!(
            "with copy as (
                 insert into follow_ups (
                     clinic_id, follow_up_id, subject_id, state, urgency, flagged_at, updated_at, assignee, attempts,
                     missed_appointments, due_at, appointment_at, outcome, not_needed_reason, diagnosis,
                     grip_strength_g, five_chair_stands_ms, closed_at, last_received_at, band, findings,
                     positive_instruments)
                 select clinic_id, $4, $2, state, urgency, flagged_at, $5, assignee, attempts, missed_appointments,
                        due_at, appointment_at, outcome, not_needed_reason, diagnosis, grip_strength_g,
                        five_chair_stands_ms, closed_at, last_received_at, band, findings, positive_instruments
                 from follow_ups where clinic_id = $1 and follow_up_id = $3
             )
             update submissions set follow_up_id = $4 where clinic_id = $1 and subject_id = $2 and follow_up_id = $3",
            entry.clinic_id.0,
            kept.0,
            of,
            copy.0,
            at(entry.at) as _,
        )
        .execute(&mut *connection)
        .await?;
        copies.push(copy.0);
    }
    Ok(copies)
}

/// Adds one event for the current version of each follow-up.
async fn events(
    connection: &mut Connection,
    entry: &AuditEntry,
    command: &str,
    follow_ups: &[Uuid],
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into follow_up_events (
             clinic_id, follow_up_id, version, at, credential_id, command, subject_id, state, urgency, assignee,
             attempts, missed_appointments, due_at, appointment_at, outcome, not_needed_reason, diagnosis,
             grip_strength_g, five_chair_stands_ms, closed_at, last_received_at, band, positive_instruments)
         select clinic_id, follow_up_id, row_version, $2, $3, $4, subject_id, state, urgency, assignee, attempts,
                missed_appointments, due_at, appointment_at, outcome, not_needed_reason, diagnosis, grip_strength_g,
                five_chair_stands_ms, closed_at, last_received_at, band, positive_instruments
         from follow_ups where clinic_id = $1 and follow_up_id = any($5)",
        entry.clinic_id.0,
        at(entry.at) as _,
        entry.credential_id.map(|id| id.0),
        command,
        follow_ups,
    )
    .execute(&mut *connection)
    .await?;
    tell(connection, entry, follow_ups).await
}

/// Adds a delivery to each subscribed webhook for each follow-up whose state differs from the version before.
async fn tell(connection: &mut Connection, entry: &AuditEntry, follow_ups: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "with changed as materialized (
             select f.*, gen_random_uuid() as event_id from follow_ups f
             join follow_up_events before using (clinic_id, follow_up_id)
             where f.clinic_id = $1 and f.follow_up_id = any($3) and before.version = f.row_version - 1
               and before.state <> f.state
         )
         insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, subject_id, data, due_at)
         select c.clinic_id, w.webhook_id, c.event_id, 'follow_up.state_changed', $2, c.subject_id, jsonb_build_object(
             'follow_up_id', c.follow_up_id, 'subject_id', c.subject_id, 'state', c.state,
             'urgency', (array['today', 'this_week', 'routine'])[c.urgency], 'version', c.row_version), $2
         from changed c join webhook_endpoints w using (clinic_id)
         where w.disabled_at is null and 'follow_up.state_changed' = any (w.events)",
        entry.clinic_id.0,
        at(entry.at) as _,
        follow_ups,
    )
    .execute(connection)
    .await?;
    Ok(())
}
