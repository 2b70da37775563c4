//! Webhooks in the API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::app::webhooks::Again;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::ids::EventId;
use crate::domain::webhooks::delivery::{Delivery, LoggedAttempt};
use crate::domain::webhooks::{Webhook, WebhookChange, WebhookDraft, WebhookEvent};
use crate::http::kernel::names::{DeliveryFailureName, DeliveryStateName, DisabledReasonName, WebhookEventName};
use crate::http::kernel::paging::page;
use crate::http::v1::input::required;

/// A webhook to register.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookInput)]
pub struct WebhookInput {
    /// URL of the receiver: https, without user name, password and fragment, at a public address.
    #[validate(length(min = 1, max = 2000))]
    #[schema(required, value_type = String, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub url: Option<String>,
    /// Events that the webhook receives.
    #[validate(length(min = 1, max = 10))]
    #[schema(required, value_type = BTreeSet<WebhookEventName>, min_items = 1, max_items = 10)]
    pub events: Option<Vec<WebhookEventName>>,
    /// Description given by the clinic.
    #[validate(length(min = 1, max = 200))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub description: Option<String>,
    /// Whether `submission.flagged` is also sent for test submissions, with `test` true; by default false.
    pub test_submissions: Option<bool>,
}

/// Changes to a webhook; fields that are left out stay unchanged.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookChange)]
pub struct WebhookChangeInput {
    /// URL of the receiver: https, without user name, password and fragment, at a public address.
    #[validate(length(min = 1, max = 2000))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub url: Option<String>,
    /// Events that the webhook receives.
    #[validate(length(min = 1, max = 10))]
    #[schema(value_type = Option<BTreeSet<WebhookEventName>>, min_items = 1, max_items = 10)]
    pub events: Option<Vec<WebhookEventName>>,
    /// Description given by the clinic.
    #[validate(length(min = 1, max = 200))]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub description: Option<String>,
    /// Whether `submission.flagged` is also sent for test submissions.
    pub test_submissions: Option<bool>,
    /// Whether events are sent to the webhook. Enabling a disabled webhook sends its pending deliveries.
    pub enabled: Option<bool>,
}

/// How a webhook changes to its new secret.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookRotationInput)]
pub struct WebhookRotationInput {
    /// Hours for which the previous secret also signs; 24 by default.
    #[serde(default, deserialize_with = "crate::http::kernel::whole::optional")]
    #[validate(range(min = 0, max = 168))]
    #[schema(minimum = 0, maximum = 168)]
    pub overlap_hours: Option<u16>,
}

/// What to send again: either given events, or all events of a period.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RedeliveryInput)]
pub struct RedeliveryInput {
    /// Ids of the events.
    #[validate(length(min = 1, max = 200))]
    #[schema(value_type = Option<Vec<Uuid>>, min_items = 1, max_items = 200)]
    pub ids: Option<Vec<Uuid>>,
    /// Start of the period, inclusive, with an offset.
    pub from: Option<Timestamp>,
    /// End of the period, exclusive, with an offset.
    pub to: Option<Timestamp>,
    /// For a period: only deliveries in this state.
    pub state: Option<DeliveryStateName>,
}

/// A webhook, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookBody {
    /// Id of the webhook.
    pub id: Uuid,
    /// URL of the receiver.
    pub url: String,
    /// Events that the webhook receives.
    pub events: Vec<WebhookEventName>,
    /// Description given by the clinic.
    pub description: Option<String>,
    /// Whether `submission.flagged` is also sent for test submissions.
    pub test_submissions: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Until when the previous secret also signs.
    pub previous_secret_until: Option<Timestamp>,
    /// Since when every attempt has failed; null if the last attempt succeeded.
    pub failing_since: Option<Timestamp>,
    /// Since when the webhook is disabled; null if it is enabled.
    pub disabled_at: Option<Timestamp>,
    /// Why the webhook is disabled: by an admin, because it answered 410, or because all attempts of five days failed.
    pub disabled_reason: Option<DisabledReasonName>,
}

/// A webhook with its secret, which is returned only once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub struct WebhookWithSecretBody {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookBody,
    /// The secret that signs the requests. It cannot be retrieved again.
    pub secret: String,
}

/// A sent or pending delivery to a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct WebhookDeliveryBody {
    /// Id of the event; the header `webhook-id` is `evt_` followed by this id.
    pub id: Uuid,
    /// Type of the event.
    pub event: WebhookEventName,
    /// When the event happened.
    pub at: Timestamp,
    /// State of the delivery.
    pub state: DeliveryStateName,
    /// When the next attempt is due; null if there is none.
    pub next_attempt_at: Option<Timestamp>,
    /// When the event was delivered.
    pub delivered_at: Option<Timestamp>,
    /// The latest 20 attempts, in order.
    pub attempts: Vec<WebhookAttemptBody>,
}

/// One delivery attempt.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub struct WebhookAttemptBody {
    /// When it began.
    pub at: Timestamp,
    /// Status of the response; null if there was none.
    pub status: Option<u16>,
    /// Why there was no response.
    pub failure: Option<DeliveryFailureName>,
    /// Duration of the attempt, milliseconds.
    pub duration_ms: u32,
}

/// A requested ping.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WebhookPing)]
pub struct WebhookPingBody {
    /// Id of the event, as in the list of deliveries.
    pub id: Uuid,
}

/// Result of a redelivery.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Redelivery)]
pub struct RedeliveryBody {
    /// Number of deliveries that are sent again.
    pub deliveries: u64,
}

page!(
    /// All webhooks, oldest first.
    WebhookPage of WebhookBody, from Webhook
);

page!(
    /// A page of the sent and pending deliveries of a webhook, newest first.
    WebhookDeliveryPage of WebhookDeliveryBody, from Delivery
);

impl WebhookInput {
    pub fn parse(self, faults: &mut Vec<Fault>) -> Option<WebhookDraft> {
        let url = required(self.url, "/url", faults);
        let events = required(self.events, "/events", faults);
        let test_submissions = self.test_submissions.unwrap_or(false);
        Some(WebhookDraft { url: url?, description: self.description, events: plain(events?), test_submissions })
    }
}

impl From<WebhookChangeInput> for WebhookChange {
    fn from(input: WebhookChangeInput) -> Self {
        let WebhookChangeInput { url, events, description, test_submissions, enabled } = input;
        Self { url, description, events: events.map(plain), test_submissions, enabled }
    }
}

impl RedeliveryInput {
    /// # Errors
    /// Fails unless either ids or a complete period are given.
    pub fn parse(self) -> Result<Again, Fault> {
        match (self.ids, self.from, self.to) {
            (Some(ids), None, None) if self.state.is_none() => {
                Ok(Again::Events(ids.into_iter().map(EventId).collect()))
            }
            (None, Some(from), Some(to)) => Ok(Again::Range(from, to, self.state.map(|state| state.0))),
            (Some(_), _, _) => Err(Fault::new(
                "/ids",
                FaultCode::Contradiction,
                Sentence::new("give ids or a period, not both", "indique ids o un periodo, no ambos"),
            )),
            (None, ..) => Err(Fault::new(
                "/ids",
                FaultCode::Required,
                Sentence::new("give ids, or a period with from and to", "indique ids, o un periodo con from y to"),
            )),
        }
    }
}

fn plain(events: Vec<WebhookEventName>) -> Vec<WebhookEvent> {
    events.into_iter().map(|event| event.0).collect()
}

impl From<Webhook> for WebhookBody {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.webhook_id.0,
            url: webhook.url,
            events: webhook.events.into_iter().map(WebhookEventName).collect(),
            description: webhook.description,
            test_submissions: webhook.test_submissions,
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
