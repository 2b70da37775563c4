//! Leases of deliveries. A lease is taken in one short transaction, and nothing is locked while the request is sent. Only
//! the holder of the latest lease may record the result.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::outbox;
use crate::domain::audit::AuditEntry;
use crate::domain::ids::{ClinicId, EventId, SubjectId, WebhookId};
use crate::domain::webhooks::delivery::{Attempted, LEASE, Verdict};
use crate::domain::webhooks::{DisabledReason, Event, WebhookEvent};
use crate::store::database::keys::{KeyError, Place};
use crate::store::database::{Store, at, known};
use crate::store::{audit, error::Result};

/// An endpoint with deliveries that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueEndpoint {
    pub clinic_id: ClinicId,
    pub webhook_id: WebhookId,
    pub failing: bool,
}

/// A delivery to be sent by the holder of this lease.
pub struct Leased {
    pub clinic_id: ClinicId,
    pub webhook_id: WebhookId,
    pub url: String,
    /// The signing secrets: the current one, and the previous one during an overlap.
    pub secrets: Vec<Zeroizing<String>>,
    pub event: Event,
    /// The number of this attempt, starting at 1.
    pub number: usize,
    lease: i32,
}

#[derive(Clone, Copy, Debug)]
pub struct Came {
    pub began: Timestamp,
    pub duration_ms: i32,
    pub attempted: Attempted,
    pub verdict: Verdict,
}

/// The endpoints of all clinics with deliveries that are due.
pub async fn due(store: &Store, now: Timestamp) -> Result<Vec<DueEndpoint>> {
    let rows = sqlx::query!(
        r#"select clinic_id, webhook_id, failing_since is not null as "failing!" from webhook_endpoints e
           where disabled_at is null and exists (
               select from webhook_deliveries d
               where d.clinic_id = e.clinic_id and d.webhook_id = e.webhook_id and d.state = 'pending' and d.due_at <= $1
           )"#,
        at(now) as _,
    )
    .fetch_all(&mut *store.jobs().await?)
    .await?;
    let due = rows.into_iter().map(|row| DueEndpoint {
        clinic_id: ClinicId(row.clinic_id),
        webhook_id: WebhookId(row.webhook_id),
        failing: row.failing,
    });
    Ok(due.collect())
}

/// Leases the deliveries of an endpoint that have been due longest. Other instances that do this at the same time get other
/// deliveries.
pub async fn lease(store: &Store, due: DueEndpoint, at_most: i64, now: Timestamp) -> Result<Vec<Leased>> {
    let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
    let mut transaction = store.begin_jobs(due.clinic_id).await?;
    let rows = sqlx::query!(
        r#"with due as (
               select event_id from webhook_deliveries
               where clinic_id = $1 and webhook_id = $2 and state = 'pending' and due_at <= $3
               order by due_at limit $5 for update skip locked
           ), leased as (
               update webhook_deliveries d set lease = lease + 1, leased_until = $4, due_at = $4
               from due where d.clinic_id = $1 and d.webhook_id = $2 and d.event_id = due.event_id
               returning d.event_id, d.event, d.at, d.subject_id, d.data, d.attempts, d.lease
           )
           select l.event_id, l.event, l.at as "at: jiff_sqlx::Timestamp", l.subject_id, l.data, l.attempts, l.lease,
                  e.url, e.secret_sealed,
                  case when e.previous_until > $3 then e.previous_secret_sealed end as previous_sealed
           from leased l join webhook_endpoints e
               on e.clinic_id = $1 and e.webhook_id = $2 and e.disabled_at is null"#,
        due.clinic_id.0,
        due.webhook_id.0,
        at(now) as _,
        at(until) as _,
        at_most,
    )
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let place = Place::secret(due.clinic_id, due.webhook_id);
    let leased = rows.into_iter().map(|row| {
        let sealed = std::iter::once(&row.secret_sealed).chain(&row.previous_sealed);
        let secrets = sealed.map(|sealed| store.keys.open(place, sealed)).collect::<Result<_, KeyError>>();
        Ok(Leased {
            clinic_id: due.clinic_id,
            webhook_id: due.webhook_id,
            url: row.url,
            secrets: secrets?,
            event: Event {
                event_id: EventId(row.event_id),
                kind: known(WebhookEvent::parse(&row.event), "webhook_deliveries", "event")?,
                at: row.at.to_jiff(),
                subject_id: row.subject_id.map(SubjectId),
                data: row.data,
            },
            number: usize::from(row.attempts.unsigned_abs()) + 1,
            lease: row.lease,
        })
    });
    leased.collect()
}

/// Records the result of an attempt, unless the delivery was leased again since. Returns since when the endpoint has been
/// failing.
pub async fn record(store: &Store, leased: &Leased, result: Came) -> Result<Option<Timestamp>> {
    let (status, failure) = match result.attempted {
        Attempted::Answered { status, .. } => (i16::try_from(status).ok(), None),
        Attempted::Failed(failure) => (None, Some(failure.as_str())),
    };
    let (state, due_at) = match result.verdict {
        Verdict::Delivered => ("delivered", None),
        Verdict::Again(due_at) => ("pending", Some(due_at)),
        Verdict::GivenUp | Verdict::Gone => ("failed", None),
    };
    let mut transaction = store.begin_jobs(leased.clinic_id).await?;
    let since = sqlx::query_scalar!(
        r#"with done as (
               update webhook_deliveries set state = $5, attempts = attempts + 1, leased_until = null,
                   due_at = coalesce($6, due_at), delivered_at = case when $5 = 'delivered' then $7::timestamptz end
               where clinic_id = $1 and webhook_id = $2 and event_id = $3 and lease = $4 and state = 'pending'
               returning event_id
           ), logged as (
               insert into webhook_attempts (clinic_id, webhook_id, event_id, lease, at, status, failure, duration_ms)
               select $1, $2, event_id, $4, $7, $8, $9, $10 from done
           ), turned as (
               update webhook_endpoints set failing_since = case when $5 = 'delivered' then null else $7::timestamptz end
               where clinic_id = $1 and webhook_id = $2 and (failing_since is null) <> ($5 = 'delivered')
                   and exists (select from done)
           )
           select failing_since as "failing_since: jiff_sqlx::Timestamp" from webhook_endpoints
           where clinic_id = $1 and webhook_id = $2"#,
        leased.clinic_id.0,
        leased.webhook_id.0,
        leased.event.event_id.0,
        leased.lease,
        state,
        due_at.map(at) as _,
        at(result.began) as _,
        status,
        failure,
        result.duration_ms,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(since.flatten().map(jiff_sqlx::Timestamp::to_jiff))
}

/// Disables an endpoint, audits it, and sends the event to the clinic's other endpoints. `false` when it is already
/// disabled.
pub async fn disable(
    store: &Store,
    webhook_id: WebhookId,
    reason: DisabledReason,
    event: &Event,
    audit: &AuditEntry,
) -> Result<bool> {
    let mut transaction = store.begin_jobs(audit.clinic_id).await?;
    let done = sqlx::query!(
        "update webhook_endpoints set disabled_at = $3, disabled_reason = $4
         where clinic_id = $1 and webhook_id = $2 and disabled_at is null",
        audit.clinic_id.0,
        webhook_id.0,
        at(audit.at) as _,
        reason.as_str(),
    )
    .execute(&mut *transaction)
    .await?;
    let disabled = done.rows_affected() == 1;
    if disabled {
        outbox::write(&mut transaction, audit.clinic_id, event).await?;
        audit::commit(&store.keys, transaction, audit).await?;
    }
    Ok(disabled)
}
