//! Follow-ups on the wire: a row of the worklist, one case, its history.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lists::SubmissionSummaryBody;
use super::subject::ContactBody;
use super::{
    BandName, ClosingOutcomeName, DiagnosisName, FollowUpEventName, FollowUpStateName, NotNeededReasonName, UrgencyName,
};
use crate::app::follow_ups::{Detail, Worklist};
use crate::domain::follow_up::{Closing, FollowUp, FollowUpEvent};
use crate::domain::subject::Contact;

/// A follow-up, as the worklist shows it and as every command answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FollowUp)]
pub struct FollowUpBody {
    /// Id of the follow-up.
    pub id: Uuid,
    /// Id of the person.
    pub subject_id: Uuid,
    /// Where it stands.
    pub state: FollowUpStateName,
    /// How soon to act.
    pub urgency: UrgencyName,
    /// The credential of whoever has it.
    #[schema(required)]
    pub assignee: Option<Uuid>,
    /// How often somebody tried to reach the person.
    #[schema(minimum = 0)]
    pub attempts: i16,
    /// How many appointments the person did not keep.
    #[schema(minimum = 0)]
    pub missed_appointments: i16,
    /// When its first submission was flagged.
    #[schema(value_type = String, format = DateTime)]
    pub flagged_at: Timestamp,
    /// When it should be done.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// Whether it should have been done and was not, when this was read or made.
    pub overdue: bool,
    /// The appointment that stands, or stood when the case was closed.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub appointment_at: Option<Timestamp>,
    /// How it ended, while it is closed.
    #[schema(required)]
    pub outcome: Option<ClosingOutcomeName>,
    /// Why there was nothing to follow up, where the outcome says so.
    #[schema(required)]
    pub reason: Option<NotNeededReasonName>,
    /// What the clinic's examination says, where the person attended and it is told.
    #[schema(required)]
    pub diagnosis: Option<DiagnosisName>,
    /// Grip strength measured then, grams.
    #[schema(required)]
    pub grip_strength_g: Option<i32>,
    /// Time for five chair stands measured then, milliseconds.
    #[schema(required)]
    pub five_chair_stands_ms: Option<i32>,
    /// When it was closed, while it is.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// The highest band that any of its submissions has reached for certain.
    pub band: BandName,
    /// The instruments on which any of its submissions is positive.
    pub positive_instruments: Vec<String>,
    /// When its last submission was received.
    #[schema(value_type = String, format = DateTime)]
    pub last_received_at: Timestamp,
    /// Counts its changes; the `ETag` is this number in quotes.
    #[schema(minimum = 1)]
    pub version: i32,
}

/// A follow-up with its submissions, and how to reach the person if that is allowed.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FollowUpDetail)]
pub struct FollowUpDetailBody {
    /// The follow-up.
    #[serde(flatten)]
    pub follow_up: FollowUpBody,
    /// Whether the person consented to be contacted and has not withdrawn that.
    pub contact_allowed: bool,
    /// How to reach the person; null unless contact is allowed and something is known.
    #[schema(required)]
    pub contact: Option<ContactBody>,
    /// Its submissions, oldest first, at most 200.
    pub submissions: Vec<SubmissionSummaryBody>,
}

/// A page of the worklist.
#[derive(Clone, Serialize, ToSchema)]
pub struct FollowUpPage {
    /// The items, in the list's order.
    pub items: Vec<FollowUpBody>,
    /// Hand it back as `cursor` for the next page; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// About how many cases pass the filter, from the database's statistics; null unless `estimate` asks for it.
    #[schema(required, minimum = 0)]
    pub estimated_total: Option<u64>,
}

/// One version of a follow-up, with what made it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FollowUpEvent)]
pub struct FollowUpEventBody {
    /// Which version.
    #[schema(minimum = 1)]
    pub version: i32,
    /// What was done.
    pub command: FollowUpEventName,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who did it; null where an upgrade of the service made the version.
    #[schema(required)]
    pub by: Option<ByBody>,
    /// The submission that opened the case or joined it.
    #[schema(required)]
    pub submission_id: Option<Uuid>,
    /// Whether the person was reached; null for anything but an attempt.
    #[schema(required)]
    pub reached: Option<bool>,
    /// What was written down with it.
    #[schema(required)]
    pub note: Option<String>,
    /// The case as it stood afterwards.
    pub after: FollowUpBody,
}

/// Who did something.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = By)]
pub struct ByBody {
    /// Id of the credential.
    pub credential_id: Uuid,
    /// The person or system that the credential was given to.
    #[schema(required)]
    pub display_name: Option<String>,
}

/// The history of a follow-up, oldest version first: the latest 1,000 where there are more.
#[derive(Clone, Serialize, ToSchema)]
pub struct FollowUpHistory {
    /// The versions.
    pub items: Vec<FollowUpEventBody>,
}

impl FollowUpBody {
    /// Renders a case as of a time.
    #[must_use]
    pub fn of(case: FollowUp, now: Timestamp) -> Self {
        let closing = case.closed.map(|closed| closed.closing);
        let (mut body_reason, mut found) = (None, (None, None, None));
        match closing {
            Some(Closing::NotNeeded(reason)) => body_reason = Some(NotNeededReasonName(reason)),
            Some(Closing::Attended { diagnosis, grip_strength_g, five_chair_stands_ms }) => {
                found = (diagnosis.map(DiagnosisName), grip_strength_g, five_chair_stands_ms);
            }
            Some(Closing::Declined | Closing::Unreachable) | None => {}
        }
        Self {
            overdue: case.overdue(now),
            id: case.follow_up_id.0,
            subject_id: case.subject_id.0,
            state: FollowUpStateName(case.state),
            urgency: UrgencyName(case.urgency),
            assignee: case.assignee.map(|id| id.0),
            attempts: case.attempts,
            missed_appointments: case.missed_appointments,
            flagged_at: case.flagged_at,
            due_at: case.due_at,
            appointment_at: case.appointment_at,
            outcome: closing.map(|closing| ClosingOutcomeName(closing.outcome())),
            reason: body_reason,
            diagnosis: found.0,
            grip_strength_g: found.1,
            five_chair_stands_ms: found.2,
            closed_at: case.closed.map(|closed| closed.at),
            band: BandName(case.band),
            positive_instruments: case.positive_instruments,
            last_received_at: case.last_received_at,
            version: case.version,
        }
    }
}

impl From<Detail> for FollowUpDetailBody {
    fn from(detail: Detail) -> Self {
        Self {
            contact_allowed: detail.contact.is_some(),
            contact: detail.contact.filter(|contact| *contact != Contact::default()).map(ContactBody::from),
            submissions: detail.submissions.into_iter().map(SubmissionSummaryBody::from).collect(),
            follow_up: FollowUpBody::of(detail.follow_up, detail.at),
        }
    }
}

impl From<FollowUpEvent> for FollowUpEventBody {
    fn from(event: FollowUpEvent) -> Self {
        Self {
            version: event.after.version,
            command: FollowUpEventName(event.kind),
            at: event.at,
            by: event.by.map(|id| ByBody { credential_id: id.0, display_name: event.by_name }),
            submission_id: event.submission_id.map(|id| id.0),
            reached: event.reached,
            note: event.note,
            after: FollowUpBody::of(event.after, event.at),
        }
    }
}

impl FollowUpPage {
    /// Renders a page.
    #[must_use]
    pub fn of(worklist: Worklist) -> Self {
        let Worklist { page, estimated_total, at } = worklist;
        let items = page.items.into_iter().map(|case| FollowUpBody::of(case, at)).collect();
        Self { items, next_cursor: page.next_cursor, estimated_total }
    }
}
