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

impl Came {
    const fn state(&self) -> &'static str {
        match self.verdict {
            Verdict::Delivered => "delivered",
            Verdict::Again(_) => "pending",
            Verdict::GivenUp | Verdict::Gone => "failed",
        }
    }

    const fn due_at(&self) -> Option<Timestamp> {
        if let Verdict::Again(due_at) = self.verdict { Some(due_at) } else { None }
    }

    fn status(&self) -> Option<i16> {
        if let Attempted::Answered { status, .. } = self.attempted { i16::try_from(status).ok() } else { None }
    }

    const fn failure(&self) -> Option<&'static str> {
        if let Attempted::Failed(failure) = self.attempted { Some(failure.as_str()) } else { None }
    }
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

/// Records the results of attempts at an endpoint, in the order in which they ended, in one transaction. The result of a delivery that was
/// leased again since is not recorded. Returns since when the endpoint had been failing before.
pub async fn record(store: &Store, due: DueEndpoint, ended: &[(Leased, Came)]) -> Result<Option<Timestamp>> {
    let column = |of: fn(&Came) -> Option<&'static str>| -> Vec<_> { ended.iter().map(|(_, came)| of(came)).collect() };
    let events: Vec<_> = ended.iter().map(|(leased, _)| leased.event.event_id.0).collect();
    let held: Vec<_> = ended.iter().map(|(leased, _)| leased.lease).collect();
    let next: Vec<_> = ended.iter().map(|(_, came)| came.due_at().map(at)).collect();
    let began: Vec<_> = ended.iter().map(|(_, came)| at(came.began)).collect();
    let statuses: Vec<_> = ended.iter().map(|(_, came)| came.status()).collect();
    let durations: Vec<_> = ended.iter().map(|(_, came)| came.duration_ms).collect();
    let mut transaction = store.begin_jobs(due.clinic_id).await?;
    let since = sqlx::query_scalar!(
        r#"with ended as (
               select * from unnest($3::uuid[], $4::integer[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::smallint[],
                                    $9::text[], $10::integer[])
                   with ordinality as e (event_id, lease, state, next, began, status, failure, duration_ms, place)
           ), held as (
               select e.* from webhook_deliveries d join ended e using (event_id, lease)
               where d.clinic_id = $1 and d.webhook_id = $2 and d.state = 'pending' order by event_id for update of d
           ), done as (
               update webhook_deliveries d set state = e.state, attempts = attempts + 1, leased_until = null,
                   due_at = coalesce(e.next, d.due_at), delivered_at = case when e.state = 'delivered' then e.began end
               from held e
               where d.clinic_id = $1 and d.webhook_id = $2 and d.event_id = e.event_id
               returning e.*
           ), logged as (
               insert into webhook_attempts (clinic_id, webhook_id, event_id, lease, at, status, failure, duration_ms)
               select $1, $2, event_id, lease, began, status, failure, duration_ms from done
           ), turned as (
               update webhook_endpoints set failing_since = case
                       when last.state = 'delivered' then null
                       when exists (select from done where state = 'delivered') then last.began
                       else coalesce(failing_since, last.began) end
               from (select state, began from done order by place desc limit 1) last
               where clinic_id = $1 and webhook_id = $2 and (failing_since is not null or last.state <> 'delivered')
           )
           select failing_since as "failing_since: jiff_sqlx::Timestamp" from webhook_endpoints
           where clinic_id = $1 and webhook_id = $2"#,
        due.clinic_id.0,
        due.webhook_id.0,
        &events,
        &held,
        &column(|came| Some(came.state())) as _,
        &next as _,
        &began as _,
        &statuses as _,
        &column(Came::failure) as _,
        &durations,
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
