//! Webhook endpoints. Signing secrets are sealed, and decrypted only to sign.

use jiff::Timestamp;

use crate::domain::audit::AuditEntry;
use crate::domain::ids::{ClinicId, WebhookId};
use crate::domain::webhooks::{DisabledReason, Webhook, WebhookDraft, WebhookEvent};
use crate::store::audit;
use crate::store::database::{Connection, Store, at, keys::Place, known};
use crate::store::error::{Result, StoreError};

pub const MOST: i64 = 100;
const TABLE: &str = "webhook_endpoints";

/// Adds an endpoint with its signing secret. Fails when the clinic has the maximum number of endpoints.
pub async fn insert(store: &Store, webhook: &Webhook, secret: &str, audit: &AuditEntry) -> Result<()> {
    let clinic_id = audit.clinic_id;
    let mut transaction = store.begin(clinic_id).await?;
    let done = sqlx::query!(
        "insert into webhook_endpoints (clinic_id, webhook_id, url, description, events, secret_sealed, created_at,
                                        test_submissions)
         select $1, $2, $3, $4, $5, $6, $7, $9
         where (select count(*) from webhook_endpoints where clinic_id = $1) < $8",
        clinic_id.0,
        webhook.webhook_id.0,
        webhook.url,
        webhook.description,
        &names(&webhook.events),
        store.keys.seal(Place::secret(clinic_id, webhook.webhook_id), secret)?,
        at(webhook.created_at) as _,
        MOST,
        webhook.test_submissions,
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Refused("the clinic already has 100 webhooks; delete one first"));
    }
    audit::commit(&store.keys, transaction, audit).await
}

/// All endpoints of a clinic, oldest first.
pub async fn list(store: &Store, clinic_id: ClinicId) -> Result<Vec<Webhook>> {
    read(&mut *store.clinic(clinic_id).await?, clinic_id, None).await
}

pub async fn find(store: &Store, clinic_id: ClinicId, webhook_id: WebhookId) -> Result<Option<Webhook>> {
    Ok(read(&mut *store.clinic(clinic_id).await?, clinic_id, Some(webhook_id)).await?.pop())
}

/// Updates an endpoint, and enables or disables it; with `None`, that stays as it is. Enabling a disabled endpoint clears
/// `failing_since`. Fails when the endpoint does not exist.
pub async fn update(
    store: &Store,
    webhook_id: WebhookId,
    draft: &WebhookDraft,
    enabled: Option<bool>,
    audit: &AuditEntry,
) -> Result<Webhook> {
    let clinic_id = audit.clinic_id;
    let mut transaction = store.begin(clinic_id).await?;
    let done = sqlx::query!(
        "update webhook_endpoints set url = $3, description = $4, events = $5, test_submissions = $9,
             disabled_at = case when $6::boolean then null when not $6 then coalesce(disabled_at, $7) else disabled_at end,
             disabled_reason = case when $6 then null when not $6 then coalesce(disabled_reason, $8)
                               else disabled_reason end,
             failing_since = case when $6 and disabled_at is not null then null else failing_since end
         where clinic_id = $1 and webhook_id = $2",
        clinic_id.0,
        webhook_id.0,
        draft.url,
        draft.description,
        &names(&draft.events),
        enabled,
        at(audit.at) as _,
        DisabledReason::Admin.as_str(),
        draft.test_submissions,
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Missing);
    }
    audit::insert(&store.keys, &mut transaction, audit).await?;
    let changed = read(&mut transaction, clinic_id, Some(webhook_id)).await?.pop();
    transaction.commit().await?;
    changed.ok_or(StoreError::Missing)
}

/// Removes an endpoint with all its deliveries and their log. Fails when the endpoint does not exist.
pub async fn delete(store: &Store, webhook_id: WebhookId, audit: &AuditEntry) -> Result<()> {
    let clinic = audit.clinic_id.0;
    let mut transaction = store.begin(audit.clinic_id).await?;
    // Deliveries are locked before their endpoint, in the same order as when the result of an attempt is recorded.
    sqlx::query!(
        "with due as (
             select event_id from webhook_deliveries where clinic_id = $1 and webhook_id = $2 order by event_id for update
         )
         delete from webhook_deliveries d using due
         where d.clinic_id = $1 and d.webhook_id = $2 and d.event_id = due.event_id",
        clinic,
        webhook_id.0,
    )
    .execute(&mut *transaction)
    .await?;
    // In a statement of its own: one that waits for a delivery does not see an attempt that was recorded meanwhile.
    sqlx::query!("delete from webhook_attempts where clinic_id = $1 and webhook_id = $2", clinic, webhook_id.0)
        .execute(&mut *transaction)
        .await?;
    let done =
        sqlx::query!("delete from webhook_endpoints where clinic_id = $1 and webhook_id = $2", clinic, webhook_id.0)
            .execute(&mut *transaction)
            .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Missing);
    }
    audit::commit(&store.keys, transaction, audit).await
}

/// Gives an endpoint a new secret. With `overlap_end`, requests are also signed with the previous secret until then. Fails
/// when the endpoint does not exist.
pub async fn rotate(
    store: &Store,
    webhook_id: WebhookId,
    secret: &str,
    overlap_end: Option<Timestamp>,
    audit: &AuditEntry,
) -> Result<Webhook> {
    let clinic_id = audit.clinic_id;
    let mut transaction = store.begin(clinic_id).await?;
    let before = sqlx::query_scalar!(
        "select secret_sealed from webhook_endpoints where clinic_id = $1 and webhook_id = $2 for no key update",
        clinic_id.0,
        webhook_id.0,
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::Missing)?;
    sqlx::query!(
        "update webhook_endpoints set secret_sealed = $3, previous_secret_sealed = $4, previous_until = $5
         where clinic_id = $1 and webhook_id = $2",
        clinic_id.0,
        webhook_id.0,
        store.keys.seal(Place::secret(clinic_id, webhook_id), secret)?,
        overlap_end.map(|_| before),
        overlap_end.map(at) as _,
    )
    .execute(&mut *transaction)
    .await?;
    audit::insert(&store.keys, &mut transaction, audit).await?;
    let rotated = read(&mut transaction, clinic_id, Some(webhook_id)).await?.pop();
    transaction.commit().await?;
    rotated.ok_or(StoreError::Missing)
}

fn names(events: &[WebhookEvent]) -> Vec<String> {
    events.iter().map(|event| event.as_str().to_owned()).collect()
}

async fn read(connection: &mut Connection, clinic_id: ClinicId, only: Option<WebhookId>) -> Result<Vec<Webhook>> {
    let rows = sqlx::query!(
        r#"select webhook_id, url, description, events, test_submissions,
                  created_at as "created_at: jiff_sqlx::Timestamp",
                  previous_until as "previous_until: jiff_sqlx::Timestamp",
                  failing_since as "failing_since: jiff_sqlx::Timestamp",
                  disabled_at as "disabled_at: jiff_sqlx::Timestamp", disabled_reason
           from webhook_endpoints
           where clinic_id = $1 and ($2::uuid is null or webhook_id = $2) order by created_at, webhook_id"#,
        clinic_id.0,
        only.map(|id| id.0),
    )
    .fetch_all(connection)
    .await?;
    let event = |name: &String| known(WebhookEvent::parse(name), TABLE, "events");
    let reason = |name: &str| known(DisabledReason::parse(name), TABLE, "disabled_reason");
    let webhooks = rows.into_iter().map(|row| {
        let reason = row.disabled_reason.as_deref().map(reason).transpose()?;
        Ok(Webhook {
            webhook_id: WebhookId(row.webhook_id),
            url: row.url,
            description: row.description,
            events: row.events.iter().map(event).collect::<Result<_, _>>()?,
            test_submissions: row.test_submissions,
            created_at: row.created_at.to_jiff(),
            previous_secret_until: row.previous_until.map(jiff_sqlx::Timestamp::to_jiff),
            failing_since: row.failing_since.map(jiff_sqlx::Timestamp::to_jiff),
            disabled: row.disabled_at.map(jiff_sqlx::Timestamp::to_jiff).zip(reason),
        })
    });
    webhooks.collect()
}
