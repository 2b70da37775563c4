//! Retention: removes data past a clinic's retention period in bounded batches, one transaction each.

use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use super::erasure::{remove, remove_cases, remove_submissions};
use super::erasure_log::{self, Gone};
use crate::domain::audit::AuditEntry;
use crate::domain::ids::{ClinicId, SubjectId};
use crate::store::database::{Connection, Store, at, removal_lock::one_at_a_time};
use crate::store::{audit, error::Result};

/// Submissions per batch.
pub const BATCH: i64 = 500;
/// Idempotency keys per batch.
const KEYS: i64 = 1_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    pub submissions: u64,
    /// Subjects with no data left.
    pub subjects: u64,
}

/// Removes the oldest submissions that were received before a time and whose follow-up, if any, is closed; then closed
/// follow-ups without submissions; then subjects with no data left. `None` when another instance is doing this.
pub async fn retire(
    store: &Store,
    before: Timestamp,
    log: Option<&Path>,
    of_submissions: &AuditEntry,
    of_subjects: &AuditEntry,
) -> Result<Option<Retired>> {
    let clinic_id = of_submissions.clinic_id;
    let mut transaction = store.begin_jobs(clinic_id).await?;
    if !alone(&mut transaction, clinic_id).await? {
        return Ok(None);
    }
    one_at_a_time(&mut transaction, clinic_id).await?;
    let due = due(&mut transaction, clinic_id, before).await?;
    if due.submissions.is_empty() {
        return Ok(Some(Retired::default()));
    }
    remove_submissions(&mut transaction, clinic_id, &due.submissions).await?;
    let cases = without_submissions(&mut transaction, clinic_id, &due.cases).await?;
    remove_cases(&mut transaction, clinic_id, &cases).await?;
    let subjects = left_with_nothing(&mut transaction, clinic_id, &due.subjects).await?;
    remove(&mut transaction, clinic_id, &subjects).await?;
    let entries = [(of_submissions, &due.subjects, due.submissions.len()), (of_subjects, &subjects, subjects.len())];
    for (entry, concerned, count) in entries.into_iter().filter(|(_, _, count)| *count > 0) {
        let subject_ids = concerned.iter().copied().map(SubjectId).collect();
        let occurrences = i32::try_from(count).unwrap_or(i32::MAX);
        audit::insert(&store.keys, &mut transaction, &AuditEntry { subject_ids, occurrences, ..entry.clone() }).await?;
    }
    if let Some(log) = log.filter(|_| !subjects.is_empty()) {
        let gone = Gone { subjects: &subjects, ..Gone::default() };
        erasure_log::append(store, log, clinic_id, gone, of_subjects.at).await?;
    }
    transaction.commit().await?;
    Ok(Some(Retired { submissions: due.submissions.len() as u64, subjects: subjects.len() as u64 }))
}

/// The number of a clinic's submissions received before a time.
pub async fn count(store: &Store, clinic_id: ClinicId, before: Timestamp) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from submissions where clinic_id = $1 and received_at < $2"#,
        clinic_id.0,
        at(before) as _,
    )
    .fetch_one(&mut *store.begin_jobs(clinic_id).await?)
    .await?;
    Ok(count.unsigned_abs())
}

/// Removes a batch of expired idempotency keys, and returns their number.
pub async fn forget_keys(store: &Store, clinic_id: ClinicId, now: Timestamp) -> Result<u64> {
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let gone = sqlx::query!(
        "delete from idempotency_keys k
         using (
             select sender_id, of_record, idempotency_key from idempotency_keys
             where clinic_id = $1 and expires_at <= $2 order by expires_at limit $3 for update skip locked
         ) past
         where k.clinic_id = $1 and k.sender_id = past.sender_id and k.of_record = past.of_record
           and k.idempotency_key = past.idempotency_key",
        clinic_id.0,
        at(now) as _,
        KEYS,
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    transaction.commit().await?;
    Ok(gone)
}

/// What a batch may remove. Its subjects and follow-ups are locked until the transaction ends.
struct Removable {
    submissions: Vec<Uuid>,
    cases: Vec<Uuid>,
    subjects: Vec<Uuid>,
}

/// Locks subjects first, with the subjects merged into them, and follow-ups next, in the same order as intake.
async fn due(connection: &mut Connection, clinic_id: ClinicId, before: Timestamp) -> Result<Removable> {
    let found = sqlx::query!(
        "select s.submission_id, s.subject_id, s.follow_up_id
         from submissions s
         left join follow_ups f on f.clinic_id = s.clinic_id and f.follow_up_id = s.follow_up_id
         where s.clinic_id = $1 and s.received_at < $2 and (s.follow_up_id is null or f.state = 'closed')
         order by s.received_at, s.submission_id limit $3",
        clinic_id.0,
        at(before) as _,
        BATCH,
    )
    .fetch_all(&mut *connection)
    .await?;
    let subjects: Vec<Uuid> = found.iter().map(|row| row.subject_id).collect();
    let cases: Vec<Uuid> = found.iter().filter_map(|row| row.follow_up_id).collect();
    let subjects = sqlx::query_scalar!(
        "with locked as materialized (
             select subject_id from subjects
             where clinic_id = $1 and (subject_id = any($2) or merged_into = any($2)) order by subject_id for update
         )
         select subject_id from locked where subject_id = any($2)",
        clinic_id.0,
        &subjects,
    )
    .fetch_all(&mut *connection)
    .await?;
    let cases = sqlx::query_scalar!(
        "select follow_up_id from follow_ups
         where clinic_id = $1 and follow_up_id = any($2) and state = 'closed' order by follow_up_id for update",
        clinic_id.0,
        &cases,
    )
    .fetch_all(&mut *connection)
    .await?;
    // A follow-up may have been reopened in between.
    let still = found.iter().filter(|row| row.follow_up_id.is_none_or(|case| cases.contains(&case)));
    Ok(Removable { submissions: still.map(|row| row.submission_id).collect(), cases, subjects })
}

async fn alone(connection: &mut Connection, clinic_id: ClinicId) -> Result<bool> {
    let got = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('retention ' || $1, 0)) as "got!""#,
        clinic_id.to_string(),
    );
    Ok(got.fetch_one(connection).await?)
}

/// Those of the follow-ups that have no submissions.
pub(in crate::store) async fn without_submissions(
    connection: &mut Connection,
    clinic_id: ClinicId,
    cases: &[Uuid],
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "select follow_up_id from follow_ups f
         where clinic_id = $1 and follow_up_id = any($2)
           and not exists (select from submissions s where s.clinic_id = $1 and s.follow_up_id = f.follow_up_id)",
        clinic_id.0,
        cases,
    )
    .fetch_all(connection)
    .await?)
}

/// The subjects without submissions and follow-ups, with the subjects merged into them.
pub(in crate::store) async fn left_with_nothing(
    connection: &mut Connection,
    clinic_id: ClinicId,
    subjects: &[Uuid],
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "with left_over as (
             select subject_id from subjects p
             where clinic_id = $1 and subject_id = any($2) and merged_into is null
               and not exists (select from submissions s where s.clinic_id = $1 and s.subject_id = p.subject_id)
               and not exists (select from follow_ups f where f.clinic_id = $1 and f.subject_id = p.subject_id)
         )
         select subject_id from subjects
         where clinic_id = $1 and (subject_id in (select subject_id from left_over)
                                   or merged_into in (select subject_id from left_over))",
        clinic_id.0,
        subjects,
    )
    .fetch_all(connection)
    .await?)
}
