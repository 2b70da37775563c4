//! Webhook deliveries, one attempt at a time: leased, sent outside any transaction, and the result stored.

use crate::app::ambient::{new_id, random};
use crate::app::{App, Result, audit::operator_entry};
use crate::domain::audit::AuditAction;
use crate::domain::webhooks::delivery::{Verdict, hopeless, judge};
use crate::domain::webhooks::{DisabledReason, Event};
use crate::outbound::receivers::Message;
use crate::store::webhooks::leases::{self, Came};

pub use crate::store::webhooks::leases::{DueEndpoint, Leased};

/// The endpoints of all clinics with due deliveries.
pub async fn due(app: &App) -> Result<Vec<DueEndpoint>> {
    Ok(leases::due(&app.store, app.ambient.now()).await?)
}

/// Leases the deliveries that have been due longest at an endpoint.
pub async fn lease(app: &App, due: DueEndpoint, at_most: usize) -> Result<Vec<Leased>> {
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    Ok(leases::lease(&app.store, due, at_most, app.ambient.now()).await?)
}

/// Makes one attempt and stores the result. Each attempt has its own signature; the message id is the event's. If it
/// cannot be stored, the lease expires and the event is sent again.
pub async fn deliver(app: &App, leased: Leased) -> Result<()> {
    let (began, start) = (app.ambient.now(), app.ambient.elapsed());
    let id = format!("evt_{}", leased.event.event_id);
    let message = Message { url: &leased.url, secrets: &leased.secrets, id: &id, at: began, body: leased.event.body() };
    let attempted = app.receivers.send(message).await;
    let duration_ms = i32::try_from(app.ambient.elapsed().saturating_sub(start).as_millis()).unwrap_or(i32::MAX);
    let [jitter] = random(&*app.ambient)?;
    let now = app.ambient.now();
    let verdict = judge(attempted, leased.number, now, jitter);
    let failing = leases::record(&app.store, &leased, Came { began, duration_ms, attempted, verdict }).await?;
    let reason = match verdict {
        Verdict::Gone => DisabledReason::Gone,
        Verdict::Again(_) | Verdict::GivenUp if failing.is_some_and(|since| hopeless(since, now)) => {
            DisabledReason::Failing
        }
        Verdict::Delivered | Verdict::Again(_) | Verdict::GivenUp => return Ok(()),
    };
    let audit = operator_entry(app, leased.clinic_id, AuditAction::WebhookDisabled, leased.webhook_id.0)?;
    let event = Event::disabled(new_id(&*app.ambient, audit.at)?, leased.webhook_id, reason, audit.at);
    if leases::disable(&app.store, leased.webhook_id, reason, &event, &audit).await? {
        app.deliveries.notify_one();
        tracing::warn!(webhook = %leased.webhook_id, reason = reason.as_str(), "a webhook was disabled");
    }
    Ok(())
}
