//! Rows of the database as validated domain values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::access::actor::Role;
use super::follow_ups::{ClosingOutcome, StateName, Urgency};
use super::ids::{ClinicId, CredentialId, FollowUpId, SenderId, SubjectId, SubmissionId};
use super::language::Language;
use super::screening::answers::Answers;
use super::screening::assessment::{Assessment, Score};
use super::screening::instrument::Outcome;
use super::screening::red_flag::CareLevel;
use super::screening::rule_table::Band;
use super::subjects::{Consent, Contact};
use super::submissions::{ExternalSource, Origin, PathwayId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clinic {
    pub clinic_id: ClinicId,
    pub name: String,
    /// The URL where a consultation is booked.
    pub booking_url: String,
    /// The number to call in an emergency.
    pub emergency_number: String,
    /// The language of requests that name none.
    pub language: Language,
    /// The pathways of requests that name none.
    pub pathways: Vec<PathwayId>,
    /// The languages that the clinic supports.
    pub languages: Vec<Language>,
    /// Whether all access to the clinic is blocked.
    pub suspended: bool,
    /// The hours within which follow-ups are due.
    pub due: DueHours,
    /// How many days submissions are kept; `None` until they are erased.
    pub retention_days: Option<u32>,
    /// How many years audit entries are kept; `None` without limit.
    pub audit_retention_years: Option<u32>,
}

/// The hours within which a follow-up of each urgency is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueHours {
    pub today: u16,
    pub this_week: u16,
    pub routine: u16,
}

impl DueHours {
    /// The service's suggestion; it has no published source.
    pub const SUGGESTED: Self = Self { today: 24, this_week: 168, routine: 720 };

    #[must_use]
    pub const fn of(self, urgency: Urgency) -> u16 {
        match urgency {
            Urgency::Today => self.today,
            Urgency::ThisWeek => self.this_week,
            Urgency::Routine => self.routine,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub clinic_id: ClinicId,
    pub credential_id: CredentialId,
    /// The sender that owns its records: its own id, or the id of the first credential that it replaces.
    pub sender_id: SenderId,
    pub role: Role,
    /// The person or system that received it.
    pub display_name: String,
    /// The prefix of the key, which identifies it; `None` for a person who signs in with tokens.
    pub prefix: Option<String>,
    /// The web origins that may send the key. If empty, the key is not bound to any.
    pub origins: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// Until when the key before the last rotation is valid.
    pub previous_key_until: Option<Timestamp>,
}

/// The follow-up that a submission opened or joined, as of that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUpLink {
    pub follow_up_id: FollowUpId,
    /// The state when the submission was stored.
    pub state: StateName,
    /// The urgency when the submission was stored.
    pub urgency: Urgency,
    /// Whether the follow-up was already open.
    pub joined: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSubmission {
    pub submission_id: SubmissionId,
    pub subject_id: SubjectId,
    pub credential_id: CredentialId,
    pub origin: Origin,
    pub received_at: Timestamp,
    /// When the questions were answered; `None` if not stated.
    pub answered_at: Option<Timestamp>,
    /// Whether it is history from another system; such a submission opens no follow-up.
    pub imported: bool,
    /// The language of its outcome.
    pub language: Language,
    /// The record in another system.
    pub source: Option<ExternalSource>,
    /// The pathway asked for instead of the clinic's.
    pub pathway: Option<PathwayId>,
    /// The submission it corrects.
    pub supersedes: Option<SubmissionId>,
    /// The latest submission that corrects it.
    pub superseded_by: Option<SubmissionId>,
    pub answers: Answers,
    pub assessment: Assessment,
    /// The follow-up that it opened or joined.
    pub follow_up: Option<FollowUpLink>,
}

/// A submission as an entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionSummary {
    pub submission_id: SubmissionId,
    pub subject_id: SubjectId,
    pub origin: Origin,
    pub received_at: Timestamp,
    /// Whether it is history from another system; such a submission opens no follow-up.
    pub imported: bool,
    /// The version of the rule table.
    pub rule_table: String,
    /// The service's own total, with bounds.
    pub score: Score,
    /// The band of the lower bound.
    pub band_at_least: Band,
    /// The band of the upper bound.
    pub band_at_most: Band,
    /// How soon the person should be seen.
    pub care_level: Option<CareLevel>,
    pub flagged: bool,
    pub follow_up_id: Option<FollowUpId>,
}

/// A subject with decrypted contact data.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    pub subject_id: SubjectId,
    /// The clinic's reference.
    pub reference: Option<String>,
    pub contact: Contact,
    pub consent: Option<Consent>,
    pub created_at: Timestamp,
    /// Incremented by each change of contact data or consent and by each merge.
    pub version: i32,
    /// The subject that this one was merged into.
    pub merged_into: Option<SubjectId>,
}

/// Filter of a list of submissions; absent fields do not restrict it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmissionFilter {
    /// Only flagged submissions, or only those that are not.
    pub flagged: Option<bool>,
    /// Only history from other systems, or only submissions that are not.
    pub imported: Option<bool>,
    /// Only submissions settled in this band.
    pub band: Option<Band>,
    /// Only submissions whose own total is at least this.
    pub min_score: Option<i16>,
    pub finding: Option<String>,
    /// Only submissions with this instrument positive.
    pub instrument_positive: Option<String>,
    /// Received at or after this time.
    pub received_from: Option<Timestamp>,
    /// Received before this time.
    pub received_to: Option<Timestamp>,
    pub subject_id: Option<SubjectId>,
}

/// Filter of the worklist; absent fields do not restrict it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowUpFilter {
    /// Only follow-ups in one of these states; if empty, all that are not closed.
    pub states: Vec<StateName>,
    /// Of closed follow-ups only those with one of these outcomes; if empty, all.
    pub outcomes: Vec<ClosingOutcome>,
    pub urgency: Option<Urgency>,
    /// Only follow-ups of this assignee, or without one.
    pub assignee: Option<Assignee>,
    /// Only overdue follow-ups, or only those that are not.
    pub overdue: Option<bool>,
    /// Only follow-ups whose highest band is this one.
    pub band: Option<Band>,
    /// Only follow-ups with this finding in one of their submissions.
    pub finding: Option<String>,
    /// Only follow-ups with this instrument positive in one of their submissions.
    pub instrument_positive: Option<String>,
    /// Only follow-ups whose last submission was received at or after this time.
    pub received_from: Option<Timestamp>,
    /// Only follow-ups whose last submission was received before this time.
    pub received_to: Option<Timestamp>,
    /// Only follow-ups due at or after this time.
    pub due_from: Option<Timestamp>,
    /// Only follow-ups due before this time.
    pub due_to: Option<Timestamp>,
    /// Only follow-ups last changed at or after this time.
    pub changed_from: Option<Timestamp>,
    /// Only follow-ups last changed before this time.
    pub changed_to: Option<Timestamp>,
    pub subject_id: Option<SubjectId>,
    pub follow_up_id: Option<FollowUpId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// Follow-ups without an assignee.
    Nobody,
    /// Follow-ups assigned to this credential.
    Credential(CredentialId),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpOrder {
    /// The most urgent first, then the oldest.
    #[default]
    Urgency,
    Oldest,
    /// The earliest due time first.
    Due,
}

/// The requested page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The maximum number of items.
    pub limit: u16,
    /// The cursor that the previous page returned.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last page.
    pub next_cursor: Option<String>,
}

/// The result of storing a submission.
#[derive(Clone, Debug)]
pub enum Stored {
    Created(Box<StoredSubmission>),
    /// The key was used before for the same body; this is the submission stored then.
    Replayed(Box<StoredSubmission>),
    /// The key was used before for a different body.
    KeyReused,
}

impl Subject {
    /// Whether the person consented to be contacted. Without consent, contact data is never shown.
    #[must_use]
    pub fn may_be_contacted(&self) -> bool {
        self.consent.as_ref().is_some_and(|consent| consent.to_contact)
    }

    /// The subject as shown to staff: contact data only with consent.
    #[must_use]
    pub fn shown(self) -> Self {
        let contact = if self.may_be_contacted() { self.contact.clone() } else { Contact::default() };
        Self { contact, ..self }
    }
}

impl FollowUpOrder {
    pub const ALL: [Self; 3] = [Self::Urgency, Self::Oldest, Self::Due];
}

impl StoredSubmission {
    /// When the questions were answered; the time of receipt if not stated.
    #[must_use]
    pub fn answered(&self) -> Timestamp {
        self.answered_at.unwrap_or(self.received_at)
    }

    /// The ids of the positive instruments.
    pub fn positive_instruments(assessment: &Assessment) -> impl Iterator<Item = &str> {
        let positive = assessment.instruments.iter().filter(|result| result.outcome == Outcome::Positive);
        positive.map(|result| &*result.instrument)
    }
}

impl From<&StoredSubmission> for SubmissionSummary {
    fn from(stored: &StoredSubmission) -> Self {
        let assessment = &stored.assessment;
        Self {
            submission_id: stored.submission_id,
            subject_id: stored.subject_id,
            origin: stored.origin,
            received_at: stored.received_at,
            imported: stored.imported,
            rule_table: assessment.rule_table.to_string(),
            score: assessment.score,
            band_at_least: assessment.band_at_least,
            band_at_most: assessment.band_at_most,
            care_level: assessment.care_level,
            flagged: assessment.flagged(),
            follow_up_id: stored.follow_up.map(|link| link.follow_up_id),
        }
    }
}
