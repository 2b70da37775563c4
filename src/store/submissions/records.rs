//! Submissions as records of a sender: found by the identifier of another system, and listed completely.

use jiff::Timestamp;
use uuid::Uuid;

use super::Row;
use crate::domain::ids::{ClinicId, SenderId, SubmissionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::{
    submissions::ExternalSource, submissions::record::RecordFilter, submissions::record::Standing,
    submissions::stored::StoredSubmission,
};
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Connection, Store, at, bound};
use crate::store::error::Result;

/// The submissions of a sender that have this identifier in another system: only tests, or only others, and none that another of
/// them corrects. At most two, because the caller only needs to know whether there is exactly one.
pub async fn of_source(
    store: &Store,
    (clinic_id, sender_id): (ClinicId, SenderId),
    source: &ExternalSource,
    test: bool,
) -> Result<Vec<SubmissionId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar!(
        "select submission_id from submissions s
         where clinic_id = $1 and source_system = $2 and source_id = $3 and test = $5 and credential_id = any (array(
             select c.credential_id from credentials c where c.clinic_id = $1 and c.sender_id = $4))
           and not exists (select from submissions later
                           where later.clinic_id = $1 and later.supersedes = s.submission_id
                             and later.source_system = $2 and later.source_id = $3)
         limit 2",
        clinic_id.0,
        source.system,
        source.id,
        sender_id.0,
        test,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    Ok(ids.into_iter().map(SubmissionId).collect())
}

pub async fn is_of_sender(
    store: &Store,
    (clinic_id, sender_id): (ClinicId, SenderId),
    submission_id: SubmissionId,
) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from submissions s join credentials c using (clinic_id, credential_id)
               where s.clinic_id = $1 and s.submission_id = $2 and c.sender_id = $3
           ) as "found!""#,
        clinic_id.0,
        submission_id.0,
        sender_id.0,
    )
    .fetch_one(&mut *store.clinic(clinic_id).await?)
    .await?)
}

/// One page of a clinic's submissions, latest received first.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &RecordFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<StoredSubmission>> {
    let scope = Scope { clinic_id, list: "records by received_at", filter: format!("{filter:?}") };
    let after = scope.after(&store.keys, page, now)?;
    let mut connection = store.clinic(clinic_id).await?;
    let limit = usize::from(page.limit) + 1;
    let part = Part { filter, after, limit, received_from: filter.updated_from, corrected_from: None };
    let mut stored = read(&mut connection, clinic_id, &part).await?;
    // What was received before and corrected since follows what was received since.
    if filter.updated_from.is_some() && stored.len() < limit {
        let limit = limit - stored.len();
        let part = Part { limit, received_from: None, corrected_from: filter.updated_from, ..part };
        stored.extend(read(&mut connection, clinic_id, &part).await?);
    }
    Ok(scope.page(&store.keys, page.limit, now, stored, |last| Key::new(last.received_at, last.submission_id.0)))
}

/// A part of a page.
struct Part<'a> {
    filter: &'a RecordFilter,
    after: Option<Key>,
    limit: usize,
    /// Only submissions received at or after this time.
    received_from: Option<Timestamp>,
    /// Only submissions received before this time and corrected at or after it.
    corrected_from: Option<Timestamp>,
}

/// Few submissions are corrections or corrected. The index of corrections finds these without reading the others: those
/// with such a standing, and those corrected since a time.
async fn read(connection: &mut Connection, clinic_id: ClinicId, part: &Part<'_>) -> Result<Vec<StoredSubmission>> {
    let (filter, standings) = (part.filter, part.filter.standings.as_deref().map(names));
    let rows = sqlx::query_as!(
        Row,
        r#"select submission_id, subject_id, credential_id, origin, language, source_system, source_id, pathway,
                  supersedes, imported, test, answers, assessment, follow_up_id, follow_up_state, follow_up_urgency,
                  follow_up_joined, warnings,
                  (select later.submission_id from submissions later
                   where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
                   order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
                  (select max(later.received_at) from submissions later where later.clinic_id = submissions.clinic_id
                   and later.supersedes = submissions.submission_id) as "superseded_at: jiff_sqlx::Timestamp",
                  received_at as "received_at: jiff_sqlx::Timestamp",
                  answered_at as "answered_at: jiff_sqlx::Timestamp"
           from submissions
           where clinic_id = $1
             and ($2::uuid is null or submission_id = $2) and ($3::uuid is null or subject_id = $3)
             and ($4::uuid is null or credential_id = any (array(
                 select c.credential_id from credentials c where c.clinic_id = $1 and c.sender_id = $4)))
             and ($5::text is null or source_system = $5) and ($6::text is null or source_id = $6)
             and ($7::text is null or rule_table = $7) and ($10::timestamptz is null or received_at >= $10)
             and ($8::timestamptz is null or coalesce(answered_at, received_at) >= $8)
             and ($9::timestamptz is null or coalesce(answered_at, received_at) < $9)
             and ($11::timestamptz is null or received_at < $11 and not exists (
                 select from submissions later where later.clinic_id = submissions.clinic_id
                 and later.supersedes = submissions.submission_id and later.received_at >= $11))
             and ($15::text[] is null or case
                 when exists (select from submissions later where later.clinic_id = submissions.clinic_id
                              and later.supersedes = submissions.submission_id) then 'superseded'
                 when supersedes is not null then 'correction' else 'original' end = any($15))
             and ($15 is null or 'original' = any($15) or submission_id = any (array(
                 select submission_id from submissions where clinic_id = $1 and supersedes is not null
                 union all
                 select supersedes from submissions where clinic_id = $1 and supersedes is not null)))
             and ($16::timestamptz is null or received_at < $16 and submission_id = any (array(
                 select supersedes from submissions where clinic_id = $1 and supersedes is not null and received_at >= $16)))
             and (received_at, submission_id) < (coalesce($12::timestamptz, 'infinity'),
                                                 coalesce($13::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
           order by received_at desc, submission_id desc limit $14"#,
        clinic_id.0,
        filter.submission_id.map(|id| id.0),
        filter.subject_id.map(|id| id.0),
        filter.sender_id.map(|id| id.0),
        filter.source.as_ref().map(|source| source.system.as_str()),
        filter.source.as_ref().map(|source| source.id.as_str()),
        filter.rule_table,
        filter.answered_from.map(bound) as _,
        filter.answered_to.map(bound) as _,
        part.received_from.map(bound) as _,
        filter.updated_to.map(bound) as _,
        part.after.map(|key| at(key.at)) as _,
        part.after.map(|key| key.id),
        i64::try_from(part.limit).unwrap_or(i64::MAX),
        standings.as_deref(),
        part.corrected_from.map(bound) as _,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

fn names(standings: &[Standing]) -> Vec<String> {
    standings.iter().map(|one| one.as_str().to_owned()).collect()
}
