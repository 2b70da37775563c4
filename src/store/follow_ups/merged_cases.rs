//! The follow-ups of two subjects that are merged, or whose merge is undone: loaded and locked, decided by the domain, kept.

use uuid::Uuid;

use super::events;
use super::keep::{Decision, keep, refused};
use super::row::{Row, follow_up_query};
use crate::domain::follow_ups::{self, Change, FollowUp, FollowUpState, Undo};
use crate::domain::ids::{ClinicId, EventId, FollowUpId, SubjectId};
use crate::domain::{audit::AuditEntry, subjects::history::SubjectMerge};
use crate::store::database::{Connection, Keys};
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
    write(connection, keys, entry, merge.changes).await?;
    Ok((merge.moved, merge.closed))
}

/// Undoes the merge of the follow-ups of two subjects, and writes the audit entry of it. The submissions of the merged
/// subject are moved back already; those of the kept subject follow the copies of their follow-ups.
pub(in crate::store) async fn unmerge(
    connection: &mut Connection,
    keys: &Keys,
    entry: &AuditEntry,
    cases: &[FollowUp],
    (merge, closed_version): (&SubjectMerge, Option<i32>),
    spare: &[FollowUpId],
) -> Result<()> {
    let joined = joined(connection, entry.clinic_id, merge).await?;
    let closed = match merge.closed_follow_up.zip(closed_version) {
        Some((id, version)) => {
            let before = events::state(connection, entry.clinic_id, id, version - 1).await?;
            Some((id, version, before.unwrap_or(FollowUpState::Open)))
        }
        None => None,
    };
    let (kept, merged, moved) = (merge.kept, merge.merged, &*merge.follow_up_ids);
    let undo = Undo { kept, merged, moved, closed, joined: &joined, spare };
    let unmerged = follow_ups::unmerge(cases, &undo, entry.credential_id, entry.at).map_err(refused)?;
    write(connection, keys, entry, unmerged.changes).await?;
    follow_copies(connection, entry.clinic_id, merge.kept, &unmerged.copies).await
}

async fn write(connection: &mut Connection, keys: &Keys, entry: &AuditEntry, changes: Vec<Change>) -> Result<()> {
    let (clinic_id, event_id) = (entry.clinic_id, EventId(entry.audit_entry_id.0));
    let decision = |change| Decision { clinic_id, change, event_id, note_sealed: None };
    let decisions: Vec<Decision> = changes.into_iter().map(decision).collect();
    if !keep(connection, keys, &decisions, std::slice::from_ref(entry)).await? {
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

/// Moves the submissions of the kept subject to the copies of their follow-ups.
async fn follow_copies(
    connection: &mut Connection,
    clinic_id: ClinicId,
    kept: SubjectId,
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
        kept.0,
        &of,
        &copies,
    )
    .execute(connection)
    .await?;
    Ok(())
}
