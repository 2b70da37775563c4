//! Erasure: removes a subject from the live database in one transaction, and records it in a log outside the database.

use std::path::Path;

use uuid::Uuid;

use super::erasure_log::{self, Erased, Gone};
use crate::domain::ids::{ClinicId, EventId, SubjectId};
use crate::domain::{audit::AuditEntry, webhooks::Event};
use crate::store::database::{Connection, Store, removal_lock::one_at_a_time};
use crate::store::error::{Result, StoreError};
use crate::store::{audit, webhooks::outbox};

/// Subjects read per query when a log is replayed.
const CHUNK: i64 = 1_000;

/// Removes a subject, every subject merged into it, and everything stored about them. If a log is given, they are added to
/// it before the commit. Audit entries keep the ids, which no longer identify a person. Fails when the subject does not
/// exist, when it was merged into another, or when the log cannot be written.
pub async fn erase(store: &Store, subject_id: SubjectId, log: Option<&Path>, entry: &AuditEntry) -> Result<()> {
    let clinic_id = entry.clinic_id;
    let mut transaction = store.begin_jobs(clinic_id).await?;
    one_at_a_time(&mut transaction, clinic_id).await?;
    let rows = sqlx::query!(
        "select subject_id, merged_into from subjects
         where clinic_id = $1 and (subject_id = $2 or merged_into = $2)
         order by subject_id for update",
        clinic_id.0,
        subject_id.0,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let own = rows.iter().find(|row| row.subject_id == subject_id.0).ok_or(StoreError::Missing)?;
    if own.merged_into.is_some() {
        return Err(StoreError::Refused("the subject was merged into another; erase that one, or undo the merge"));
    }
    let all: Vec<Uuid> = rows.iter().map(|row| row.subject_id).collect();
    remove(&mut transaction, clinic_id, &all).await?;
    let subject_ids: Vec<SubjectId> = all.iter().copied().map(SubjectId).collect();
    let event = Event::erased(EventId(entry.audit_entry_id.0), &subject_ids, entry.at);
    outbox::write(&mut transaction, clinic_id, &event).await?;
    audit::insert(
        &store.keys,
        &mut transaction,
        &AuditEntry { subject_id: Some(subject_id), subject_ids, ..entry.clone() },
    )
    .await?;
    if let Some(log) = log {
        let gone = Gone { subjects: &all, ..Gone::default() };
        erasure_log::append(store, log, clinic_id, gone, entry.at).await?;
    }
    transaction.commit().await
}

/// Removes subjects and everything stored about them. The database deletes their search terms with them.
pub(in crate::store) async fn remove(
    connection: &mut Connection,
    clinic_id: ClinicId,
    subjects: &[Uuid],
) -> Result<()> {
    let clinic = clinic_id.0;
    let cases = sqlx::query_scalar!(
        "select follow_up_id from follow_ups where clinic_id = $1 and subject_id = any($2)
         order by follow_up_id for update",
        clinic,
        subjects,
    )
    .fetch_all(&mut *connection)
    .await?;
    let submissions = sqlx::query_scalar!(
        "select submission_id from submissions where clinic_id = $1 and subject_id = any($2)",
        clinic,
        subjects,
    )
    .fetch_all(&mut *connection)
    .await?;
    remove_submissions(connection, clinic_id, &submissions).await?;
    remove_cases(connection, clinic_id, &cases).await?;
    sqlx::query!("delete from subject_changes where clinic_id = $1 and subject_id = any($2)", clinic, subjects)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "with gone as (
             delete from subject_merges where clinic_id = $1 and (kept = any($2) or merged = any($2)) returning merge_id
         )
         delete from idempotency_keys k using gone where k.clinic_id = $1 and k.resource_id = gone.merge_id",
        clinic,
        subjects,
    )
    .execute(&mut *connection)
    .await?;
    remove_events(connection, clinic_id, subjects).await?;
    sqlx::query!("delete from subjects where clinic_id = $1 and subject_id = any($2)", clinic, subjects)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Removes the sent and pending events of subjects. The event about the erasure itself is still sent.
async fn remove_events(connection: &mut Connection, clinic_id: ClinicId, subjects: &[Uuid]) -> Result<()> {
    let gone = sqlx::query!(
        "with due as (
             select webhook_id, event_id from webhook_deliveries where clinic_id = $1 and subject_id = any($2)
             order by webhook_id, event_id for update
         )
         delete from webhook_deliveries d using due
         where d.clinic_id = $1 and d.webhook_id = due.webhook_id and d.event_id = due.event_id
         returning d.webhook_id, d.event_id",
        clinic_id.0,
        subjects,
    )
    .fetch_all(&mut *connection)
    .await?;
    let gone: Vec<_> = gone.into_iter().map(|row| (row.webhook_id, row.event_id)).collect();
    outbox::remove_attempts(connection, clinic_id, &gone).await
}

/// Removes submissions with their idempotency keys.
pub(in crate::store) async fn remove_submissions(
    connection: &mut Connection,
    clinic_id: ClinicId,
    submissions: &[Uuid],
) -> Result<()> {
    sqlx::query!(
        "select submission_id from submissions where clinic_id = $1 and submission_id = any($2)
         order by submission_id for update",
        clinic_id.0,
        submissions
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from idempotency_keys where clinic_id = $1 and submission_id = any($2)",
        clinic_id.0,
        submissions
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("delete from submissions where clinic_id = $1 and submission_id = any($2)", clinic_id.0, submissions)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Removes follow-ups with their history and idempotency keys. Their submissions are removed already.
pub(in crate::store) async fn remove_cases(
    connection: &mut Connection,
    clinic_id: ClinicId,
    cases: &[Uuid],
) -> Result<()> {
    sqlx::query!("delete from idempotency_keys where clinic_id = $1 and resource_id = any($2)", clinic_id.0, cases)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from follow_up_events where clinic_id = $1 and follow_up_id = any($2)", clinic_id.0, cases)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from follow_ups where clinic_id = $1 and follow_up_id = any($2)", clinic_id.0, cases)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// A subject that is in the erasure log and still in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub subject_id: SubjectId,
    /// The subject that it is merged into.
    pub merged_into: Option<SubjectId>,
    /// Whether the subject is erased together with `merged_into`, which is in the log too.
    pub with_another: bool,
}

/// The next subjects of a clinic, ordered by id.
#[derive(Debug)]
pub struct Chunk {
    pub rows: u64,
    /// Where the next chunk begins. `None` at the end.
    pub next: Option<SubjectId>,
    /// The subjects that are in the log.
    pub listed: Vec<Listed>,
}

pub async fn count(store: &Store, clinic_id: ClinicId) -> Result<u64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from subjects where clinic_id = $1"#, clinic_id.0);
    Ok(count.fetch_one(&mut *store.begin_jobs(clinic_id).await?).await?.unsigned_abs())
}

/// Checks the next subjects of a clinic against the log.
pub async fn next(store: &Store, clinic_id: ClinicId, after: SubjectId, erased: &Erased) -> Result<Chunk> {
    let rows = sqlx::query!(
        "select subject_id, merged_into from subjects
         where clinic_id = $1 and subject_id > $2 order by subject_id limit $3",
        clinic_id.0,
        after.0,
        CHUNK,
    )
    .fetch_all(&mut *store.begin_jobs(clinic_id).await?)
    .await?;
    let named = |subject_id| erased.names(store, clinic_id.0, subject_id);
    let listed = rows.iter().filter(|row| named(row.subject_id)).map(|row| Listed {
        subject_id: SubjectId(row.subject_id),
        merged_into: row.merged_into.map(SubjectId),
        with_another: row.merged_into.is_some_and(named),
    });
    let next = rows.last().map(|last| SubjectId(last.subject_id));
    Ok(Chunk { rows: rows.len() as u64, next, listed: listed.collect() })
}
