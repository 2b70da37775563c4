//! Follow-ups in the API: a row of the worklist, one follow-up, its history.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::follow_ups::{Detail, Worklist};
use crate::domain::follow_ups::{Closing, FollowUp, FollowUpEvent};
use crate::domain::language::Language;
use crate::domain::screening::assessment::FlagReason;
use crate::domain::subjects::{Contact, Reference};
use crate::domain::submissions::worklist::Entry;
use crate::http::kernel::names::{
    BandName, CareLevelName, ChannelName, ClosingOutcomeName, DiagnosisName, FlagKindName, FollowUpEventName,
    FollowUpStateName, LanguageName, NotNeededReasonName, OriginName, UrgencyName,
};
use crate::http::kernel::problem::ByBody;
use crate::http::kernel::wording::Wording;
use crate::http::v1::contact::ContactBody;
use crate::http::v1::submission_summary::SubmissionSummaryBody;

/// A follow-up as returned by the worklist and by every command.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FollowUp)]
pub struct FollowUpBody {
    /// Id of the follow-up.
    pub id: Uuid,
    /// Id of the subject.
    pub subject_id: Uuid,
    /// State of the follow-up.
    pub state: FollowUpStateName,
    /// How urgent the follow-up is.
    pub urgency: UrgencyName,
    /// Id of the credential that the follow-up is assigned to.
    pub assignee: Option<Uuid>,
    /// Number of attempts to reach the person.
    #[schema(minimum = 0)]
    pub attempts: i16,
    /// Number of appointments that the person did not keep.
    #[schema(minimum = 0)]
    pub missed_appointments: i16,
    /// When the first submission of the follow-up was flagged.
    pub flagged_at: Timestamp,
    /// When the follow-up is due.
    pub due_at: Timestamp,
    /// Whether the follow-up was past its due time when this was read or made.
    pub overdue: bool,
    /// The current appointment; for a closed follow-up, the one at the time of closing.
    pub appointment_at: Option<Timestamp>,
    /// How the follow-up ended; null unless it is closed.
    pub outcome: Option<ClosingOutcomeName>,
    /// Why no follow-up was needed; null unless that is the outcome.
    pub not_needed_reason: Option<NotNeededReasonName>,
    /// Diagnosis from the clinic's examination; null unless the person attended and it was recorded.
    pub diagnosis: Option<DiagnosisName>,
    /// Grip strength measured at the examination, kilograms.
    pub grip_strength_kg: Option<f64>,
    /// Time for five chair stands measured at the examination, seconds.
    pub five_chair_stands_s: Option<f64>,
    /// When the follow-up was closed; null unless it is closed.
    pub closed_at: Option<Timestamp>,
    /// The highest band that any of its submissions has certainly reached.
    pub band: BandName,
    /// The instruments on which any of its submissions is positive.
    pub positive_instruments: Vec<String>,
    /// Whether any of its submissions is flagged. A corrected submission does not count: its correction does. False only after a
    /// correction; close the follow-up then, because nothing closes by itself.
    pub flagged: bool,
    /// When the last correction of one of its submissions was received; null if none was corrected.
    pub corrected_at: Option<Timestamp>,
    /// When the last submission of the follow-up was received.
    pub last_received_at: Timestamp,
    /// Change counter; the `ETag` is this number in quotes.
    #[schema(minimum = 1)]
    pub version: i32,
}

/// A follow-up with its submissions and, if contact is allowed, the contact data.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FollowUpDetail)]
pub struct FollowUpDetailBody {
    /// The follow-up.
    #[serde(flatten)]
    pub follow_up: FollowUpBody,
    /// Whether the person consented to be contacted and has not withdrawn the consent.
    pub contact_allowed: bool,
    /// Contact data; null unless contact is allowed and something is known.
    pub contact: Option<ContactBody>,
    /// Submissions of the follow-up, oldest first, at most 200.
    pub submissions: Vec<SubmissionSummaryBody>,
}

/// A follow-up in the worklist: who the person is, and why to call.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = WorklistItem)]
pub struct WorklistItemBody {
    /// The follow-up.
    #[serde(flatten)]
    pub follow_up: FollowUpBody,
    /// The reference of the person.
    pub reference: Option<String>,
    /// The system that assigned the reference; null for the clinic itself.
    pub reference_system: Option<String>,
    /// Whether the person consented to be contacted and has not withdrawn the consent.
    pub contact_allowed: bool,
    /// The person's name; null without consent to contact.
    pub name: Option<String>,
    /// The preferred channel of contact; null without consent to contact.
    pub channel: Option<ChannelName>,
    /// The preferred language of contact; if unknown, the language of the latest answers.
    pub language: Option<LanguageName>,
    /// The age of the latest answers, by ten years, such as `70-79`.
    pub age_band: Option<String>,
    /// Origin of the latest submission.
    pub origin: Option<OriginName>,
    /// The highest care level of the submissions that count.
    pub care_level: Option<CareLevelName>,
    /// Why the submissions were flagged, those of the latest first, without submissions that another one corrects.
    pub reasons: Vec<ReasonBody>,
    /// The person that the follow-up is assigned to.
    pub assignee_name: Option<String>,
}

/// Why a follow-up exists.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = FollowUpReason)]
pub struct ReasonBody {
    /// What flagged the answers.
    pub kind: FlagKindName,
    /// Id of the band, instrument, pathway, red flag or item.
    pub id: String,
    /// The reason in words: the alarm, the name of the instrument or pathway, the band, or the missing item.
    pub text: String,
}

/// A page of the worklist.
#[derive(Clone, Serialize, ToSchema)]
pub struct FollowUpPage {
    /// The items, in the list's order.
    pub items: Vec<WorklistItemBody>,
    /// Pass it as `cursor` to get the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// Approximate number of matching follow-ups; null unless `estimate` is set and the database has statistics.
    #[schema(minimum = 0)]
    pub estimated_total: Option<u64>,
}

/// How many follow-ups changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = FollowUpChanges)]
pub struct FollowUpChangesBody {
    /// Number of follow-ups whose last change is at or after the given time; at most 1,000.
    #[schema(minimum = 0, maximum = 1000)]
    pub count: i64,
    /// When the latest of them changed; null if there is none.
    pub latest_at: Option<Timestamp>,
}

/// One version of a follow-up, with the change that made it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = FollowUpEvent)]
pub struct FollowUpEventBody {
    /// Version number.
    #[schema(minimum = 1)]
    pub version: i32,
    /// The command or event that made the version.
    pub command: FollowUpEventName,
    /// When the version was made.
    pub at: Timestamp,
    /// Who made it; null if an upgrade of the service made the version.
    pub by: Option<ByBody>,
    /// The submission that opened, joined or corrected the follow-up.
    pub submission_id: Option<Uuid>,
    /// Whether the person was reached; null unless this is an attempt.
    pub reached: Option<bool>,
    /// Note recorded with the change.
    pub note: Option<String>,
    /// The follow-up after the change.
    pub after: FollowUpBody,
}

/// The history of a follow-up, oldest version first; only the latest 1,000 versions if there are more.
#[derive(Clone, Serialize, ToSchema)]
pub struct FollowUpHistory {
    /// The versions.
    pub items: Vec<FollowUpEventBody>,
}

/// Ten years with this age, such as `70-79`.
fn age_band(age: i32) -> String {
    let first = age / 10 * 10;
    format!("{first}-{}", first + 9)
}

/// Grams as kilograms, or milliseconds as seconds.
fn from_thousandths(count: i32) -> f64 {
    f64::from(count) / 1000.0
}

impl FollowUpBody {
    pub fn new(case: FollowUp, now: Timestamp) -> Self {
        let closing = case.state.closed().map(|(closing, _)| closing);
        let (diagnosis, grip_strength_g, five_chair_stands_ms) = closing.map_or((None, None, None), Closing::results);
        Self {
            overdue: case.overdue(now),
            id: case.follow_up_id.0,
            subject_id: case.subject_id.0,
            state: FollowUpStateName(case.state.name()),
            urgency: UrgencyName(case.urgency),
            assignee: case.state.assignee().map(|id| id.0),
            attempts: case.attempts,
            missed_appointments: case.missed_appointments,
            flagged_at: case.flagged_at,
            due_at: case.due_at,
            appointment_at: case.state.appointment_at(),
            outcome: closing.map(|closing| ClosingOutcomeName(closing.outcome())),
            not_needed_reason: closing.and_then(Closing::reason).map(NotNeededReasonName),
            diagnosis: diagnosis.map(DiagnosisName),
            grip_strength_kg: grip_strength_g.map(from_thousandths),
            five_chair_stands_s: five_chair_stands_ms.map(from_thousandths),
            closed_at: case.state.closed().map(|(_, at)| at),
            band: BandName(case.band),
            positive_instruments: case.positive_instruments,
            flagged: case.flagged,
            corrected_at: case.corrected_at,
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
            follow_up: FollowUpBody::new(detail.follow_up, detail.at),
        }
    }
}

impl From<FollowUpEvent> for FollowUpEventBody {
    fn from(event: FollowUpEvent) -> Self {
        Self {
            version: event.after.version,
            command: FollowUpEventName(event.kind),
            at: event.at,
            by: event.by.map(|id| ByBody::new(id, event.by_name)),
            submission_id: event.submission_id.map(|id| id.0),
            reached: event.reached,
            note: event.note,
            after: FollowUpBody::new(event.after, event.at),
        }
    }
}

impl FollowUpPage {
    /// The page with texts in a language.
    pub fn new(worklist: Worklist, language: Language) -> Self {
        let Worklist { page, rule_tables, estimated_total, at } = worklist;
        let text = |(version, reason): (&str, &FlagReason)| {
            let table = rule_tables.get(version).map(|release| &release.table);
            let text = table.map_or("", |table| Wording { table, language }.flag_reason(reason));
            ReasonBody { kind: FlagKindName(reason.kind), id: reason.id.to_string(), text: text.to_owned() }
        };
        let item = |entry: Entry| WorklistItemBody {
            contact_allowed: entry.contact.is_some(),
            channel: entry.contact.as_ref().and_then(|contact| contact.channel).map(ChannelName),
            language: entry.language().map(LanguageName),
            age_band: entry.latest().and_then(|cause| cause.age).map(age_band),
            origin: entry.latest().map(|cause| OriginName(cause.origin)),
            care_level: entry.care_level().map(CareLevelName),
            reasons: entry.reasons().into_iter().map(text).collect(),
            reference_system: entry.reference.as_ref().and_then(Reference::system).map(str::to_owned),
            reference: entry.reference.as_ref().map(|reference| reference.value().to_owned()),
            name: entry.contact.and_then(|contact| contact.name),
            assignee_name: entry.assignee_name,
            follow_up: FollowUpBody::new(entry.follow_up, at),
        };
        Self { items: page.items.into_iter().map(item).collect(), next_cursor: page.next_cursor, estimated_total }
    }
}
