//! Submissions as records of a sender: found by the identifier of another system, and listed completely.

use jiff::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::Row;
use crate::domain::ids::{ClinicId, SenderId, SubmissionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::ExternalSource;
use crate::domain::submissions::record::{RecordFilter, RecordOrder, SourceName, Standing};
use crate::domain::submissions::stored::StoredSubmission;
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Connection, Store, at, push_any, push_times};
use crate::store::error::Result;

/// The columns of [`Row`].
const SELECT: &str = "select submission_id, receipt_number, subject_id, credential_id, origin, language, source_system, source_id,
        pathway, supersedes, imported, test, answers, assessment, follow_up_id, follow_up_state, follow_up_urgency,
        follow_up_joined, warnings, form_version, answered_on, received_at, answered_at,
        (select later.submission_id from submissions later
         where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id
         order by later.received_at desc, later.submission_id desc limit 1) as superseded_by,
        (select max(later.received_at) from submissions later
         where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id) as superseded_at
    from submissions ";

/// When a submission was last received or corrected.
const UPDATED: &str = "coalesce((select max(later.received_at) from submissions later
        where later.clinic_id = submissions.clinic_id and later.supersedes = submissions.submission_id), received_at)";

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

/// When the questions were answered.
const ANSWERED: &str = "coalesce(answered_at, received_at)";

/// One page of a clinic's submissions, the latest first.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &RecordFilter,
    order: RecordOrder,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<StoredSubmission>> {
    let list = match order {
        RecordOrder::Received => "records by received_at",
        RecordOrder::Answered => "records by answered_at",
    };
    let scope = Scope { clinic_id, list, filter: format!("{filter:?}") };
    let after = scope.after(&store.keys, page, now)?;
    let mut connection = store.clinic(clinic_id).await?;
    let limit = usize::from(page.limit) + 1;
    let mut stored = Vec::new();
    for part in Part::of(filter, order) {
        let left = limit - stored.len();
        if left > 0 {
            stored.extend(read(&mut connection, clinic_id, part, after, left).await?);
        }
    }
    let key = |last: &StoredSubmission| match order {
        RecordOrder::Received => Key::new(last.received_at, last.submission_id.0),
        RecordOrder::Answered => Key::new(last.answered(), last.submission_id.0),
    };
    Ok(scope.page(&store.keys, page.limit, now, stored, key))
}

/// The number of a clinic's submissions that match a filter; `None` if there are more than `most`.
pub async fn count(store: &Store, clinic_id: ClinicId, filter: &RecordFilter, most: u32) -> Result<Option<u32>> {
    let mut connection = store.clinic(clinic_id).await?;
    let mut found = 0;
    for part in Part::of(filter, RecordOrder::Received) {
        let mut query = QueryBuilder::new("select count(*) from (select 1 from submissions ");
        part.push(&mut query, clinic_id);
        query.push(" limit ").push_bind(i64::from(most) + 1).push(") counted");
        let count: i64 = query.build_query_scalar().fetch_one(&mut *connection).await?;
        found += count;
    }
    Ok(u32::try_from(found).ok().filter(|found| *found <= most))
}

/// The rows of a query. What was received before the start of a search and corrected since follows what was received since, so
/// that the rows of each part are in the order of receipt.
#[derive(Clone, Copy)]
struct Part<'a> {
    filter: &'a RecordFilter,
    order: RecordOrder,
    /// Only submissions received at or after this time.
    received_from: Option<Timestamp>,
    /// Only submissions received before this time and corrected at or after it.
    corrected_from: Option<Timestamp>,
}

impl<'a> Part<'a> {
    fn of(filter: &'a RecordFilter, order: RecordOrder) -> impl Iterator<Item = Self> {
        let (from, _) = filter.updated_within();
        let from = from.filter(|_| order == RecordOrder::Received);
        let received = Self { filter, order, received_from: from, corrected_from: None };
        let corrected = from.map(|_| Self { filter, order, received_from: None, corrected_from: from });
        std::iter::once(received).chain(corrected)
    }

    fn push(&self, query: &mut QueryBuilder<Postgres>, clinic_id: ClinicId) {
        let filter = self.filter;
        query.push("where clinic_id = ").push_bind(clinic_id.0);
        push_any(query, "submission_id", filter.submission_ids.as_ref().map(|ids| ids.iter().map(|id| id.0)));
        push_any(query, "subject_id", filter.subject_ids.as_ref().map(|ids| ids.iter().map(|id| id.0)));
        if let Some(sender_id) = filter.sender_id {
            query
                .push(" and credential_id = any (array(select c.credential_id from credentials c where c.clinic_id = ");
            query.push_bind(clinic_id.0).push(" and c.sender_id = ").push_bind(sender_id.0).push("))");
        }
        if let Some(sources) = &filter.sources {
            push_sources(query, sources);
        }
        if let Some(forms) = filter.forms.clone() {
            query.push(" and coalesce(form_version, rule_table) = any(").push_bind(forms).push(")");
        }
        if let Some(answered) = &filter.answered {
            push_times(query, ANSWERED, answered);
        }
        self.push_updated(query, clinic_id);
        if let Some(standings) = filter.standings.as_deref() {
            push_standings(query, clinic_id, standings);
        }
    }

    fn push_updated(&self, query: &mut QueryBuilder<Postgres>, clinic_id: ClinicId) {
        if let Some(from) = self.received_from {
            query.push(" and received_at >= ").push_bind(at(from));
        }
        // Few submissions are corrected. The index of corrections finds these without reading the others.
        if let Some(from) = self.corrected_from {
            query.push(" and received_at < ").push_bind(at(from));
            query.push(" and submission_id = any (array(select supersedes from submissions where clinic_id = ");
            query.push_bind(clinic_id.0).push(" and supersedes is not null and received_at >= ");
            query.push_bind(at(from)).push("))");
        }
        let Some(updated) = &self.filter.updated else { return };
        if let Some(to) = updated.whole().1 {
            query.push(" and received_at < ").push_bind(at(to));
        }
        push_times(query, UPDATED, updated);
    }
}

fn push_sources(query: &mut QueryBuilder<Postgres>, sources: &[SourceName]) {
    query.push(" and (false");
    for SourceName { system, id } in sources {
        query.push(" or source_id = ").push_bind(id.clone());
        if let Some(system) = system {
            query.push(" and source_system = ").push_bind(system.clone());
        }
    }
    query.push(")");
}

/// Few submissions are corrections or corrected. The index of corrections finds these without reading the others.
fn push_standings(query: &mut QueryBuilder<Postgres>, clinic_id: ClinicId, standings: &[Standing]) {
    query.push(
        " and case when exists (select from submissions later where later.clinic_id = submissions.clinic_id
                               and later.supersedes = submissions.submission_id) then 'superseded'
                   when supersedes is not null then 'correction' else 'original' end = any(",
    );
    let names: Vec<&str> = standings.iter().map(|one| one.as_str()).collect();
    query.push_bind(names).push(")");
    if !standings.contains(&Standing::Original) {
        query.push(" and submission_id = any (array(select submission_id from submissions where clinic_id = ");
        query.push_bind(clinic_id.0).push(" and supersedes is not null union all select supersedes from submissions");
        query.push(" where clinic_id = ").push_bind(clinic_id.0).push(" and supersedes is not null))");
    }
}

async fn read(
    connection: &mut Connection,
    clinic_id: ClinicId,
    part: Part<'_>,
    after: Option<Key>,
    limit: usize,
) -> Result<Vec<StoredSubmission>> {
    let mut query = QueryBuilder::new(SELECT);
    part.push(&mut query, clinic_id);
    let time = match part.order {
        RecordOrder::Received => "received_at",
        RecordOrder::Answered => ANSWERED,
    };
    if let Some(after) = after {
        query.push(" and (").push(time).push(", submission_id) < (").push_bind(at(after.at)).push(", ");
        query.push_bind(after.id).push(")");
    }
    query.push(" order by ").push(time).push(" desc, submission_id desc limit ");
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(Row::read).collect()
}
