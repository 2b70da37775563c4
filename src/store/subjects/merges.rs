//! Merges two subjects into one, and undoes merges. A merge lists the moved rows, so that exactly these rows move back.

use uuid::Uuid;

use super::changes::{change_of, insert as insert_change, update as update_subject};
use super::lock;
use crate::domain::ids::{ClinicId, FollowUpId, MergeId, SubjectId, SubmissionId};
use crate::domain::subjects::history::{Before, ChangeKind, SubjectChange, SubjectMerge};
use crate::domain::{audit::AuditEntry, subjects::Subject, submissions::Idempotency};
use crate::store::database::{
    Connection, Store, at, constraint::Meaning, removal_lock::one_at_a_time, session::Session,
};
use crate::store::error::{Result, StoreError};
use crate::store::follow_ups::merged_cases;
use crate::store::idempotency_keys::{Effect, Kept, claim};

#[derive(Clone, Copy, Debug)]
pub struct Merging {
    pub merge_id: MergeId,
    /// The subject that stays.
    pub kept: SubjectId,
    /// The duplicate record of the same person.
    pub merged: SubjectId,
    /// The version of the subject that stays, as the caller read it.
    pub seen: i32,
}

/// A merge that was made or undone, by this request or by an earlier one with the same idempotency key.
pub struct Merged {
    pub merge: SubjectMerge,
    pub replayed: bool,
}

/// Merges one subject into another. Submissions and follow-ups move, and if both have an open follow-up, one is closed.
/// When this returns, the merge is on disk. A retry gets the response of the first request. Fails when a subject does not
/// exist, when the one that stays changed since, when one of them is part of another merge, or when the idempotency key was
/// used for another request.
pub async fn merge(
    store: &Store,
    merging: Merging,
    request: Option<&Idempotency>,
    entry: &AuditEntry,
) -> Result<Merged> {
    let mut work = Work::begin(store, entry).await?;
    if let Some(done) = work.retried(request, merging.merge_id).await? {
        return Ok(Merged { merge: SubjectMerge { undone_at: None, ..done }, replayed: true });
    }
    let [kept, merged] = work.lock_both([merging.kept, merging.merged]).await?;
    let (kept, merged) = work.allowed(merging, kept, merged).await?;
    let cases = merged_cases::lock(&mut work.transaction, entry.clinic_id, [merging.kept, merging.merged]).await?;
    let submission_ids = move_submissions(&mut work.transaction, entry.clinic_id, merging.merged, merging.kept).await?;
    let subjects = (merging.kept, merging.merged);
    let (follow_up_ids, closed) =
        merged_cases::merge(&mut work.transaction, &store.keys, entry, &cases, subjects).await?;
    let done = SubjectMerge {
        merge_id: merging.merge_id,
        kept: merging.kept,
        merged: merging.merged,
        merged_at: entry.at,
        submission_ids,
        follow_up_ids,
        closed_follow_up: closed.map(|(id, _)| id),
        undone_at: None,
    };
    write(&mut work.transaction, &done, closed.map(|(_, version)| version), entry).await?;
    let merged_after = Subject { merged_into: Some(kept.subject_id), ..merged.clone() };
    let kept_after = work.with_withdrawal(kept, &merged).await?;
    for subject in [kept_after, merged_after] {
        work.changed(subject, ChangeKind::Merge, done.merge_id).await?;
    }
    work.transaction.commit().await?;
    Ok(Merged { merge: done, replayed: false })
}

/// Undoes a merge. The listed rows that still exist move back, with the corrections of listed submissions, and the follow-up
/// that the merge closed is reopened, unless staff reopened it since or another one is open. `spare` holds ids for copies of
/// follow-ups that submissions of both subjects belong to. Fails when the merge does not exist or is already undone, or when
/// the idempotency key was used for another request.
pub async fn undo(
    store: &Store,
    (kept, merge_id): (SubjectId, MergeId),
    request: Option<&Idempotency>,
    entry: &AuditEntry,
    undone_by: Uuid,
    spare: &[FollowUpId],
) -> Result<Merged> {
    let clinic_id = entry.clinic_id;
    let mut work = Work::begin(store, entry).await?;
    if let Some(merge) = work.retried(request, merge_id).await? {
        return Ok(Merged { merge, replayed: true });
    }
    let found = find_in(&mut work.transaction, clinic_id, merge_id).await?;
    let (merge, closed_version) = found.filter(|(merge, _)| merge.kept == kept).ok_or(StoreError::Missing)?;
    if merge.undone_at.is_some() {
        return Err(StoreError::Refused("the merge is already undone"));
    }
    let [kept, merged] = work.lock_both([kept, merge.merged]).await?;
    let (kept, merged) = kept.zip(merged).ok_or(StoreError::Missing)?;
    let cases = merged_cases::lock(&mut work.transaction, clinic_id, [merge.kept, merge.merged]).await?;
    move_back(&mut work.transaction, clinic_id, &merge).await?;
    let undone = (&merge, closed_version);
    merged_cases::unmerge(&mut work.transaction, &store.keys, entry, &cases, undone, spare).await?;
    let merged = Subject { merged_into: None, ..merged };
    for subject in [kept, merged] {
        work.changed(subject, ChangeKind::Unmerge, merge_id).await?;
    }
    sqlx::query!(
        "update subject_merges set undone_at = $3, undone_by = $4 where clinic_id = $1 and merge_id = $2",
        clinic_id.0,
        merge_id.0,
        at(entry.at) as _,
        undone_by,
    )
    .execute(&mut *work.transaction)
    .await?;
    work.transaction.commit().await?;
    Ok(Merged { merge: SubjectMerge { undone_at: Some(entry.at), ..merge }, replayed: false })
}

pub async fn find(store: &Store, clinic_id: ClinicId, merge_id: MergeId) -> Result<Option<SubjectMerge>> {
    let found = find_in(&mut *store.clinic(clinic_id).await?, clinic_id, merge_id).await?;
    Ok(found.map(|(merge, _)| merge))
}

/// The current merge of a merged subject: its id, and the credential that merged them.
pub async fn merge_of(store: &Store, clinic_id: ClinicId, merged: SubjectId) -> Result<Option<(MergeId, Uuid)>> {
    let row = sqlx::query!(
        "select merge_id, kept, merged_by from subject_merges
         where clinic_id = $1 and merged = $2 and undone_at is null",
        clinic_id.0,
        merged.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(row.map(|row| (MergeId(row.merge_id), row.merged_by)))
}

/// A transaction that merges two subjects or undoes a merge, with its audit entry.
struct Work<'a> {
    store: &'a Store,
    transaction: Session,
    entry: &'a AuditEntry,
}

impl<'a> Work<'a> {
    async fn begin(store: &'a Store, entry: &'a AuditEntry) -> Result<Self> {
        let mut transaction = store.begin(entry.clinic_id).await?;
        one_at_a_time(&mut transaction, entry.clinic_id).await?;
        Ok(Self { store, transaction, entry })
    }

    /// Locks two subjects in the order of their ids, and returns them in the order of the arguments.
    async fn lock_both(&mut self, named: [SubjectId; 2]) -> Result<[Option<Subject>; 2]> {
        let (keys, clinic_id) = (&self.store.keys, self.entry.clinic_id);
        let turned = named[0] > named[1];
        let [first, second] = if turned { [named[1], named[0]] } else { named };
        let first = lock(&mut self.transaction, keys, clinic_id, first.0).await?;
        let second = lock(&mut self.transaction, keys, clinic_id, second.0).await?;
        Ok(if turned { [second, first] } else { [first, second] })
    }

    /// The merge that this request made before, if it is a retry.
    async fn retried(&mut self, request: Option<&Idempotency>, merge_id: MergeId) -> Result<Option<SubjectMerge>> {
        let Some(request) = request else { return Ok(None) };
        // A merge has only one version.
        let effect = Effect::Version(merge_id.0, 1);
        let clinic_id = self.entry.clinic_id;
        match claim(&mut self.transaction, clinic_id, effect, request, self.entry.at).await? {
            None => Ok(None),
            Some(Kept::Same(Effect::Version(id, _))) => {
                let found = find_in(&mut self.transaction, clinic_id, MergeId(id)).await?;
                found.map(|(merge, _)| Some(merge)).ok_or(StoreError::Missing)
            }
            Some(_) => Err(StoreError::KeyReused),
        }
    }

    /// Checks that the merge is allowed. Chains of merges are refused, so that a reference is followed only once, and an
    /// undo concerns only two subjects.
    async fn allowed(
        &mut self,
        merging: Merging,
        kept: Option<Subject>,
        merged: Option<Subject>,
    ) -> Result<(Subject, Subject)> {
        let kept = kept.ok_or(StoreError::Missing)?;
        if kept.version != merging.seen {
            return Err(StoreError::Stale);
        }
        let merged = merged.ok_or(StoreError::Conflict(Meaning::SubjectToMergeUnknown))?;
        if kept.merged_into.is_some() {
            return Err(StoreError::Refused("this subject was merged into another; merge into that one"));
        }
        if merged.merged_into.is_some() {
            return Err(StoreError::Refused("the other subject is already merged"));
        }
        let has_merged = sqlx::query_scalar!(
            r#"select exists (select from subjects where clinic_id = $1 and merged_into = $2) as "found!""#,
            self.entry.clinic_id.0,
            merged.subject_id.0,
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        if has_merged {
            return Err(StoreError::Refused(
                "others were merged into that subject; undo these merges, then merge each",
            ));
        }
        Ok((kept, merged))
    }

    /// A withdrawal of consent under either reference is valid for the person: a withdrawal newer than the kept subject's
    /// consent replaces it.
    async fn with_withdrawal(&mut self, kept: Subject, merged: &Subject) -> Result<Subject> {
        let Some(withdrawal) = merged.consent.as_ref().filter(|consent| !consent.to_contact) else { return Ok(kept) };
        match &kept.consent {
            Some(given) if given.to_contact && given.given_at <= withdrawal.given_at => {
                let change = (ChangeKind::Consent, Before::Consent(given.clone()));
                let after = Subject { consent: Some(withdrawal.clone()), version: kept.version + 1, ..kept };
                let change = change_of(&after, self.entry.at, self.entry.credential_id, change);
                let (keys, clinic_id) = (&self.store.keys, self.entry.clinic_id);
                insert_change(&mut self.transaction, keys, clinic_id, after.subject_id, &change).await?;
                Ok(after)
            }
            _ => Ok(kept),
        }
    }

    /// Writes the next version of a subject and its row in the history.
    async fn changed(&mut self, mut subject: Subject, kind: ChangeKind, merge_id: MergeId) -> Result<()> {
        let (keys, entry) = (&self.store.keys, self.entry);
        subject.version += 1;
        let change = change_of(&subject, entry.at, entry.credential_id, (kind, Before::Nothing));
        let change = SubjectChange { merge_id: Some(merge_id), ..change };
        insert_change(&mut self.transaction, keys, entry.clinic_id, subject.subject_id, &change).await?;
        update_subject(&mut self.transaction, entry.clinic_id, &subject, entry.at).await
    }
}

/// Moves all submissions of a subject, and returns their ids.
async fn move_submissions(
    connection: &mut Connection,
    clinic_id: ClinicId,
    from: SubjectId,
    to: SubjectId,
) -> Result<Vec<SubmissionId>> {
    let moved = sqlx::query_scalar!(
        "update submissions set subject_id = $3 where clinic_id = $1 and subject_id = $2 returning submission_id",
        clinic_id.0,
        from.0,
        to.0,
    )
    .fetch_all(connection)
    .await?;
    Ok(moved.into_iter().map(SubmissionId).collect())
}

/// Moves the listed submissions of a merge back. What corrects one of them is about the same person, and moves with it.
async fn move_back(connection: &mut Connection, clinic_id: ClinicId, merge: &SubjectMerge) -> Result<()> {
    let listed: Vec<Uuid> = merge.submission_ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "with recursive moved as (
             select submission_id from submissions
             where clinic_id = $1 and subject_id = $2 and submission_id = any($4)
             union
             select s.submission_id
             from moved m join submissions s on s.clinic_id = $1 and s.subject_id = $2 and s.supersedes = m.submission_id
         )
         update submissions s set subject_id = $3 from moved m
         where s.clinic_id = $1 and s.submission_id = m.submission_id",
        clinic_id.0,
        merge.kept.0,
        merge.merged.0,
        &listed,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write(
    connection: &mut Connection,
    merge: &SubjectMerge,
    closed_version: Option<i32>,
    entry: &AuditEntry,
) -> Result<()> {
    let submissions: Vec<Uuid> = merge.submission_ids.iter().map(|id| id.0).collect();
    let follow_ups: Vec<Uuid> = merge.follow_up_ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "insert into subject_merges (clinic_id, merge_id, kept, merged, merged_at, merged_by, submission_ids,
                                     follow_up_ids, closed_follow_up, closed_version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        entry.clinic_id.0,
        merge.merge_id.0,
        merge.kept.0,
        merge.merged.0,
        at(merge.merged_at) as _,
        entry.credential_id.map(|id| id.0),
        &submissions,
        &follow_ups,
        merge.closed_follow_up.map(|id| id.0),
        closed_version,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn find_in(
    connection: &mut Connection,
    clinic_id: ClinicId,
    merge_id: MergeId,
) -> Result<Option<(SubjectMerge, Option<i32>)>> {
    let row = sqlx::query!(
        r#"select merge_id, kept, merged, merged_at as "merged_at: jiff_sqlx::Timestamp", submission_ids, follow_up_ids,
                  closed_follow_up, closed_version, undone_at as "undone_at: jiff_sqlx::Timestamp"
           from subject_merges where clinic_id = $1 and merge_id = $2"#,
        clinic_id.0,
        merge_id.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| {
        let merge = SubjectMerge {
            merge_id: MergeId(row.merge_id),
            kept: SubjectId(row.kept),
            merged: SubjectId(row.merged),
            merged_at: row.merged_at.to_jiff(),
            submission_ids: row.submission_ids.into_iter().map(SubmissionId).collect(),
            follow_up_ids: row.follow_up_ids.into_iter().map(FollowUpId).collect(),
            closed_follow_up: row.closed_follow_up.map(FollowUpId),
            undone_at: row.undone_at.map(jiff_sqlx::Timestamp::to_jiff),
        };
        (merge, row.closed_version)
    }))
}
