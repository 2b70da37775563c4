//! Webhooks: register, list, change, remove, rotate, ping, and what was sent. A POST here takes no retry key: a secret cannot
//! be shown twice, and one ping or delivery more harms nobody, since receivers tell events apart by their ids.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};

use super::State;
use super::auth::Admin;
use super::body::{Body, Incoming};
use super::extract::{Later, PathId, Query};
use super::paging;
use super::problem::{Problem, ProblemBody};
use super::wire::lists::{PageQuery, WebhookDeliveryPage, WebhookPage};
use super::wire::webhook::{
    RedeliveryBody, RedeliveryInput, WebhookBody, WebhookChangeInput, WebhookInput, WebhookPingBody,
    WebhookRotationInput, WebhookWithSecretBody,
};
use crate::app::AppError;
use crate::app::webhooks::{self, Secret};
use crate::domain::fault::keep_first_of_each_place;
use crate::domain::ids::WebhookId;
use crate::domain::webhook::Webhook;

/// Register a webhook
///
/// From now on it is told of these events, signed by the Standard Webhooks specification. The secret is shown in this
/// answer and never again; whoever loses it rotates. A clinic has 100 webhooks at most.
#[utoipa::path(
    tag = "admin",
    operation_id = "create_webhook",
    request_body(content = WebhookInput, description = "Where it is, and what it is told of",
        example = json!({"url": "https://clinic.example/hooks", "events": ["submission.flagged"]})),
    responses(
        (status = 201, description = "The webhook with its secret", body = WebhookWithSecretBody, headers(
            ("Location" = String, description = "The webhook"),
        )),
        (status = 409, description = "The clinic has 100 webhooks already", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks")]
pub async fn create_webhook(
    state: web::Data<State>,
    caller: Admin,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let Body { value, mut faults, .. } = incoming.read::<WebhookInput>().await?;
    let draft = match value.parse() {
        Ok(draft) if faults.is_empty() => draft,
        Ok(_) => return Err(Problem::content(faults, None)),
        Err(missing) => {
            faults.extend(missing);
            keep_first_of_each_place(&mut faults);
            return Err(Problem::content(faults, None));
        }
    };
    let (webhook, secret) = webhooks::create(&state.app, &caller.actor(), draft).await?;
    let location = format!("/v1/webhooks/{}", webhook.webhook_id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(with_secret(webhook, &secret)))
}

/// List webhooks
///
/// Every webhook of the clinic, oldest first, with why and since when nothing is sent to one that is disabled. Secrets are
/// never shown.
#[utoipa::path(
    tag = "admin",
    operation_id = "list_webhooks",
    responses((status = 200, description = "All of them", body = WebhookPage)),
    security(("key" = ["admin"]))
)]
#[get("/v1/webhooks")]
pub async fn list_webhooks(state: web::Data<State>, caller: Admin) -> Result<HttpResponse, Problem> {
    let found = webhooks::list(&state.app, &caller.actor()).await?;
    Ok(HttpResponse::Ok().json(WebhookPage::of(found, None)))
}

/// Read a webhook
///
/// Without its secret, which is never shown again.
#[utoipa::path(
    tag = "admin",
    operation_id = "get_webhook",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    responses((status = 200, description = "The webhook", body = WebhookBody)),
    security(("key" = ["admin"]))
)]
#[get("/v1/webhooks/{id}")]
pub async fn get_webhook(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> Result<HttpResponse, Problem> {
    let webhook = webhooks::get(&state.app, &caller.actor(), WebhookId(id.read()?.0)).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::from(webhook)))
}

/// Change a webhook
///
/// What the body leaves out stays as it is. What waits is sent to the new address; nothing is sent, and nothing new is
/// written for it, while it is disabled.
#[utoipa::path(
    tag = "admin",
    operation_id = "update_webhook",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    request_body(content = WebhookChangeInput, description = "What is to change", example = json!({"enabled": true})),
    responses((status = 200, description = "The webhook as it is now", body = WebhookBody)),
    security(("key" = ["admin"]))
)]
#[patch("/v1/webhooks/{id}")]
pub async fn update_webhook(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = WebhookId(id.read()?.0);
    let Body { value, faults, .. } = incoming.read::<WebhookChangeInput>().await?;
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults).into());
    }
    let webhook = webhooks::update(&state.app, &caller.actor(), id, value.change()).await?;
    Ok(HttpResponse::Ok().json(WebhookBody::from(webhook)))
}

/// Remove a webhook
///
/// With its log and all that waits for it.
#[utoipa::path(
    tag = "admin",
    operation_id = "delete_webhook",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    responses((status = 204, description = "It is removed")),
    security(("key" = ["admin"]))
)]
#[delete("/v1/webhooks/{id}")]
pub async fn delete_webhook(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    webhooks::delete(&state.app, &caller.actor(), WebhookId(id.read()?.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Rotate a webhook's secret
///
/// The new secret is shown in this answer and never again. For the overlap what is sent carries a signature of each, so
/// that the receiver can change over at any moment of it.
#[utoipa::path(
    tag = "admin",
    operation_id = "rotate_webhook_secret",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    request_body(content = WebhookRotationInput, description = "How long both secrets sign",
        example = json!({"overlap_hours": 24})),
    responses((status = 200, description = "The webhook with its new secret", body = WebhookWithSecretBody)),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks/{id}/rotate")]
pub async fn rotate_webhook_secret(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = WebhookId(id.read()?.0);
    let Body { value, faults, .. } = incoming.read::<WebhookRotationInput>().await?;
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults).into());
    }
    let (webhook, secret) = webhooks::rotate(&state.app, &caller.actor(), id, value.overlap()).await?;
    Ok(HttpResponse::Ok().json(with_secret(webhook, &secret)))
}

/// Ping a webhook
///
/// Sends the event `ping`, whatever the webhook is told of; the list of deliveries shows what came of it. 409 while the
/// webhook is disabled.
#[utoipa::path(
    tag = "admin",
    operation_id = "ping_webhook",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    responses(
        (status = 202, description = "It is sent", body = WebhookPingBody),
        (status = 409, description = "The webhook is disabled", body = ProblemBody,
            content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks/{id}/ping")]
pub async fn ping_webhook(state: web::Data<State>, caller: Admin, id: Later<PathId>) -> Result<HttpResponse, Problem> {
    let event_id = webhooks::ping(&state.app, &caller.actor(), WebhookId(id.read()?.0)).await?;
    Ok(HttpResponse::Accepted().json(WebhookPingBody { id: event_id.0 }))
}

/// List a webhook's deliveries
///
/// What was, or is to be, sent to it in the last 30 days, newest first, with every attempt's time, duration and status. What
/// was answered is not kept.
#[utoipa::path(
    tag = "admin",
    operation_id = "list_webhook_deliveries",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook"), PageQuery),
    responses((status = 200, description = "A page", body = WebhookDeliveryPage, headers(
        ("Link" = String, description = "rel=next: the next page, if there is one"),
    ))),
    security(("key" = ["admin"]))
)]
#[get("/v1/webhooks/{id}/deliveries")]
pub async fn list_webhook_deliveries(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    query: Later<Query<PageQuery>>,
) -> Result<HttpResponse, Problem> {
    let id = WebhookId(id.read()?.0);
    let page = webhooks::deliveries(&state.app, &caller.actor(), id, &query.read()?.0.into()).await?;
    Ok(paging::answer(&request, page, WebhookDeliveryPage::of))
}

/// Send deliveries again
///
/// Some events, or all of a time, whether they arrived before, failed, or wait for their next attempt. They are due at once,
/// with all their attempts; their ids stay, so that a receiver that had one knows it. What is under way at this moment is
/// left alone.
#[utoipa::path(
    tag = "admin",
    operation_id = "redeliver_webhook_deliveries",
    params(("id" = uuid::Uuid, Path, description = "Id of the webhook")),
    request_body(content = RedeliveryInput, description = "What is to be sent again", example = json!({
        "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "state": "failed"
    })),
    responses((status = 202, description = "They are sent", body = RedeliveryBody)),
    security(("key" = ["admin"]))
)]
#[post("/v1/webhooks/{id}/redeliver")]
pub async fn redeliver_webhook_deliveries(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let id = WebhookId(id.read()?.0);
    let Body { value, faults, .. } = incoming.read::<RedeliveryInput>().await?;
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults).into());
    }
    let again = value.parse().map_err(|fault| AppError::Faulty(vec![fault]))?;
    let deliveries = webhooks::redeliver(&state.app, &caller.actor(), id, &again).await?;
    Ok(HttpResponse::Accepted().json(RedeliveryBody { deliveries }))
}

fn with_secret(webhook: Webhook, secret: &Secret) -> WebhookWithSecretBody {
    WebhookWithSecretBody { webhook: WebhookBody::from(webhook), secret: secret.to_string() }
}
