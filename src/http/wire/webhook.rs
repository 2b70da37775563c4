//! Webhooks on the wire.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::{DeliveryFailureName, DeliveryStateName, DisabledReasonName, WebhookEventName};
use crate::app::webhooks::Again;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::EventId;
use crate::domain::webhook::{Webhook, WebhookChange, WebhookDraft};
use crate::domain::webhook_delivery::{Delivery, LoggedAttempt};

/// A webhook to register.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookInput)]
pub struct WebhookInput {
    /// Where it is: https, without user name, password and fragment, at a public address.
    #[validate(length(min = 1, max = 2000))]
    #[schema(required, value_type = String, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub url: Option<String>,
    /// What it is told of.
    #[validate(length(min = 1, max = 10))]
    #[schema(required, value_type = BTreeSet<WebhookEventName>, min_items = 1, max_items = 10)]
    pub events: Option<Vec<WebhookEventName>>,
    /// What the clinic calls it.
    #[validate(length(min = 1, max = 200))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub description: Option<String>,
}

/// What is to change of a webhook; what is left out stays as it is.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookChange)]
pub struct WebhookChangeInput {
    /// Where it is: https, without user name, password and fragment, at a public address.
    #[validate(length(min = 1, max = 2000))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub url: Option<String>,
    /// What it is told of.
    #[validate(length(min = 1, max = 10))]
    #[schema(value_type = Option<BTreeSet<WebhookEventName>>, min_items = 1, max_items = 10)]
    pub events: Option<Vec<WebhookEventName>>,
    /// What the clinic calls it.
    #[validate(length(min = 1, max = 200))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub description: Option<String>,
    /// Whether anything is sent to it. Enabling one that was disabled sends what waits.
    pub enabled: Option<bool>,
}

/// How a webhook changes over to its new secret.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookRotationInput)]
pub struct WebhookRotationInput {
    /// For how many hours the secret that it had signs beside the new one; 24 unless said.
    #[serde(default, deserialize_with = "super::whole::optional")]
    #[validate(range(min = 0, max = 168))]
    #[schema(minimum = 0, maximum = 168)]
    pub overlap_hours: Option<u16>,
}

/// What is to be sent again: either some events, or all of a time.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RedeliveryInput)]
pub struct RedeliveryInput {
    /// These events.
    #[validate(length(min = 1, max = 200))]
    #[schema(value_type = Option<Vec<Uuid>>, min_items = 1, max_items = 200)]
    pub ids: Option<Vec<Uuid>>,
    /// What happened at or after this time, with an offset.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// What happened before this time, with an offset.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// Of a time, only deliveries in this state.
    pub state: Option<DeliveryStateName>,
}

/// A webhook, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    /// Id of the webhook.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What it is told of.
    pub events: Vec<WebhookEventName>,
    /// What the clinic calls it.
    #[schema(required)]
    pub description: Option<String>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Until when the secret before the last rotation signs too.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub previous_secret_until: Option<Timestamp>,
    /// Since when every attempt has failed; null while the last one succeeded.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// Since when nothing is sent to it.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Why nothing is sent to it: an admin said so, it answered 410, or all attempts of five days failed.
    #[schema(required)]
    pub disabled_reason: Option<DisabledReasonName>,
}

/// A webhook with its secret, which is shown this once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct WebhookWithSecretBody {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookBody,
    /// What signs what is sent to it. Nobody can show it again.
    pub secret: String,
}

/// What was, or is to be, sent to a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct WebhookDeliveryBody {
    /// Id of the event; `webhook-id` is `evt_` and this.
    pub id: Uuid,
    /// What happened.
    pub event: WebhookEventName,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where the delivery stands.
    pub state: DeliveryStateName,
    /// When the next attempt is due; null where there is none.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// When it arrived.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// The latest 20 attempts, in their order.
    pub attempts: Vec<WebhookAttemptBody>,
}

/// One attempt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub struct WebhookAttemptBody {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The status of the answer; null where none came.
    #[schema(required)]
    pub status: Option<u16>,
    /// Why no answer came.
    #[schema(required)]
    pub failure: Option<DeliveryFailureName>,
    /// How long it took, milliseconds.
    pub duration_ms: u32,
}

/// A ping that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookPing)]
pub struct WebhookPingBody {
    /// Id of the event, as the deliveries list shows it.
    pub id: Uuid,
}

/// What is sent again.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Redelivery)]
pub struct RedeliveryBody {
    /// How many deliveries.
    pub deliveries: u64,
}

impl WebhookInput {
    /// What the webhook is to be.
    ///
    /// # Errors
    /// When a required field is missing.
    pub fn parse(self) -> Result<WebhookDraft, Vec<Fault>> {
        let missing = |pointer: &str| Fault::new(pointer, FaultCode::Required, "must be given");
        match (self.url, self.events) {
            (Some(url), Some(events)) => Ok(WebhookDraft { url, description: self.description, events: plain(events) }),
            (url, events) => {
                let faults = [url.is_none().then(|| missing("/url")), events.is_none().then(|| missing("/events"))];
                Err(faults.into_iter().flatten().collect())
            }
        }
    }
}

impl WebhookChangeInput {
    /// What is to change.
    #[must_use]
    pub fn change(self) -> WebhookChange {
        let (url, description, enabled) = (self.url, self.description, self.enabled);
        WebhookChange { url, description, events: self.events.map(plain), enabled }
    }
}

impl WebhookRotationInput {
    /// How long both secrets sign.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        Duration::from_hours(self.overlap_hours.unwrap_or(24).into())
    }
}

impl RedeliveryInput {
    /// What is to be sent again.
    ///
    /// # Errors
    /// When it names neither events nor a whole time, or both.
    pub fn parse(self) -> Result<Again, Fault> {
        match (self.ids, self.from, self.to) {
            (Some(ids), None, None) if self.state.is_none() => {
                Ok(Again::Events(ids.into_iter().map(EventId).collect()))
            }
            (None, Some(from), Some(to)) => Ok(Again::Range(from, to, self.state.map(|state| state.0))),
            (Some(_), _, _) => Err(Fault::new("/ids", FaultCode::Contradiction, "name events, or a time, not both")),
            (None, ..) => Err(Fault::new("/ids", FaultCode::Required, "name events, or a time by from and to")),
        }
    }
}

fn plain(events: Vec<WebhookEventName>) -> Vec<crate::domain::webhook::WebhookEvent> {
    events.into_iter().map(|event| event.0).collect()
}

impl From<Webhook> for WebhookBody {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.webhook_id.0,
            url: webhook.url,
            events: webhook.events.into_iter().map(WebhookEventName).collect(),
            description: webhook.description,
            created_at: webhook.created_at,
            previous_secret_until: webhook.previous_secret_until,
            failing_since: webhook.failing_since,
            disabled_at: webhook.disabled.map(|(at, _)| at),
            disabled_reason: webhook.disabled.map(|(_, reason)| DisabledReasonName(reason)),
        }
    }
}

impl From<Delivery> for WebhookDeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.event_id.0,
            event: WebhookEventName(delivery.event),
            at: delivery.at,
            state: DeliveryStateName(delivery.state),
            next_attempt_at: delivery.due_at,
            delivered_at: delivery.delivered_at,
            attempts: delivery.attempts.into_iter().map(WebhookAttemptBody::from).collect(),
        }
    }
}

impl From<LoggedAttempt> for WebhookAttemptBody {
    fn from(attempt: LoggedAttempt) -> Self {
        Self {
            at: attempt.at,
            status: attempt.status,
            failure: attempt.failure.map(DeliveryFailureName),
            duration_ms: attempt.duration_ms,
        }
    }
}
