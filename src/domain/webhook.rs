//! Webhook endpoints: where a clinic's own systems are told that something happened, and of what.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::audit::names;
use super::fault::{Fault, FaultCode};
use super::follow_up::FollowUp;
use super::ids::{EventId, SubjectId, WebhookId};

names! {
    /// What an endpoint can be told of.
    WebhookEvent:
    /// A submission was flagged: its case was opened, or joined.
    SubmissionFlagged = "submission.flagged",
    /// A follow-up is in another state.
    FollowUpStateChanged = "follow_up.state_changed",
    /// A person was erased.
    SubjectErased = "subject.erased",
    /// Another endpoint of the clinic was disabled by the service itself.
    WebhookDisabled = "webhook.disabled",
    /// An admin asked for a sign of life. It is sent to whichever endpoint was named, subscribed or not.
    Ping = "ping",
}

names! {
    /// Why nothing is sent to an endpoint.
    DisabledReason:
    /// An admin said so.
    Admin = "admin",
    /// It answered 410: it is gone for good.
    Gone = "gone",
    /// It answered with nothing but failures for days.
    Failing = "failing",
}

/// An endpoint, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What the clinic calls it.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Vec<WebhookEvent>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Until when the secret before the last rotation signs too.
    pub previous_secret_until: Option<Timestamp>,
    /// Since when every attempt has failed; `None` while the last one succeeded.
    pub failing_since: Option<Timestamp>,
    /// Since when nothing is sent to it, and why.
    pub disabled: Option<(Timestamp, DisabledReason)>,
}

/// What an endpoint is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDraft {
    /// Where it is.
    pub url: String,
    /// What the clinic calls it.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Vec<WebhookEvent>,
}

/// What is to change of an endpoint; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where it is.
    pub url: Option<String>,
    /// What the clinic calls it.
    pub description: Option<String>,
    /// What it is told of.
    pub events: Option<Vec<WebhookEvent>>,
    /// Whether anything is sent to it.
    pub enabled: Option<bool>,
}

/// Something that happened, on its way to whoever subscribed. Its data are ids, a state and an urgency, never more.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The event.
    pub event_id: EventId,
    /// What happened.
    pub kind: WebhookEvent,
    /// When.
    pub at: Timestamp,
    /// Whom it is about: erasing the person takes the event along.
    pub subject_id: Option<SubjectId>,
    /// What is told.
    pub data: Value,
}

impl WebhookChange {
    /// The endpoint as it is to be, whether anything is sent to it left aside.
    #[must_use]
    pub fn of(self, webhook: Webhook) -> WebhookDraft {
        WebhookDraft {
            url: self.url.unwrap_or(webhook.url),
            description: self.description.or(webhook.description),
            events: self.events.unwrap_or(webhook.events),
        }
    }
}

impl WebhookDraft {
    /// What is wrong with it, its address left aside.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.events.is_empty() {
            faults.push(Fault::new("/events", FaultCode::Required, "name at least one event"));
        }
        for (index, event) in self.events.iter().enumerate() {
            if self.events[..index].contains(event) {
                faults.push(Fault::new(format!("/events/{index}"), FaultCode::Duplicate, "stands twice"));
            }
        }
        if self.description.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            faults.push(Fault::new("/description", FaultCode::Text, "must hold no control character"));
        }
        faults
    }
}

impl Event {
    /// A case that is in another state.
    #[must_use]
    pub fn state_changed(event_id: EventId, case: &FollowUp, at: Timestamp) -> Self {
        let data = json!({
            "follow_up_id": case.follow_up_id, "subject_id": case.subject_id, "state": case.state.as_str(),
            "urgency": case.urgency.as_str(), "version": case.version,
        });
        Self { event_id, kind: WebhookEvent::FollowUpStateChanged, at, subject_id: Some(case.subject_id), data }
    }

    /// A person who was erased, with everybody merged into the person.
    #[must_use]
    pub fn erased(event_id: EventId, everybody: &[SubjectId], at: Timestamp) -> Self {
        let data = json!({"subject_ids": everybody});
        Self { event_id, kind: WebhookEvent::SubjectErased, at, subject_id: None, data }
    }

    /// An endpoint that the service disabled, and why.
    #[must_use]
    pub fn disabled(event_id: EventId, webhook_id: WebhookId, reason: DisabledReason, at: Timestamp) -> Self {
        let data = json!({"webhook_id": webhook_id, "reason": reason.as_str()});
        Self { event_id, kind: WebhookEvent::WebhookDisabled, at, subject_id: None, data }
    }

    /// A sign of life.
    #[must_use]
    pub fn ping(event_id: EventId, webhook_id: WebhookId, at: Timestamp) -> Self {
        Self { event_id, kind: WebhookEvent::Ping, at, subject_id: None, data: json!({"webhook_id": webhook_id}) }
    }

    /// What is sent, the same in every attempt.
    #[must_use]
    pub fn body(&self) -> String {
        json!({"type": self.kind.as_str(), "timestamp": self.at, "data": self.data}).to_string()
    }
}
