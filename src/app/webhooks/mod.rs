//! Management of webhooks by admins.

pub mod deliveries;

use std::time::Duration;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::ambient::{after, new_id, random};
use super::audit::{audited_read, entry};
use super::{App, AppError, Result};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{EventId, WebhookId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::webhooks::{Event, Webhook, WebhookChange, WebhookDraft};
use crate::domain::{access::actor::Actor, audit::AuditAction, webhooks::delivery::Delivery};
use crate::outbound::signature;
use crate::store;
use crate::store::webhooks::{endpoints, log, outbox};

pub use crate::store::webhooks::log::Again;

/// A secret for its holder. It is returned only once.
pub type Secret = Zeroizing<String>;

/// Registers an endpoint. Fails when the clinic has its maximum number of endpoints.
pub async fn create(app: &App, actor: &Actor, draft: WebhookDraft) -> Result<(Webhook, Secret)> {
    checked(app, &draft)?;
    let now = app.ambient.now();
    let WebhookDraft { url, description, events, test_submissions } = draft;
    let webhook = Webhook {
        webhook_id: new_id(&*app.ambient, now)?,
        url,
        description,
        events,
        test_submissions,
        created_at: now,
        previous_secret_until: None,
        failing_since: None,
        disabled: None,
    };
    let secret = signature::secret(&random(&*app.ambient)?);
    let audit = entry(app, actor, AuditAction::WebhookCreated, webhook.webhook_id.0, &[])?;
    endpoints::insert(&app.store, &webhook, &secret, &audit).await?;
    Ok((webhook, secret))
}

/// All endpoints of the clinic, oldest first.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Webhook>> {
    let found = endpoints::list(&app.store, actor.clinic_id).await?;
    audited_read(app, actor, AuditAction::WebhooksListed, Uuid::nil(), &[]).await?;
    Ok(found)
}

pub async fn get(app: &App, actor: &Actor, webhook_id: WebhookId) -> Result<Webhook> {
    let found = find(app, actor, webhook_id).await?;
    audited_read(app, actor, AuditAction::WebhookRead, webhook_id.0, &[]).await?;
    Ok(found)
}

pub async fn update(app: &App, actor: &Actor, webhook_id: WebhookId, change: WebhookChange) -> Result<Webhook> {
    let enabled = change.enabled;
    let draft = change.apply_to(find(app, actor, webhook_id).await?);
    checked(app, &draft)?;
    let audit = entry(app, actor, AuditAction::WebhookChanged, webhook_id.0, &[])?;
    let webhook = endpoints::update(&app.store, webhook_id, &draft, enabled, &audit).await?;
    app.deliveries.notify_one();
    Ok(webhook)
}

/// Removes an endpoint with its log and its pending deliveries.
pub async fn delete(app: &App, actor: &Actor, webhook_id: WebhookId) -> Result<()> {
    let audit = entry(app, actor, AuditAction::WebhookDeleted, webhook_id.0, &[])?;
    Ok(endpoints::delete(&app.store, webhook_id, &audit).await?)
}

/// Gives an endpoint a new secret; the previous secret also signs until the overlap ends.
pub async fn rotate(app: &App, actor: &Actor, webhook_id: WebhookId, overlap: Duration) -> Result<(Webhook, Secret)> {
    let secret = signature::secret(&random(&*app.ambient)?);
    let audit = entry(app, actor, AuditAction::WebhookSecretRotated, webhook_id.0, &[])?;
    let overlap_end = (!overlap.is_zero()).then(|| after(audit.at, overlap));
    let rotated = endpoints::rotate(&app.store, webhook_id, &secret, overlap_end, &audit).await?;
    Ok((rotated, secret))
}

/// Sends a ping event to an endpoint, and returns its id. Fails when the endpoint is disabled.
pub async fn ping(app: &App, actor: &Actor, webhook_id: WebhookId) -> Result<EventId> {
    let audit = entry(app, actor, AuditAction::WebhookPinged, webhook_id.0, &[])?;
    let event_id = EventId(audit.audit_entry_id.0);
    outbox::write_to(&app.store, webhook_id, &Event::ping(event_id, webhook_id, audit.at), &audit).await?;
    app.deliveries.notify_one();
    Ok(event_id)
}

/// One page of the sent and pending deliveries of an endpoint, newest first.
pub async fn deliveries(app: &App, actor: &Actor, webhook_id: WebhookId, page: &PageRequest) -> Result<Page<Delivery>> {
    find(app, actor, webhook_id).await?;
    let found = log::list(&app.store, actor.clinic_id, webhook_id, page, app.ambient.now()).await?;
    audited_read(app, actor, AuditAction::WebhookDeliveriesListed, webhook_id.0, &[]).await?;
    Ok(found)
}

/// Sends deliveries again, and returns how many.
pub async fn redeliver(app: &App, actor: &Actor, webhook_id: WebhookId, again: &Again) -> Result<u64> {
    let audit = entry(app, actor, AuditAction::WebhookRedelivered, webhook_id.0, &[])?;
    let count = log::again(&app.store, webhook_id, again, &audit).await?;
    app.deliveries.notify_one();
    Ok(count)
}

async fn find(app: &App, actor: &Actor, webhook_id: WebhookId) -> Result<Webhook> {
    let found = store::webhooks::endpoints::find(&app.store, actor.clinic_id, webhook_id).await?;
    found.ok_or(AppError::NotFound)
}

fn checked(app: &App, draft: &WebhookDraft) -> Result<()> {
    let mut faults = draft.faults();
    if let Err(sentence) = app.receivers.addresses().read(&draft.url) {
        faults.push(Fault::new("/url", FaultCode::Format, sentence));
    }
    if faults.is_empty() { Ok(()) } else { Err(AppError::Faulty(faults)) }
}
