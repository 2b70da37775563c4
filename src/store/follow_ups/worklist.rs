//! The worklist: pages of follow-ups in one of three orders. Each order uses an index, and a query contains only the
//! filters in use.

use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};

use super::row::{Row, follow_up_query};
use crate::domain::access::actor::Origin;
use crate::domain::follow_ups::worklist::{Assignee, Changes, FollowUpFilter, FollowUpOrder};
use crate::domain::follow_ups::{Dated, FollowUp, StateName};
use crate::domain::language::Language;
use crate::domain::page::{Page, PageRequest};
use crate::domain::screening::answers::{CHAIR_STANDS_FLOOR, GRIP_FLOOR};
use crate::domain::{ids::ClinicId, screening::rule_table::Band, screening::urgency::Urgency};
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Store, at, bound, known, push_any, push_times};
use crate::store::error::Result;

const SELECT: &str = follow_up_query!(text);

/// The rows to be selected, and where they start.
struct Part<'a> {
    clinic_id: ClinicId,
    filter: &'a FollowUpFilter,
    order: FollowUpOrder,
    after: Option<Key>,
    limit: Option<u16>,
    now: jiff::Timestamp,
}

pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    order: FollowUpOrder,
    page: &PageRequest,
    now: jiff::Timestamp,
) -> Result<Page<FollowUp>> {
    let Page { items, next_cursor } = list_dated(store, clinic_id, filter, order, page, now).await?;
    Ok(Page { items: items.into_iter().map(|one| one.follow_up).collect(), next_cursor })
}

pub async fn list_dated(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    order: FollowUpOrder,
    page: &PageRequest,
    now: jiff::Timestamp,
) -> Result<Page<Dated>> {
    let scope = scope(clinic_id, filter, order);
    let after = scope.after(&store.keys, page, now)?;
    let part = Part { clinic_id, filter, order, after, limit: Some(page.limit), now };
    let rows: Vec<Row> = part.query("").build_query_as().fetch_all(&mut *store.page(clinic_id).await?).await?;
    let found = rows.into_iter().map(Row::read_dated).collect::<Result<Vec<_>, _>>()?;
    Ok(scope.page(&store.keys, page.limit, now, found, |last| key(order, &last.follow_up)))
}

/// The number of a clinic's follow-ups that match a filter; `None` if there are more than `most`.
pub async fn count(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    most: u32,
    now: jiff::Timestamp,
) -> Result<Option<u32>> {
    let mut query = QueryBuilder::new("select count(*) from (select 1 from follow_ups where clinic_id = ");
    query.push_bind(clinic_id.0);
    push_states(&mut query, &filter.states);
    push_filter(&mut query, filter, now);
    query.push(" limit ").push_bind(i64::from(most) + 1).push(") counted");
    let found: i64 = query.build_query_scalar().fetch_one(&mut *store.page(clinic_id).await?).await?;
    Ok(u32::try_from(found).ok().filter(|found| *found <= most))
}

/// Counts the follow-ups that changed at or after a time, from an index.
pub async fn changes(store: &Store, clinic_id: ClinicId, since: jiff::Timestamp) -> Result<Changes> {
    let row = sqlx::query!(
        r#"select count(*) as "count!", max(updated_at) as "latest_at: jiff_sqlx::Timestamp"
           from (select updated_at from follow_ups where clinic_id = $1 and updated_at >= $2
                 order by updated_at desc limit $3) changed"#,
        clinic_id.0,
        bound(since) as _,
        Changes::MOST,
    )
    .fetch_one(&mut *store.page(clinic_id).await?)
    .await?;
    Ok(Changes { count: row.count, latest_at: row.latest_at.map(jiff_sqlx::Timestamp::to_jiff) })
}

/// PostgreSQL's plan for a page, as JSON.
pub async fn plan(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    order: FollowUpOrder,
    page: &PageRequest,
    now: jiff::Timestamp,
) -> Result<Value> {
    let after = scope(clinic_id, filter, order).after(&store.keys, page, now)?;
    explain(store, &Part { clinic_id, filter, order, after, limit: Some(page.limit), now }).await
}

/// The approximate number of follow-ups that match a filter, from the planner's statistics. No rows are counted. `None`
/// on Citus, where the planner of the coordinator has no statistics.
pub async fn estimate(
    store: &Store,
    clinic_id: ClinicId,
    filter: &FollowUpFilter,
    now: jiff::Timestamp,
) -> Result<Option<u64>> {
    if store.pool.is_citus() {
        return Ok(None);
    }
    let part = Part { clinic_id, filter, order: FollowUpOrder::Urgency, after: None, limit: None, now };
    let plan = explain(store, &part).await?;
    let rows = plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_u64);
    known(rows, "follow_ups", "the plan has no number of rows").map(Some)
}

async fn explain(store: &Store, part: &Part<'_>) -> Result<Value> {
    let mut query = part.query("explain (format json) ");
    let row: (sqlx::types::Json<Value>,) =
        query.build_query_as().fetch_one(&mut *store.clinic(part.clinic_id).await?).await?;
    Ok(row.0.0)
}

fn scope(clinic_id: ClinicId, filter: &FollowUpFilter, order: FollowUpOrder) -> Scope {
    let list = match order {
        FollowUpOrder::Urgency => "follow-ups by urgency and flagged_at",
        FollowUpOrder::Oldest => "follow-ups by flagged_at",
        FollowUpOrder::Due => "follow-ups by due_at",
    };
    Scope { clinic_id, list, filter: format!("{filter:?}") }
}

fn key(order: FollowUpOrder, last: &FollowUp) -> Key {
    let id = last.follow_up_id.0;
    match order {
        FollowUpOrder::Urgency => Key { rank: last.urgency.rank(), at: last.flagged_at, id },
        FollowUpOrder::Oldest => Key::new(last.flagged_at, id),
        FollowUpOrder::Due => Key::new(last.due_at, id),
    }
}

impl Part<'_> {
    fn query(&self, before: &str) -> QueryBuilder<Postgres> {
        let mut query = QueryBuilder::new(before);
        query.push(SELECT).push("where clinic_id = ").push_bind(self.clinic_id.0);
        push_states(&mut query, &self.filter.states);
        push_filter(&mut query, self.filter, self.now);
        let columns = match self.order {
            FollowUpOrder::Urgency => "urgency, flagged_at, follow_up_id",
            FollowUpOrder::Oldest => "flagged_at, follow_up_id",
            FollowUpOrder::Due => "due_at, follow_up_id",
        };
        if let Some(after) = self.after {
            query.push(" and (").push(columns).push(") > (");
            if self.order == FollowUpOrder::Urgency {
                query.push_bind(after.rank).push(", ");
            }
            query.push_bind(at(after.at)).push(", ").push_bind(after.id).push(")");
        }
        if let Some(limit) = self.limit {
            query.push(" order by ").push(columns).push(" limit ").push_bind(i64::from(limit) + 1);
        }
        query
    }
}

/// The state `open` is written as a literal, because it has a partial index.
fn push_states(query: &mut QueryBuilder<Postgres>, states: &[StateName]) {
    if !states.contains(&StateName::Closed) {
        query.push(" and state <> 'closed'");
    }
    match states {
        [] => {}
        [StateName::Open] => {
            query.push(" and state = 'open'");
        }
        [one] => {
            query.push(" and state = ").push_bind(one.as_str());
        }
        several => {
            let names: Vec<&str> = several.iter().map(|state| state.as_str()).collect();
            query.push(" and state = any(").push_bind(names).push(")");
        }
    }
}

fn push_filter(query: &mut QueryBuilder<Postgres>, filter: &FollowUpFilter, now: jiff::Timestamp) {
    if !filter.outcomes.is_empty() {
        let names: Vec<&str> = filter.outcomes.iter().map(|outcome| outcome.as_str()).collect();
        query.push(" and (state <> 'closed' or outcome = any(").push_bind(names).push("))");
    }
    if let Some(urgency) = filter.urgency.map(Urgency::rank) {
        query.push(" and urgency = ").push_bind(urgency);
    }
    match filter.assignee {
        None => {}
        Some(Assignee::Unassigned) => {
            query.push(" and assignee is null");
        }
        Some(Assignee::Credential(id)) => {
            query.push(" and assignee = ").push_bind(id.0);
        }
    }
    match filter.overdue {
        None => {}
        Some(true) => {
            query.push(" and state <> 'closed' and due_at < ").push_bind(at(now));
        }
        Some(false) => {
            query.push(" and (state = 'closed' or due_at >= ").push_bind(at(now)).push(")");
        }
    }
    if let Some(band) = filter.band.map(Band::as_str) {
        query.push(" and band = ").push_bind(band);
    }
    for (column, name) in [("findings", &filter.finding), ("positive_instruments", &filter.instrument_positive)] {
        if let Some(name) = name.clone() {
            query.push(" and ").push(column).push(" @> array[").push_bind(name).push("]");
        }
    }
    push_flagged(query, filter);
    if let Some(attempts) = filter.attempts_min {
        query.push(" and attempts >= ").push_bind(attempts);
    }
    push_bounds(query, filter);
    push_people(query, filter);
    if filter.below_floor {
        let (grip, chair_stands) = (GRIP_FLOOR * 100, CHAIR_STANDS_FLOOR * 10);
        query.push(" and (grip_strength_g < ").push_bind(grip);
        query.push(" or five_chair_stands_ms < ").push_bind(chair_stands).push(")");
    }
    if let Some(subject_id) = filter.subject_id {
        query.push(" and subject_id = ").push_bind(subject_id.0);
    }
    push_lists(query, filter);
}

/// Conditions on what may be one of several values.
fn push_lists(query: &mut QueryBuilder<Postgres>, filter: &FollowUpFilter) {
    push_any(query, "subject_id", filter.subject_ids.as_ref().map(|ids| ids.iter().map(|id| id.0)));
    push_any(query, "follow_up_id", filter.follow_up_ids.as_ref().map(|ids| ids.iter().map(|id| id.0)));
    push_any(query, "assignee", filter.assignees.as_ref().map(|ids| ids.iter().map(|id| id.0)));
    if let Some(urgencies) = &filter.urgencies {
        let ranks: Vec<i16> = urgencies.iter().map(|urgency| urgency.rank()).collect();
        query.push(" and urgency = any(").push_bind(ranks).push(")");
    }
    for (column, times) in [("updated_at", &filter.changed), ("flagged_at", &filter.flagged_at)] {
        if let Some(times) = times {
            push_times(query, column, times);
        }
    }
}

fn push_flagged(query: &mut QueryBuilder<Postgres>, filter: &FollowUpFilter) {
    if let Some(flagged) = filter.flagged {
        query.push(" and flagged = ").push_bind(flagged);
    }
    match filter.flags_subject {
        None => {}
        Some(true) => {
            query.push(" and state <> 'closed' and flagged");
        }
        Some(false) => {
            query.push(" and (state = 'closed' or not flagged)");
        }
    }
}

/// Conditions on the subject and the submissions.
fn push_people(query: &mut QueryBuilder<Postgres>, filter: &FollowUpFilter) {
    if let Some(language) = filter.language.map(Language::as_str) {
        query.push(
            " and coalesce((select contact_language from subjects s where s.clinic_id = follow_ups.clinic_id
                            and s.subject_id = follow_ups.subject_id and s.consent_to_contact),
                           (select language from submissions s where s.clinic_id = follow_ups.clinic_id
                            and s.follow_up_id = follow_ups.follow_up_id
                            order by received_at desc, submission_id desc limit 1)) = ",
        );
        query.push_bind(language);
    }
    if let Some(origin) = filter.origin.map(Origin::as_str) {
        query.push(
            " and not exists (select from submissions s where s.clinic_id = follow_ups.clinic_id
                              and s.follow_up_id = follow_ups.follow_up_id and s.origin <> ",
        );
        query.push_bind(origin).push(")");
    }
}

fn push_bounds(query: &mut QueryBuilder<Postgres>, filter: &FollowUpFilter) {
    let bounds = [
        (" and last_received_at >= ", filter.received_from),
        (" and last_received_at < ", filter.received_to),
        (" and appointment_at >= ", filter.appointment_from),
        (" and appointment_at < ", filter.appointment_to),
        (" and due_at >= ", filter.due_from),
        (" and due_at < ", filter.due_to),
    ];
    for (condition, time) in bounds {
        if let Some(time) = time {
            query.push(condition).push_bind(bound(time));
        }
    }
}
