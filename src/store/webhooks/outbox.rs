//! The outbox. The transaction that does the work writes its events, one delivery per subscribed endpoint.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::ids::{ClinicId, EventId, SubjectId, WebhookId};
use crate::domain::{audit::AuditEntry, webhooks::Event};
use crate::store::audit;
use crate::store::database::{Connection, Store, at};
use crate::store::error::{Result, StoreError};

/// Writes an event for each subscribed endpoint. Most events have none.
pub(in crate::store) async fn write(connection: &mut Connection, clinic_id: ClinicId, event: &Event) -> Result<()> {
    sqlx::query!(
        "insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, subject_id, data, due_at)
         select clinic_id, webhook_id, $2, $3, $4, $5, $6, $4 from webhook_endpoints
         where clinic_id = $1 and disabled_at is null and $3 = any (events)",
        clinic_id.0,
        event.event_id.0,
        event.kind.as_str(),
        at(event.at) as _,
        event.subject_id.map(|id| id.0),
        event.data,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The row of a delivery, in JSON.
#[derive(Serialize)]
struct Row {
    clinic_id: ClinicId,
    event_id: EventId,
    event: &'static str,
    at: Timestamp,
    subject_id: Option<SubjectId>,
    data: Value,
}

/// Writes events of tests, each for the subscribed endpoints of its clinic that ask for tests.
pub(in crate::store) async fn write_tests(connection: &mut Connection, events: Vec<(ClinicId, Event)>) -> Result<()> {
    let clinics: Vec<Uuid> = events.iter().map(|(clinic_id, _)| clinic_id.0).collect();
    let row = |(clinic_id, event): (ClinicId, Event)| {
        let Event { event_id, kind, at, subject_id, data } = event;
        Row { clinic_id, event_id, event: kind.as_str(), at, subject_id, data }
    };
    let rows: Vec<Row> = events.into_iter().map(row).collect();
    sqlx::query!(
        "insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, subject_id, data, due_at)
         select clinic_id, w.webhook_id, e.event_id, e.event, e.at, e.subject_id, e.data, e.at
         from jsonb_populate_recordset(null::webhook_deliveries, $1) e
         join webhook_endpoints w using (clinic_id)
         where w.disabled_at is null and w.test_submissions and e.event = any (w.events)
           and ($2::uuid[] is null or w.clinic_id = any($2))",
        sqlx::types::Json(rows) as _,
        connection.named(&clinics),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes an event for one endpoint, whether or not it subscribes to it. Fails when the endpoint does not exist or is
/// disabled.
pub async fn write_to(store: &Store, webhook_id: WebhookId, event: &Event, audit: &AuditEntry) -> Result<()> {
    let mut transaction = store.begin(audit.clinic_id).await?;
    let enabled = sqlx::query_scalar!(
        r#"select disabled_at is null as "enabled!" from webhook_endpoints where clinic_id = $1 and webhook_id = $2"#,
        audit.clinic_id.0,
        webhook_id.0,
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::Missing)?;
    if !enabled {
        return Err(StoreError::Refused("the webhook is disabled; enable it first"));
    }
    sqlx::query!(
        "insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, data, due_at)
         values ($1, $2, $3, $4, $5, $6, $5)",
        audit.clinic_id.0,
        webhook_id.0,
        event.event_id.0,
        event.kind.as_str(),
        at(event.at) as _,
        event.data,
    )
    .execute(&mut *transaction)
    .await?;
    audit::commit(&store.keys, transaction, audit).await
}

/// Removes the attempts at deliveries that the transaction has removed, given as endpoint and event. This needs a statement of its own:
/// one that waits for a delivery does not see an attempt that was recorded meanwhile.
pub(in crate::store) async fn remove_attempts(
    connection: &mut Connection,
    clinic_id: ClinicId,
    gone: &[(Uuid, Uuid)],
) -> Result<()> {
    let (webhooks, events): (Vec<_>, Vec<_>) = gone.iter().copied().unzip();
    sqlx::query!(
        "delete from webhook_attempts a using unnest($2::uuid[], $3::uuid[]) as gone (webhook_id, event_id)
         where a.clinic_id = $1 and a.webhook_id = gone.webhook_id and a.event_id = gone.event_id",
        clinic_id.0,
        &webhooks,
        &events,
    )
    .execute(connection)
    .await?;
    Ok(())
}
