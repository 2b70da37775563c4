//! Merges: staff state that two subjects are one person, or revoke that.

use crate::app::audit::{entry, operator_entry};
use crate::app::{App, AppError, Result, ambient::new_id, once::Once};
use crate::domain::audit::{AuditAction, AuditEntry};
use crate::domain::ids::{ClinicId, FollowUpId, MergeId, SubjectId};
use crate::domain::{access::actor::Actor, subjects::history::SubjectMerge, submissions::Idempotency};
use crate::store::{self, subjects::merges::Merging};

/// Merges a subject into the one that stays, in the version that the caller read. Fails when one of them is part of
/// another merge.
pub async fn merge(
    app: &App,
    actor: &Actor,
    kept: SubjectId,
    merged: SubjectId,
    seen: i32,
    idempotency: Option<&Idempotency>,
) -> Result<Once<SubjectMerge>> {
    let merge_id: MergeId = new_id(&*app.ambient, app.ambient.now())?;
    let entry = entry(app, actor, AuditAction::SubjectsMerged, merge_id.0, &[kept, merged])?;
    let merging = Merging { merge_id, kept, merged, seen };
    let done = store::subjects::merges::merge(&app.store, merging, idempotency, &entry).await?;
    app.deliveries.notify_one();
    Ok(Once { result: done.merge, replayed: done.replayed })
}

/// Undoes a merge. Fails when it is already undone.
pub async fn undo(
    app: &App,
    actor: &Actor,
    kept: SubjectId,
    merge_id: MergeId,
    idempotency: Option<&Idempotency>,
) -> Result<Once<SubjectMerge>> {
    let merge = store::subjects::merges::find(&app.store, actor.clinic_id, merge_id).await?;
    let merge = merge.filter(|merge| merge.kept == kept).ok_or(AppError::NotFound)?;
    let entry = entry(app, actor, AuditAction::MergeUndone, merge_id.0, &[kept, merge.merged])?;
    let by = actor.credential_id.0;
    take_back(app, &merge, idempotency, &entry, by).await
}

/// Undoes the merge that a subject is part of, for the operator, who has no credential: the merge records its creator as
/// the one who undid it, and the audit log records the operator.
pub(in crate::app) async fn undo_of(app: &App, clinic_id: ClinicId, merged: SubjectId) -> Result<()> {
    let found = store::subjects::merges::merge_of(&app.store, clinic_id, merged).await?;
    let (merge_id, by) = found.ok_or(AppError::NotFound)?;
    let merge = store::subjects::merges::find(&app.store, clinic_id, merge_id).await?.ok_or(AppError::NotFound)?;
    let entry = operator_entry(app, clinic_id, AuditAction::MergeUndone, merge_id.0)?;
    let entry = AuditEntry { subject_ids: vec![merge.kept, merged], ..entry };
    take_back(app, &merge, None, &entry, by).await.map(drop)
}

async fn take_back(
    app: &App,
    merge: &SubjectMerge,
    idempotency: Option<&Idempotency>,
    entry: &AuditEntry,
    by: uuid::Uuid,
) -> Result<Once<SubjectMerge>> {
    let spare = (0..merge.follow_up_ids.len() + 2).map(|_| new_id(&*app.ambient, entry.at));
    let spare = spare.collect::<Result<Vec<FollowUpId>, _>>()?;
    let of = (merge.kept, merge.merge_id);
    let done = store::subjects::merges::undo(&app.store, of, idempotency, entry, by, &spare).await?;
    app.deliveries.notify_one();
    Ok(Once { result: done.merge, replayed: done.replayed })
}
