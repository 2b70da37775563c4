//! The log of deliveries: listing, sending again, and deletion after the retention period.

use jiff::Timestamp;
use serde_json::Value;

use super::outbox;
use crate::domain::ids::{ClinicId, EventId, WebhookId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::webhooks::delivery::{Delivery, DeliveryFailure, DeliveryState, LoggedAttempt};
use crate::domain::{audit::AuditEntry, webhooks::WebhookEvent};
use crate::store::audit;
use crate::store::database::page::{Key, Scope};
use crate::store::database::{Store, at, bound, known};
use crate::store::error::{Result, StoreError};

const BATCH: i64 = 1_000;
const TABLE: &str = "webhook_deliveries";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    Events(Vec<EventId>),
    /// Deliveries of events from the first time, inclusive, to the second, exclusive, optionally only those in this state.
    Range(Timestamp, Timestamp, Option<DeliveryState>),
}

/// One page of an endpoint's deliveries, newest first.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    webhook_id: WebhookId,
    page: &PageRequest,
    now: Timestamp,
) -> Result<Page<Delivery>> {
    let scope = Scope { clinic_id, list: "webhook deliveries", filter: webhook_id.to_string() };
    let after = scope.after(&store.keys, page, now)?;
    let rows = sqlx::query!(
        r#"select event_id, event, at as "at: jiff_sqlx::Timestamp", state, due_at as "due_at: jiff_sqlx::Timestamp",
                  delivered_at as "delivered_at: jiff_sqlx::Timestamp",
                  (select coalesce(jsonb_agg(to_jsonb(a) order by a.lease), '[]') from (
                       select lease, at, status, failure, duration_ms from webhook_attempts a
                       where a.clinic_id = $1 and a.webhook_id = $2 and a.event_id = d.event_id
                       order by lease desc limit 20
                   ) a) as "attempts!"
           from webhook_deliveries d
           where clinic_id = $1 and webhook_id = $2 and (at, event_id) < (
               coalesce($3::timestamptz, 'infinity'), coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
           )
           order by at desc, event_id desc limit $5"#,
        clinic_id.0,
        webhook_id.0,
        after.map(|key| at(key.at)) as _,
        after.map(|key| key.id),
        i64::from(page.limit) + 1,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    let found = rows.into_iter().map(|row| {
        let state = known(DeliveryState::parse(&row.state), TABLE, "state")?;
        let attempts = row.attempts.as_array().map_or(&[][..], Vec::as_slice);
        Ok(Delivery {
            event_id: EventId(row.event_id),
            event: known(WebhookEvent::parse(&row.event), TABLE, "event")?,
            at: row.at.to_jiff(),
            state,
            due_at: (state == DeliveryState::Pending).then(|| row.due_at.to_jiff()),
            delivered_at: row.delivered_at.map(jiff_sqlx::Timestamp::to_jiff),
            attempts: known(attempts.iter().map(attempt).collect(), "webhook_attempts", "attempt")?,
        })
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    Ok(scope.page(&store.keys, page.limit, now, found, |last| Key::new(last.at, last.event_id.0)))
}

/// Makes deliveries pending again, due immediately, except those that are being sent right now. Returns their number. Fails
/// when the endpoint does not exist.
pub async fn again(store: &Store, webhook_id: WebhookId, again: &Again, audit: &AuditEntry) -> Result<u64> {
    let (ids, from, to, state) = match again {
        Again::Events(ids) => (Some(ids.iter().map(|id| id.0).collect::<Vec<_>>()), None, None, None),
        Again::Range(from, to, state) => (None, Some(bound(*from)), Some(bound(*to)), state.map(DeliveryState::as_str)),
    };
    let mut transaction = store.begin(audit.clinic_id).await?;
    let there = sqlx::query_scalar!(
        "select webhook_id from webhook_endpoints where clinic_id = $1 and webhook_id = $2",
        audit.clinic_id.0,
        webhook_id.0,
    );
    there.fetch_optional(&mut *transaction).await?.ok_or(StoreError::Missing)?;
    let done = sqlx::query!(
        "with again as (
             select event_id from webhook_deliveries
             where clinic_id = $1 and webhook_id = $2 and (leased_until is null or leased_until <= $3)
               and ($4::uuid[] is null or event_id = any ($4))
               and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
               and ($7::text is null or state = $7)
             order by event_id for update
         )
         update webhook_deliveries d
         set state = 'pending', attempts = 0, due_at = $3, leased_until = null, delivered_at = null
         from again where d.clinic_id = $1 and d.webhook_id = $2 and d.event_id = again.event_id",
        audit.clinic_id.0,
        webhook_id.0,
        at(audit.at) as _,
        ids.as_deref(),
        from as _,
        to as _,
        state,
    )
    .execute(&mut *transaction)
    .await?;
    audit::commit(&store.keys, transaction, audit).await?;
    Ok(done.rows_affected())
}

/// Removes a batch of the deliveries of events before a time, in any state, and returns their number.
pub async fn forget(store: &Store, clinic_id: ClinicId, before: Timestamp) -> Result<u64> {
    let mut transaction = store.begin_jobs(clinic_id).await?;
    let gone = sqlx::query!(
        "with past as (
             select webhook_id, event_id from webhook_deliveries
             where clinic_id = $1 and at < $2 order by at limit $3 for update skip locked
         )
         delete from webhook_deliveries d using past
         where d.clinic_id = $1 and d.webhook_id = past.webhook_id and d.event_id = past.event_id
         returning d.webhook_id, d.event_id",
        clinic_id.0,
        at(before) as _,
        BATCH,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let gone: Vec<_> = gone.into_iter().map(|row| (row.webhook_id, row.event_id)).collect();
    outbox::remove_attempts(&mut transaction, clinic_id, &gone).await?;
    transaction.commit().await?;
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

fn attempt(stored: &Value) -> Option<LoggedAttempt> {
    Some(LoggedAttempt {
        at: stored["at"].as_str()?.parse().ok()?,
        status: stored["status"].as_u64().and_then(|status| status.try_into().ok()),
        failure: stored["failure"].as_str().and_then(DeliveryFailure::parse),
        duration_ms: u32::try_from(stored["duration_ms"].as_u64()?).ok()?,
    })
}
