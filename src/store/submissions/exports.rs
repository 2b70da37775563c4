//! Exports: all rows of a clinic, in chunks that start after a cursor, oldest first.
//!
//! A chunk uses a connection only while it is read, so an export to a slow client does not occupy one. A chunk counts the
//! rows that the filter excludes too, so no statement reads more rows than a chunk has, however few match: the limit comes
//! before the filter.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::Postgres;
use uuid::Uuid;

use super::SummaryRow;
use crate::domain::subjects::Reference;
use crate::domain::submissions::export::{Chunk, Exported, ExportedFollowUp, ExportedSubmission};
use crate::domain::{
    follow_ups::FollowUp, follow_ups::worklist::FollowUpFilter, ids::ClinicId, screening::rule_table::Band,
    submissions::ExternalSource, submissions::stored::SubmissionFilter,
};
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Connection, Store, at, bound};
use crate::store::error::Result;
use crate::store::follow_ups::row::{Row, follow_up_query};
use crate::store::subjects::row::open_reference;

/// Rows per query: enough to make round trips negligible, few enough to keep a chunk small.
const CHUNK: i64 = 1_000;

const SUBMISSIONS: &str = "
    select s.submission_id, s.subject_id, s.origin, s.received_at, s.imported, s.test, s.rule_table, s.score_total,
           s.score_lower, s.score_upper, s.band_at_least, s.band_at_most, s.care_level, s.flagged, s.follow_up_id,
           s.supersedes,
           case when s.wanted then (
               select later.submission_id from submissions later
               where later.clinic_id = $1 and later.supersedes = s.submission_id
               order by later.received_at desc, later.submission_id desc limit 1
           ) end as superseded_by,
           s.wanted, p.reference_hash, p.reference_sealed, s.answered_at, s.findings, s.positive_instruments,
           s.source_system, s.source_id
    from (
        select *, ($7::boolean is null or flagged = $7)
               and ($8::text is null or (band_at_least = $8 and band_at_most = $8))
               and ($9::smallint is null or score_total >= $9)
               and ($10::text is null or findings @> array[$10])
               and ($11::text is null or positive_instruments @> array[$11])
               and ($12::uuid is null or subject_id = $12)
               and ($13::boolean is null or imported = $13)
               and ($14::boolean is null or test = $14) as wanted
        from submissions
        where clinic_id = $1
          and (received_at, submission_id) > ($2, $3) and received_at >= $4 and received_at < $5
        order by received_at, submission_id limit $6
    ) s
    left join subjects p on s.wanted and p.clinic_id = $1 and p.subject_id = s.subject_id
    order by s.received_at, s.submission_id";

/// The next submissions of a clinic after a cursor, received before `until`.
pub async fn submissions(
    store: &Store,
    clinic_id: ClinicId,
    filter: &SubmissionFilter,
    until: Timestamp,
    after: Option<&str>,
) -> Result<Chunk<ExportedSubmission>> {
    let scope = Scope { clinic_id, list: "export of submissions", filter: format!("{filter:?}") };
    let after = start(&scope, store, after)?;
    let since = filter.received_from.unwrap_or(Timestamp::UNIX_EPOCH);
    let until = filter.received_to.map_or(until, |to| to.min(until));
    let rows = sqlx::query_as::<Postgres, SubmissionRow>(SUBMISSIONS)
        .bind(clinic_id.0)
        .bind(at(after.at))
        .bind(after.id)
        .bind(bound(since))
        .bind(bound(until))
        .bind(CHUNK)
        .bind(filter.flagged)
        .bind(filter.band.map(Band::as_str))
        .bind(filter.min_score)
        .bind(filter.finding.as_deref())
        .bind(filter.instrument_positive.as_deref())
        .bind(filter.subject_id.map(|id| id.0))
        .bind(filter.imported)
        .bind(filter.test)
        .fetch_all(&mut *store.report(clinic_id).await?)
        .await?;
    let key = |row: &SubmissionRow| Key::new(row.summary.received_at.to_jiff(), row.summary.submission_id);
    let next = next(&scope, store, &rows, key);
    let row = |row: SubmissionRow| {
        Ok(Exported { cursor: scope.seal(&store.keys, key(&row)), row: row.open(store, clinic_id)? })
    };
    let rows = rows.into_iter().filter(|row| row.wanted).map(row).collect::<Result<_>>()?;
    Ok(Chunk { rows, next })
}

/// The next follow-ups of a clinic after a cursor, flagged before `until`. Without a state filter, closed ones are
/// included.
pub async fn follow_ups(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    until: Timestamp,
    after: Option<&str>,
) -> Result<Chunk<ExportedFollowUp>> {
    let scope = Scope { clinic_id, list: "export of follow-ups", filter: format!("{filter:?}") };
    let after = start(&scope, store, after)?;
    let mut connection = store.report(clinic_id).await?;
    let rows = follow_up_query!(
        select "where clinic_id = $1 and (flagged_at, follow_up_id) > ($2, $3) and flagged_at < $4
                order by flagged_at, follow_up_id limit $5",
        clinic_id.0,
        at(after.at) as _,
        after.id,
        bound(until) as _,
        CHUNK,
    )
    .fetch_all(&mut *connection)
    .await?;
    let cases = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>()?;
    let key = |case: &FollowUp| Key::new(case.flagged_at, case.follow_up_id.0);
    let next = next(&scope, store, &cases, key);
    let wanted = |case: &FollowUp| {
        (filter.states.is_empty() || filter.states.contains(&case.state.name()))
            && filter.urgency.is_none_or(|urgency| urgency == case.urgency)
    };
    let cases: Vec<FollowUp> = cases.into_iter().filter(wanted).collect();
    let references = references(&mut connection, store, clinic_id, &cases).await?;
    drop(connection);
    let row = |case: FollowUp| {
        let reference = references.get(&case.subject_id.0).cloned();
        Exported { cursor: scope.seal(&store.keys, key(&case)), row: ExportedFollowUp { follow_up: case, reference } }
    };
    Ok(Chunk { rows: cases.into_iter().map(row).collect(), next })
}

/// The references of the subjects of follow-ups, by subject.
async fn references(
    connection: &mut Connection,
    store: &Store,
    clinic_id: ClinicId,
    cases: &[FollowUp],
) -> Result<HashMap<Uuid, Reference>> {
    let subjects: Vec<Uuid> = cases.iter().map(|case| case.subject_id.0).collect();
    let rows = sqlx::query!(
        "select subject_id, reference_hash, reference_sealed from subjects where clinic_id = $1 and subject_id = any($2)",
        clinic_id.0,
        &subjects,
    )
    .fetch_all(connection)
    .await?;
    let mut references = HashMap::new();
    for row in rows {
        let sealed = row.reference_hash.zip(row.reference_sealed);
        if let Some(reference) = open_reference(&store.keys, clinic_id, sealed)? {
            references.insert(row.subject_id, reference);
        }
    }
    Ok(references)
}

/// The start of a chunk: the cursor, or the beginning.
fn start(scope: &Scope, store: &Store, after: Option<&str>) -> Result<Key> {
    after.map_or(Ok(Key::new(Timestamp::UNIX_EPOCH, Uuid::nil())), |cursor| scope.open(&store.keys, cursor))
}

/// The cursor after a full chunk. `None` after a chunk that is not full, which is the last one.
fn next<T>(scope: &Scope, store: &Store, rows: &[T], key: impl Fn(&T) -> Key) -> Option<String> {
    if i64::try_from(rows.len()).is_ok_and(|count| count < CHUNK) {
        return None;
    }
    rows.last().map(|last| scope.seal(&store.keys, key(last)))
}

#[derive(sqlx::FromRow)]
struct SubmissionRow {
    #[sqlx(flatten)]
    summary: SummaryRow,
    wanted: bool,
    reference_hash: Option<Vec<u8>>,
    reference_sealed: Option<Vec<u8>>,
    answered_at: Option<jiff_sqlx::Timestamp>,
    findings: Vec<String>,
    positive_instruments: Vec<String>,
    source_system: Option<String>,
    source_id: Option<String>,
}

impl SubmissionRow {
    fn open(self, store: &Store, clinic_id: ClinicId) -> Result<ExportedSubmission> {
        Ok(ExportedSubmission {
            summary: self.summary.read()?,
            reference: open_reference(&store.keys, clinic_id, self.reference_hash.zip(self.reference_sealed))?,
            answered_at: self.answered_at.map(jiff_sqlx::Timestamp::to_jiff),
            findings: self.findings,
            positive_instruments: self.positive_instruments,
            source: self.source_system.zip(self.source_id).map(|(system, id)| ExternalSource { system, id }),
        })
    }
}
