//! Erasure of single submissions from the live database, recorded in the erasure log.

use std::path::Path;

use uuid::Uuid;

use super::counting_again::count_again;
use super::statistics::leave_chain;
use crate::domain::ids::{ClinicId, EventId, SubjectId, SubmissionId};
use crate::domain::{audit::AuditEntry, clinics::DueHours, follow_ups::FollowUp, webhooks::Event};
use crate::store::database::{Connection, Store, removal_lock::one_at_a_time};
use crate::store::error::{Result, StoreError};
use crate::store::follow_ups::row::{Row, follow_up_query};
use crate::store::subjects::erasure::{remove, remove_cases, remove_submissions};
use crate::store::subjects::erasure_log::{self, Erased, Gone};
use crate::store::subjects::retention::{left_with_nothing, without_submissions};
use crate::store::{audit, webhooks::outbox};

/// Submissions read per query when a log is replayed.
const CHUNK: i64 = 1_000;

/// The audit entries of an erasure.
pub struct Entries {
    pub of_submission: AuditEntry,
    /// Written only if the subject is left without submissions and follow-ups, and is removed too.
    pub of_subject: AuditEntry,
    /// Written only if a follow-up is reopened.
    pub of_follow_up: AuditEntry,
}

/// A submission with what its erasure affects. Its subject, the follow-ups of that, its own row and the corrections of it are
/// locked.
struct Locked {
    subject_id: SubjectId,
    follow_up: Option<Uuid>,
    /// All follow-ups of the subject.
    cases: Vec<FollowUp>,
    /// The submission that it corrects.
    corrected: Option<Uuid>,
    /// The submissions that correct it.
    corrections: Vec<Uuid>,
}

impl Locked {
    /// Whether its follow-up is not closed, or a merge closed it in favour of one that is not.
    fn is_open(&self) -> bool {
        let own = self.cases.iter().find(|case| Some(case.follow_up_id.0) == self.follow_up);
        let Some(own) = own else { return false };
        let continues = |other: &FollowUp| !other.state.is_closed() && other.flagged_at <= own.flagged_at;
        !own.state.is_closed() || own.state.merged_at().is_some() && self.cases.iter().any(continues)
    }
}

/// Removes a submission with its idempotency keys and its events; then its follow-up, if that has no other submission; then
/// its subject, if nothing is left of it. Corrections of the submission become corrections of the one that it corrects. Without
/// any, that one counts again, and staff see it: an open follow-up gets what counts, and one that was closed without its answers is
/// reopened. `due` are the hours of the clinic. If a log is given, what is removed is added to it before the commit. Without a log
/// an erasure is repeated, and an open follow-up does not prevent it. Fails when the submission does not exist, when its follow-up
/// is open, or when the log cannot be written.
pub async fn erase(
    store: &Store,
    submission_id: SubmissionId,
    log: Option<&Path>,
    entries: &Entries,
    due: DueHours,
) -> Result<()> {
    let Entries { of_submission, of_subject, of_follow_up } = entries;
    let (clinic_id, at) = (of_submission.clinic_id, of_submission.at);
    let mut transaction = store.begin_jobs(clinic_id).await?;
    one_at_a_time(&mut transaction, clinic_id).await?;
    let locked = lock(&mut transaction, clinic_id, submission_id).await?.ok_or(StoreError::Missing)?;
    if locked.is_open() && log.is_some() {
        return Err(StoreError::Refused("the follow-up of the submission is open; close it first"));
    }
    leave_chain(&mut transaction, clinic_id, submission_id).await?;
    let gone = remove_one(&mut transaction, clinic_id, submission_id, &locked).await?;
    let Locked { subject_id, mut cases, corrected, corrections, .. } = locked;
    if let (Some(corrected), true) = (corrected, corrections.is_empty()) {
        cases.retain(|case| !gone.contains(&case.follow_up_id.0));
        count_again(&mut transaction, &store.keys, SubmissionId(corrected), cases, of_follow_up, due).await?;
    }
    let subjects = left_with_nothing(&mut transaction, clinic_id, &[subject_id.0]).await?;
    let event = Event::submission_erased(EventId(of_submission.audit_entry_id.0), submission_id, subject_id, at);
    let mut written = vec![AuditEntry { subject_id: Some(subject_id), ..of_submission.clone() }];
    if !subjects.is_empty() {
        remove(&mut transaction, clinic_id, &subjects).await?;
        let subject_ids: Vec<SubjectId> = subjects.iter().copied().map(SubjectId).collect();
        let erased = Event::erased(EventId(of_subject.audit_entry_id.0), &subject_ids, at);
        outbox::write(&mut transaction, clinic_id, &erased).await?;
        let resource_id = subject_id.0;
        written.push(AuditEntry { resource_id, subject_id: Some(subject_id), subject_ids, ..of_subject.clone() });
    }
    outbox::write(&mut transaction, clinic_id, &event).await?;
    audit::insert_all(&store.keys, &mut transaction, &written).await?;
    if let Some(log) = log {
        let gone = Gone { subjects: &subjects, submissions: &[submission_id.0] };
        erasure_log::append(store, log, clinic_id, gone, at).await?;
    }
    transaction.commit().await
}

/// Locks in the same order as intake. The subject and the follow-up of a submission change by merges only, which hold the lock
/// of the clinic.
async fn lock(connection: &mut Connection, clinic_id: ClinicId, submission_id: SubmissionId) -> Result<Option<Locked>> {
    let found = sqlx::query!(
        "select subject_id, follow_up_id from submissions where clinic_id = $1 and submission_id = $2",
        clinic_id.0,
        submission_id.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(found) = found else { return Ok(None) };
    sqlx::query!(
        "select subject_id from subjects where clinic_id = $1 and (subject_id = $2 or merged_into = $2)
         order by subject_id for update",
        clinic_id.0,
        found.subject_id,
    )
    .fetch_all(&mut *connection)
    .await?;
    let cases = follow_up_query!(
        select "where clinic_id = $1 and (subject_id = $2 or follow_up_id = $3) order by follow_up_id for update",
        clinic_id.0,
        found.subject_id,
        found.follow_up_id,
    )
    .fetch_all(&mut *connection)
    .await?;
    let corrected = sqlx::query_scalar!(
        "select supersedes from submissions where clinic_id = $1 and submission_id = $2 for update",
        clinic_id.0,
        submission_id.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    // Read after the lock: a correction that was stored meanwhile is found, and later ones find no submission.
    let corrections = sqlx::query_scalar!(
        "select submission_id from submissions where clinic_id = $1 and supersedes = $2
         order by submission_id for update",
        clinic_id.0,
        submission_id.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(Some(Locked {
        subject_id: SubjectId(found.subject_id),
        follow_up: found.follow_up_id,
        cases: cases.into_iter().map(Row::read).collect::<Result<_>>()?,
        corrected: corrected.flatten(),
        corrections,
    }))
}

/// Removes the submission, and its follow-up if that has no other submission. Returns the removed follow-up.
async fn remove_one(
    connection: &mut Connection,
    clinic_id: ClinicId,
    submission_id: SubmissionId,
    locked: &Locked,
) -> Result<Vec<Uuid>> {
    remove_submissions(connection, clinic_id, &[submission_id.0]).await?;
    sqlx::query!(
        "update submissions set supersedes = $3 where clinic_id = $1 and submission_id = any($2)",
        clinic_id.0,
        &locked.corrections,
        locked.corrected,
    )
    .execute(&mut *connection)
    .await?;
    // The event that a submission was flagged, or corrected another one, has the id of the submission.
    let webhooks = sqlx::query_scalar!(
        "with due as (
             select webhook_id from webhook_deliveries where clinic_id = $1 and event_id = $2
             order by webhook_id for update
         )
         delete from webhook_deliveries d using due
         where d.clinic_id = $1 and d.event_id = $2 and d.webhook_id = due.webhook_id
         returning d.webhook_id",
        clinic_id.0,
        submission_id.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    let gone: Vec<_> = webhooks.into_iter().map(|webhook_id| (webhook_id, submission_id.0)).collect();
    outbox::remove_attempts(connection, clinic_id, &gone).await?;
    let cases = Vec::from_iter(locked.follow_up);
    let cases = without_submissions(connection, clinic_id, &cases).await?;
    remove_cases(connection, clinic_id, &cases).await?;
    Ok(cases)
}

/// The next submissions of a clinic, ordered by id.
#[derive(Debug)]
pub struct Chunk {
    pub rows: u64,
    /// Where the next chunk begins. `None` at the end.
    pub next: Option<SubmissionId>,
    /// The submissions that are in the log.
    pub listed: Vec<SubmissionId>,
}

pub async fn count(store: &Store, clinic_id: ClinicId) -> Result<u64> {
    let count =
        sqlx::query_scalar!(r#"select count(*) as "count!" from submissions where clinic_id = $1"#, clinic_id.0);
    Ok(count.fetch_one(&mut *store.begin_jobs(clinic_id).await?).await?.unsigned_abs())
}

/// Checks the next submissions of a clinic against the log.
pub async fn next(store: &Store, clinic_id: ClinicId, after: SubmissionId, erased: &Erased) -> Result<Chunk> {
    let ids = sqlx::query_scalar!(
        "select submission_id from submissions
         where clinic_id = $1 and submission_id > $2 order by submission_id limit $3",
        clinic_id.0,
        after.0,
        CHUNK,
    )
    .fetch_all(&mut *store.begin_jobs(clinic_id).await?)
    .await?;
    let next = ids.last().copied().map(SubmissionId);
    let rows = ids.len() as u64;
    let listed = ids.into_iter().filter(|id| erased.names_submission(store, clinic_id.0, *id));
    Ok(Chunk { rows, next, listed: listed.map(SubmissionId).collect() })
}
