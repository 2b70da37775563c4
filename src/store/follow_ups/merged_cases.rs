//! The follow-ups of two subjects that are merged, or whose merge is undone: loaded and locked, decided by the domain, kept.

use std::slice;

use jiff::Timestamp;
use uuid::Uuid;

use super::events;
use super::keep::{Decision, keep, refused};
use super::row::{Row, follow_up_query};
use crate::domain::follow_ups::{self, Change, FollowUp, FollowUpState, Undo};
use crate::domain::ids::{ClinicId, EventId, FollowUpId, SubjectId};
use crate::domain::{audit::AuditEntry, subjects::history::SubjectMerge};
use crate::store::database::{Connection, Keys, at};
use crate::store::error::{Result, StoreError};

/// Every follow-up of two subjects, locked in the order of their ids.
pub(in crate::store) async fn lock(
    connection: &mut Connection,
    clinic_id: ClinicId,
    subjects: [SubjectId; 2],
) -> Result<Vec<FollowUp>> {
    let rows = follow_up_query!(
        select "where clinic_id = $1 and subject_id in ($2, $3) order by follow_up_id for no key update",
        clinic_id.0,
        subjects[0].0,
        subjects[1].0,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// Merges the follow-ups of two subjects, and writes the audit entry of the merge. Returns the follow-ups that moved, and the
/// one that was closed with its version after closing.
pub(in crate::store) async fn merge(
    connection: &mut Connection,
    keys: &Keys,
    entry: &AuditEntry,
    cases: &[FollowUp],
    (kept, merged): (SubjectId, SubjectId),
) -> Result<(Vec<FollowUpId>, Option<(FollowUpId, i32)>)> {
    let merge = follow_ups::merge(cases, kept, merged, entry.credential_id, entry.at).map_err(refused)?;
    write(connection, keys, entry, merge.changes, slice::from_ref(entry)).await?;
    Ok((merge.moved, merge.closed))
}

/// Undoes the merge of the follow-ups of two subjects, and writes the audit entry of it. The submissions of the merged
/// subject are moved back already; those whose follow-up belongs to the other subject follow to one of their own.
pub(in crate::store) async fn unmerge(
    connection: &mut Connection,
    keys: &Keys,
    entry: &AuditEntry,
    cases: &[FollowUp],
    (merge, closed_version): (&SubjectMerge, Option<i32>),
    spare: &[FollowUpId],
) -> Result<()> {
    let clinic_id = entry.clinic_id;
    let joined = joined(connection, clinic_id, merge).await?;
    let closed = match merge.closed_follow_up.zip(closed_version) {
        Some((id, version)) => Some((id, state_before(connection, clinic_id, id, version).await?)),
        None => None,
    };
    let later = later(connection, clinic_id, merge).await?;
    let (moved, shared) = (moved(connection, clinic_id, merge).await?, shared(connection, clinic_id, merge).await?);
    let (kept, merged) = (merge.kept, merge.merged);
    let undo = Undo { kept, merged, moved: &moved, closed, joined: &joined, later: &later, shared: &shared, spare };
    let unmerged = follow_ups::unmerge(cases, &undo, entry.credential_id, entry.at).map_err(refused)?;
    write(connection, keys, entry, unmerged.changes, slice::from_ref(entry)).await?;
    if let Some(change) = unmerged.reopened {
        write(connection, keys, entry, vec![change], &[]).await?;
    }
    follow_copies(connection, clinic_id, kept, &unmerged.copies).await?;
    follow_copies(connection, clinic_id, merged, &unmerged.shared).await
}

/// The follow-ups that move back: those of the merge, and those opened since to which only submissions of the merged subject
/// belong, because corrections of its submissions opened them.
async fn moved(connection: &mut Connection, clinic_id: ClinicId, merge: &SubjectMerge) -> Result<Vec<FollowUpId>> {
    let opened = sqlx::query_scalar!(
        "select follow_up_id from follow_ups f
         where clinic_id = $1 and subject_id = $2 and flagged_at >= $4
           and exists (select from submissions s
                       where s.clinic_id = $1 and s.follow_up_id = f.follow_up_id and s.subject_id = $3)
           and not exists (select from submissions s
                           where s.clinic_id = $1 and s.follow_up_id = f.follow_up_id and s.subject_id = $2)",
        clinic_id.0,
        merge.kept.0,
        merge.merged.0,
        at(merge.merged_at) as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(merge.follow_up_ids.iter().copied().chain(opened.into_iter().map(FollowUpId)).collect())
}

/// The follow-ups of the kept subject that submissions of the merged subject belong to.
async fn shared(connection: &mut Connection, clinic_id: ClinicId, merge: &SubjectMerge) -> Result<Vec<FollowUpId>> {
    let shared = sqlx::query_scalar!(
        "select follow_up_id from follow_ups f
         where clinic_id = $1 and subject_id = $2
           and exists (select from submissions s
                       where s.clinic_id = $1 and s.follow_up_id = f.follow_up_id and s.subject_id = $3)",
        clinic_id.0,
        merge.kept.0,
        merge.merged.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(shared.into_iter().map(FollowUpId).collect())
}

/// The follow-ups that later merges into the same subject closed, the earliest first, each with the time of the merge and
/// its state before.
async fn later(
    connection: &mut Connection,
    clinic_id: ClinicId,
    merge: &SubjectMerge,
) -> Result<Vec<(FollowUpId, Timestamp, FollowUpState)>> {
    let rows = sqlx::query!(
        r#"select closed_follow_up as "closed_follow_up!", closed_version as "closed_version!",
                  merged_at as "merged_at: jiff_sqlx::Timestamp"
           from subject_merges
           where clinic_id = $1 and kept = $2 and merge_id <> $3 and merged_at >= $4
               and closed_follow_up is not null and undone_at is null
           order by merged_at, merge_id"#,
        clinic_id.0,
        merge.kept.0,
        merge.merge_id.0,
        at(merge.merged_at) as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut later = Vec::new();
    for row in rows {
        let id = FollowUpId(row.closed_follow_up);
        let before = state_before(connection, clinic_id, id, row.closed_version).await?;
        later.push((id, row.merged_at.to_jiff(), before));
    }
    Ok(later)
}

/// The state of a follow-up before the version that closed it.
async fn state_before(
    connection: &mut Connection,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    closed: i32,
) -> Result<FollowUpState> {
    let before = events::state(connection, clinic_id, follow_up_id, closed - 1).await?;
    Ok(before.unwrap_or(FollowUpState::Open))
}

/// Writes the changes of a merge or of its undoing, and the entries of the audit log.
async fn write(
    connection: &mut Connection,
    keys: &Keys,
    entry: &AuditEntry,
    changes: Vec<Change>,
    entries: &[AuditEntry],
) -> Result<()> {
    let (clinic_id, event_id) = (entry.clinic_id, EventId(entry.audit_entry_id.0));
    let decision = |change| Decision { clinic_id, change, event_id, note_sealed: None };
    let decisions: Vec<Decision> = changes.into_iter().map(decision).collect();
    if !keep(connection, keys, &decisions, entries).await? {
        return Err(StoreError::Inconsistent { table: "follow_ups", what: "a locked follow-up changed" });
    }
    Ok(())
}

/// The follow-ups of a merge that submissions of the kept subject belong to.
async fn joined(connection: &mut Connection, clinic_id: ClinicId, merge: &SubjectMerge) -> Result<Vec<FollowUpId>> {
    let moved: Vec<Uuid> = merge.follow_up_ids.iter().map(|id| id.0).collect();
    let joined = sqlx::query_scalar!(
        r#"select distinct follow_up_id as "follow_up_id!" from submissions
           where clinic_id = $1 and subject_id = $2 and follow_up_id = any($3)"#,
        clinic_id.0,
        merge.kept.0,
        &moved,
    )
    .fetch_all(connection)
    .await?;
    Ok(joined.into_iter().map(FollowUpId).collect())
}

/// Moves the submissions of a subject from each of the follow-ups to the other.
async fn follow_copies(
    connection: &mut Connection,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    copies: &[(FollowUpId, FollowUpId)],
) -> Result<()> {
    if copies.is_empty() {
        return Ok(());
    }
    let (of, copies): (Vec<Uuid>, Vec<Uuid>) = copies.iter().map(|(of, copy)| (of.0, copy.0)).unzip();
    sqlx::query!(
        "update submissions s set follow_up_id = c.copy from unnest($3::uuid[], $4::uuid[]) as c (follow_up_id, copy)
         where s.clinic_id = $1 and s.subject_id = $2 and s.follow_up_id = c.follow_up_id",
        clinic_id.0,
        subject_id.0,
        &of,
        &copies,
    )
    .execute(connection)
    .await?;
    Ok(())
}
