//! Webhook deliveries: leased, sent outside any transaction, and the results of an endpoint stored together.

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

/// An attempt that ended.
pub type Ended = (Leased, Came);

/// Makes one attempt. Each attempt has its own signature; the message id is the event's.
pub async fn attempt(app: &App, leased: Leased) -> Result<Ended> {
    let (began, start) = (app.ambient.now(), app.ambient.elapsed());
    let id = format!("evt_{}", leased.event.event_id);
    let message = Message { url: &leased.url, secrets: &leased.secrets, id: &id, at: began, body: leased.event.body() };
    let attempted = app.receivers.send(message).await;
    let duration_ms = i32::try_from(app.ambient.elapsed().saturating_sub(start).as_millis()).unwrap_or(i32::MAX);
    let [jitter] = random(&*app.ambient)?;
    let verdict = judge(attempted, leased.number, app.ambient.now(), jitter);
    Ok((leased, Came { began, duration_ms, attempted, verdict }))
}

/// Stores the results of attempts at an endpoint, in the order in which they ended. If they cannot be stored, the leases expire and the
/// events are sent again.
pub async fn record(app: &App, due: DueEndpoint, ended: &[Ended]) -> Result<()> {
    let failing = leases::record(&app.store, due, ended).await?;
    let now = app.ambient.now();
    let is = |verdict| ended.iter().any(|(_, came)| came.verdict == verdict);
    let reason = if is(Verdict::Gone) {
        DisabledReason::Gone
    } else if !is(Verdict::Delivered) && failing.is_some_and(|since| hopeless(since, now)) {
        DisabledReason::Failing
    } else {
        return Ok(());
    };
    let audit = operator_entry(app, due.clinic_id, AuditAction::WebhookDisabled, due.webhook_id.0)?;
    let event = Event::disabled(new_id(&*app.ambient, audit.at)?, due.webhook_id, reason, audit.at);
    if leases::disable(&app.store, due.webhook_id, reason, &event, &audit).await? {
        app.deliveries.notify_one();
        tracing::warn!(webhook = %due.webhook_id, reason = reason.as_str(), "a webhook was disabled");
    }
    Ok(())
}
