//! Webhooks: register, list, change, remove, rotate, ping, and their deliveries. The POST requests take no idempotency key: a
//! secret is returned only once, and a repeated ping or delivery is harmless, because receivers identify events by their ids.

pub mod body;
pub(in crate::http) mod events;

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

use crate::app::error::AppError;
use crate::app::webhooks::{self, Secret};
use crate::domain::audit::AuditAction;
use crate::domain::fault::keep_first_of_each_place;
use crate::domain::ids::WebhookId;
use crate::domain::webhooks::Webhook;
use crate::http::kernel::auth::Admin;
use crate::http::kernel::body::{Body, Incoming};
use crate::http::kernel::extract::{Later, PathId, Query};
use crate::http::kernel::paging::{self, PageQuery};
use crate::http::kernel::problem::ProblemBody;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use crate::http::v1::input::{self, faultless};
use body::{
    RedeliveryBody, RedeliveryInput, WebhookBody, WebhookChangeInput, WebhookDeliveryPage, WebhookInput, WebhookPage,
    WebhookPingBody, WebhookRotationInput, WebhookWithSecretBody,
};

/// Register a webhook
///
/// From now on the given events are sent to the URL, signed as in the Standard Webhooks specification. The secret is returned
/// only in this response; if it is lost, rotate it. A clinic has at most 100 webhooks.
#[utoipa::path(
    tag = "admin",
    request_body(content = WebhookInput, description = "URL and events",
        example = json!({"url": "https://clinic.example/hooks", "events": ["submission.flagged"]})),
    responses(
        (status = 201, description = "The webhook with its secret", body = WebhookWithSecretBody,
            headers(("Location" = String, description = "The webhook"))),
        (status = 409, description = "The clinic already has 100 webhooks", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::WebhookCreated))),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks")]
pub async fn create_webhook(state: web::Data<State>, caller: Admin, incoming: Incoming) -> HttpResult {
    let Body { value, mut faults, .. } = incoming.read::<WebhookInput>().await?;
    let draft = value.parse(&mut faults);
    if draft.is_none() {
        keep_first_of_each_place(&mut faults);
    }
    let draft = faultless(draft, faults)?;
    let (webhook, secret) = webhooks::create(&state.app, &caller.actor(), draft).await?;
    let location = format!("/v1/webhooks/{}", webhook.webhook_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(with_secret(webhook, &secret)))
}

/// List webhooks
///
/// All webhooks of the clinic, oldest first; for a disabled one, since when and why it is disabled. Secrets are never
/// returned.
#[utoipa::path(
    tag = "admin",
    responses((status = 200, description = "All webhooks", body = WebhookPage)),
    extensions(("x-audit-action" = json!(AuditAction::WebhooksListed))),
    security(("key" = ["admin"]))
)]
#[get("/v1/webhooks")]
pub async fn list_webhooks(state: web::Data<State>, caller: Admin) -> HttpResult {
    let found = webhooks::list(&state.app, &caller.actor()).await?;
    Ok(HttpResponse::Ok().json(WebhookPage::new(found, None)))
}

/// Read a webhook
///
/// Without its secret, which is never returned again.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook", body = WebhookBody)),
    extensions(("x-audit-action" = json!(AuditAction::WebhookRead))),
    security(("key" = ["admin"]))
)]
#[get("/v1/webhooks/{id}")]
pub async fn get_webhook(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    let webhook = webhooks::get(&state.app, &caller.actor(), WebhookId(id.read()?.0)).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::from(webhook)))
}

/// Change a webhook
///
/// Fields that are left out stay unchanged. Pending deliveries are sent to the new URL. While the webhook is disabled, nothing
/// is sent to it and no new deliveries are created.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    request_body(content = WebhookChangeInput, description = "The changes", example = json!({"enabled": true})),
    responses((status = 200, description = "The webhook after the change", body = WebhookBody)),
    extensions(("x-audit-action" = json!(AuditAction::WebhookChanged))),
    security(("key" = ["admin"]))
)]
#[patch("/v1/webhooks/{id}")]
pub async fn update_webhook(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> HttpResult {
    let id = WebhookId(id.read()?.0);
    let change = input::read::<WebhookChangeInput>(incoming).await?;
    let webhook = webhooks::update(&state.app, &caller.actor(), id, change.into()).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::from(webhook)))
}

/// Remove a webhook
///
/// Also removes its deliveries, sent and pending.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    responses((status = 204, description = "Removed")),
    extensions(("x-audit-action" = json!(AuditAction::WebhookDeleted))),
    security(("key" = ["admin"]))
)]
#[delete("/v1/webhooks/{id}")]
pub async fn delete_webhook(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    webhooks::delete(&state.app, &caller.actor(), WebhookId(id.read()?.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Rotate a webhook's secret
///
/// The new secret is returned only in this response. During the overlap, requests carry a signature of each secret, so the
/// receiver can change over at any time.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    request_body(content = WebhookRotationInput, description = "How long both secrets sign",
        example = json!({"overlap_hours": 24})),
    responses((status = 200, description = "The webhook with its new secret", body = WebhookWithSecretBody)),
    extensions(("x-audit-action" = json!(AuditAction::WebhookSecretRotated))),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks/{id}/rotate")]
pub async fn rotate_webhook_secret(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> HttpResult {
    let id = WebhookId(id.read()?.0);
    let rotation = input::read::<WebhookRotationInput>(incoming).await?;
    let overlap = Duration::from_hours(rotation.overlap_hours.unwrap_or(24).into());
    let (webhook, secret) = webhooks::rotate(&state.app, &caller.actor(), id, overlap).await?;
    Ok(HttpResponse::Ok().json(with_secret(webhook, &secret)))
}

/// Ping a webhook
///
/// Sends the event `ping`, whatever events the webhook receives; the list of deliveries shows the result. 409 while the
/// webhook is disabled.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    responses(
        (status = 202, description = "The ping is queued", body = WebhookPingBody),
        (status = 409, description = "The webhook is disabled", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    extensions(("x-audit-action" = json!(AuditAction::WebhookPinged))),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks/{id}/ping")]
pub async fn ping_webhook(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> HttpResult {
    let event_id = webhooks::ping(&state.app, &caller.actor(), WebhookId(id.read()?.0)).await?;
    Ok(HttpResponse::Accepted().json(WebhookPingBody { id: event_id.0 }))
}

/// List a webhook's deliveries
///
/// Sent and pending deliveries of the last 30 days, newest first, with time, duration and status of each attempt. Response
/// bodies are not stored.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook"), PageQuery),
    responses((status = 200, description = "A page", body = WebhookDeliveryPage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::WebhookDeliveriesListed))),
    security(("key" = ["admin"]))
)]
#[get("/v1/webhooks/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    query: Later<Query<PageQuery>>,
) -> HttpResult {
    let id = WebhookId(id.read()?.0);
    let page = webhooks::deliveries(&state.app, &caller.actor(), id, &query.read()?.0.into()).await?;
    Ok(paging::answer(&request, page, WebhookDeliveryPage::new))
}

/// Send deliveries again
///
/// Sends given events again, or all events of a period, whether they were delivered, failed, or wait for the next attempt.
/// They are due at once, with a full set of attempts. Event ids stay the same, so a receiver recognizes duplicates. Deliveries
/// in progress are skipped.
#[utoipa::path(
    tag = "admin",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    request_body(content = RedeliveryInput, description = "What to send again", example = json!({
        "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "state": "failed"
    })),
    responses((status = 202, description = "The deliveries are queued", body = RedeliveryBody)),
    extensions(("x-audit-action" = json!(AuditAction::WebhookRedelivered))),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks/{id}/redeliver")]
pub async fn redeliver_webhook_deliveries(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> HttpResult {
    let id = WebhookId(id.read()?.0);
    let again =
        input::read::<RedeliveryInput>(incoming).await?.parse().map_err(|fault| AppError::Faulty(vec![fault]))?;
    let deliveries = webhooks::redeliver(&state.app, &caller.actor(), id, &again).await?;
    Ok(HttpResponse::Accepted().json(RedeliveryBody { deliveries }))
}

fn with_secret(webhook: Webhook, secret: &Secret) -> WebhookWithSecretBody {
    WebhookWithSecretBody { webhook: WebhookBody::from(webhook), secret: secret.to_string() }
}
