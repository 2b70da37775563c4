//! Webhook endpoints: the URLs of a clinic's own systems that receive events.

pub mod delivery;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fault::{Fault, FaultCode, Sentence};
use super::follow_ups::{Change, EventKind};
use super::ids::{EventId, SubjectId, SubmissionId, WebhookId};
use super::names::names;

names! {
    pub enum WebhookEvent {
        /// A submission was flagged: its follow-up was opened or joined.
        SubmissionFlagged = "submission.flagged",
        /// A submission of an open follow-up was corrected.
        SubmissionCorrected = "submission.corrected",
        FollowUpStateChanged = "follow_up.state_changed",
        SubmissionErased = "submission.erased",
        SubjectErased = "subject.erased",
        /// The service disabled another endpoint of the clinic.
        WebhookDisabled = "webhook.disabled",
        /// A test event requested by an admin. It is sent to the named endpoint, whether or not that is subscribed.
        Ping = "ping",
    }

    pub enum DisabledReason {
        Admin = "admin",
        /// It returned 410.
        Gone = "gone",
        Failing = "failing",
    }
}

/// An endpoint, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub webhook_id: WebhookId,
    pub url: String,
    pub description: Option<String>,
    pub events: Vec<WebhookEvent>,
    /// Whether flagged tests are sent too.
    pub test_submissions: bool,
    pub created_at: Timestamp,
    /// Until when the secret before the last rotation also signs.
    pub previous_secret_until: Option<Timestamp>,
    /// Since when every attempt has failed; `None` while the last one succeeded.
    pub failing_since: Option<Timestamp>,
    /// Since when it is disabled, and why; `None` while enabled.
    pub disabled: Option<(Timestamp, DisabledReason)>,
}

/// The settings of an endpoint to be created or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDraft {
    pub url: String,
    pub description: Option<String>,
    pub events: Vec<WebhookEvent>,
    /// Whether flagged tests are sent too.
    pub test_submissions: bool,
}

/// A change of an endpoint; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub events: Option<Vec<WebhookEvent>>,
    pub test_submissions: Option<bool>,
    pub enabled: Option<bool>,
}

/// An event to be delivered to the subscribed endpoints. Its data are ids, a state, an urgency, whether a follow-up is
/// flagged, whether it is about a test, a version or a reason, never more.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub event_id: EventId,
    pub kind: WebhookEvent,
    pub at: Timestamp,
    /// The subject of the event. Erasing the subject also deletes the event.
    pub subject_id: Option<SubjectId>,
    pub data: Value,
}

impl WebhookChange {
    /// The settings after the change, apart from `enabled`.
    pub fn apply_to(self, webhook: Webhook) -> WebhookDraft {
        WebhookDraft {
            url: self.url.unwrap_or(webhook.url),
            description: self.description.or(webhook.description),
            events: self.events.unwrap_or(webhook.events),
            test_submissions: self.test_submissions.unwrap_or(webhook.test_submissions),
        }
    }
}

impl WebhookDraft {
    /// The faults of the draft, apart from those of its URL.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.events.is_empty() {
            faults.push(Fault::new(
                "/events",
                FaultCode::Required,
                Sentence::new("name at least one event", "indique al menos un evento"),
            ));
        }
        for (index, event) in self.events.iter().enumerate() {
            if self.events[..index].contains(event) {
                faults.push(Fault::new(
                    format!("/events/{index}"),
                    FaultCode::Duplicate,
                    Sentence::new(
                        "the event is repeated; send it once",
                        "el evento está repetido; envíelo una sola vez",
                    ),
                ));
            }
        }
        if self.description.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            faults.push(Fault::new(
                "/description",
                FaultCode::Text,
                Sentence::new("must not contain control characters", "no debe contener caracteres de control"),
            ));
        }
        faults
    }
}

impl Event {
    /// The event of a change of a follow-up: a submission was flagged or corrected, or the state changed. Other changes have
    /// none.
    pub fn of_change(event_id: EventId, change: &Change) -> Option<Self> {
        let case = &change.after;
        let (state, urgency) = (case.state.name().as_str(), case.urgency.as_str());
        let (kind, data) = match change.submission_id {
            Some(submission_id) => {
                let mut data = json!({
                    "submission_id": submission_id, "subject_id": case.subject_id, "follow_up_id": case.follow_up_id,
                    "state": state, "urgency": urgency,
                });
                if let Some(supersedes) = change.supersedes {
                    data["supersedes"] = json!(supersedes);
                }
                if change.kind == EventKind::Correct {
                    data["flagged"] = case.flagged.into();
                    (WebhookEvent::SubmissionCorrected, data)
                } else {
                    data["test"] = false.into();
                    (WebhookEvent::SubmissionFlagged, data)
                }
            }
            None if change.moved => (
                WebhookEvent::FollowUpStateChanged,
                json!({
                    "follow_up_id": case.follow_up_id, "subject_id": case.subject_id, "state": state, "urgency": urgency,
                    "version": case.version,
                }),
            ),
            None => return None,
        };
        Some(Self { event_id, kind, at: change.at, subject_id: Some(case.subject_id), data })
    }

    /// A test was flagged. It has no follow-up; the urgency is the one that a follow-up would have had.
    pub fn flagged_test(
        submission_id: SubmissionId,
        subject_id: SubjectId,
        urgency: &'static str,
        at: Timestamp,
    ) -> Self {
        let data = json!({
            "submission_id": submission_id, "subject_id": subject_id, "follow_up_id": null, "state": null,
            "urgency": urgency, "test": true,
        });
        let (event_id, kind) = (EventId(submission_id.0), WebhookEvent::SubmissionFlagged);
        Self { event_id, kind, at, subject_id: Some(subject_id), data }
    }

    /// A single submission was erased. Erasing its subject also deletes this event.
    pub fn submission_erased(
        event_id: EventId,
        submission_id: SubmissionId,
        subject_id: SubjectId,
        at: Timestamp,
    ) -> Self {
        let data = json!({"submission_id": submission_id, "subject_id": subject_id});
        Self { event_id, kind: WebhookEvent::SubmissionErased, at, subject_id: Some(subject_id), data }
    }

    /// A subject was erased, with every subject merged into it.
    pub fn erased(event_id: EventId, subject_ids: &[SubjectId], at: Timestamp) -> Self {
        let data = json!({"subject_ids": subject_ids});
        Self { event_id, kind: WebhookEvent::SubjectErased, at, subject_id: None, data }
    }

    pub fn disabled(event_id: EventId, webhook_id: WebhookId, reason: DisabledReason, at: Timestamp) -> Self {
        let data = json!({"webhook_id": webhook_id, "reason": reason.as_str()});
        Self { event_id, kind: WebhookEvent::WebhookDisabled, at, subject_id: None, data }
    }

    pub fn ping(event_id: EventId, webhook_id: WebhookId, at: Timestamp) -> Self {
        Self { event_id, kind: WebhookEvent::Ping, at, subject_id: None, data: json!({"webhook_id": webhook_id}) }
    }

    /// The body of a delivery, the same in every attempt.
    pub fn body(&self) -> String {
        json!({"type": self.kind.as_str(), "timestamp": self.at, "data": self.data}).to_string()
    }
}
