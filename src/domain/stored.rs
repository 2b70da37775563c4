//! What the store hands back: rows as domain values, checked on the way up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::actor::Role;
use super::answers::Answers;
use super::assessment::{Assessment, Score};
use super::follow_up::{ClosingOutcome, FollowUpState, Urgency};
use super::ids::{ClinicId, CredentialId, FollowUpId, SenderId, SubjectId, SubmissionId};
use super::instrument::Outcome;
use super::language::Language;
use super::red_flag::CareLevel;
use super::rule_table::Band;
use super::subject::{Consent, Contact};
use super::submission::{ExternalSource, Origin, PathwayId};

/// A clinic and what its people are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clinic {
    /// The clinic's id.
    pub clinic_id: ClinicId,
    /// Its name.
    pub name: String,
    /// Where a consultation is booked.
    pub booking_url: String,
    /// The number to call in an emergency.
    pub emergency_number: String,
    /// The language used where a request asks for none.
    pub language: Language,
    /// The pathways followed where a request asks for none.
    pub pathways: Vec<PathwayId>,
    /// The languages it speaks.
    pub languages: Vec<Language>,
    /// Whether it lets nobody in.
    pub suspended: bool,
    /// How soon cases are due.
    pub due: DueHours,
    /// How many days it keeps submissions; `None` until somebody erases them.
    pub retention_days: Option<u32>,
    /// How many years it keeps its audit log; `None` keeps all of it.
    pub audit_retention_years: Option<u32>,
}

/// Within how many hours a case of each urgency is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueHours {
    /// A case for today.
    pub today: u16,
    /// A case for this week.
    pub this_week: u16,
    /// A routine case.
    pub routine: u16,
}

impl DueHours {
    /// The service's suggestion; no source states one.
    pub const SUGGESTED: Self = Self { today: 24, this_week: 168, routine: 720 };

    /// The hours of an urgency.
    #[must_use]
    pub const fn of(self, urgency: Urgency) -> u16 {
        match urgency {
            Urgency::Today => self.today,
            Urgency::ThisWeek => self.this_week,
            Urgency::Routine => self.routine,
        }
    }
}

/// A credential, without its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The clinic it belongs to.
    pub clinic_id: ClinicId,
    /// Its id.
    pub credential_id: CredentialId,
    /// Whose records it makes: its own id, or that of the first credential that it replaces.
    pub sender_id: SenderId,
    /// What it may do.
    pub role: Role,
    /// The person or system it was given to.
    pub display_name: String,
    /// The part of the key that finds it; `None` for a person who signs in with tokens.
    pub prefix: Option<String>,
    /// The web sites that may send the key; none binds it to none.
    pub origins: Vec<String>,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Until when the key before the last rotation works.
    pub previous_key_until: Option<Timestamp>,
}

/// The case that a submission opened or joined, as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUpLink {
    /// The case.
    pub follow_up_id: FollowUpId,
    /// Its state when the submission was stored.
    pub state: FollowUpState,
    /// Its urgency when the submission was stored.
    pub urgency: Urgency,
    /// Whether the case was already open.
    pub joined: bool,
}

/// A stored submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSubmission {
    /// Its id.
    pub submission_id: SubmissionId,
    /// The person.
    pub subject_id: SubjectId,
    /// The credential that submitted it.
    pub credential_id: CredentialId,
    /// Where it came from.
    pub origin: Origin,
    /// When it was received.
    pub received_at: Timestamp,
    /// When the questions were answered.
    pub answered_at: Option<Timestamp>,
    /// Whether it is history of another system, which opened no case.
    pub imported: bool,
    /// The language of its outcome.
    pub language: Language,
    /// The record in another system.
    pub source: Option<ExternalSource>,
    /// The pathway asked for.
    pub pathway: Option<PathwayId>,
    /// The submission it corrects.
    pub supersedes: Option<SubmissionId>,
    /// The latest submission that corrects it.
    pub superseded_by: Option<SubmissionId>,
    /// The answers.
    pub answers: Answers,
    /// The assessment.
    pub assessment: Assessment,
    /// The case it opened or joined.
    pub follow_up: Option<FollowUpLink>,
}

/// A submission as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionSummary {
    /// Its id.
    pub submission_id: SubmissionId,
    /// The person.
    pub subject_id: SubjectId,
    /// Where it came from.
    pub origin: Origin,
    /// When it was received.
    pub received_at: Timestamp,
    /// Whether it is history of another system, which opened no case.
    pub imported: bool,
    /// The version of the rule table.
    pub rule_table: String,
    /// The own total with its bounds.
    pub score: Score,
    /// The band of the lower bound.
    pub band_at_least: Band,
    /// The band of the upper bound.
    pub band_at_most: Band,
    /// How soon to be seen.
    pub care_level: Option<CareLevel>,
    /// Whether it is flagged.
    pub flagged: bool,
    /// The case.
    pub follow_up_id: Option<FollowUpId>,
}

/// A person, opened for staff.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// The person's id.
    pub subject_id: SubjectId,
    /// The clinic's reference.
    pub reference: Option<String>,
    /// Contact data.
    pub contact: Contact,
    /// Consent.
    pub consent: Option<Consent>,
    /// When the person was first seen.
    pub created_at: Timestamp,
    /// Counts the changes of contact data, consent and merges.
    pub version: i32,
    /// The person that this one was found to be.
    pub merged_into: Option<SubjectId>,
}

/// Which submissions a list shows; each part that is absent does not narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmissionFilter {
    /// Only flagged ones, or only others.
    pub flagged: Option<bool>,
    /// Only history of another system, or only others.
    pub imported: Option<bool>,
    /// Only those whose band is settled as this one.
    pub band: Option<Band>,
    /// Only those whose own total is at least this.
    pub min_score: Option<i16>,
    /// Only those with this finding.
    pub finding: Option<String>,
    /// Only those on which this instrument is positive.
    pub instrument_positive: Option<String>,
    /// Received at or after.
    pub received_from: Option<Timestamp>,
    /// Received before.
    pub received_to: Option<Timestamp>,
    /// Only those of this person.
    pub subject_id: Option<SubjectId>,
}

/// Which follow-ups the worklist shows; each part that is absent does not narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowUpFilter {
    /// Only cases in one of these states; without any, every case that is not closed.
    pub states: Vec<FollowUpState>,
    /// Of closed cases only those that ended in one of these ways; without any, every one.
    pub outcomes: Vec<ClosingOutcome>,
    /// Only cases of this urgency.
    pub urgency: Option<Urgency>,
    /// Only cases that somebody has, or that nobody has.
    pub assignee: Option<Assignee>,
    /// Only cases that should be done by now and are not, or only others.
    pub overdue: Option<bool>,
    /// Only cases whose highest band is this one.
    pub band: Option<Band>,
    /// Only cases with this finding in one of their submissions.
    pub finding: Option<String>,
    /// Only cases on one of whose submissions this instrument is positive.
    pub instrument_positive: Option<String>,
    /// Only cases whose last submission was received at or after.
    pub received_from: Option<Timestamp>,
    /// Only cases whose last submission was received before.
    pub received_to: Option<Timestamp>,
    /// Only cases due at or after.
    pub due_from: Option<Timestamp>,
    /// Only cases due before.
    pub due_to: Option<Timestamp>,
    /// Only cases that were last changed at or after.
    pub changed_from: Option<Timestamp>,
    /// Only cases that were last changed before.
    pub changed_to: Option<Timestamp>,
    /// Only those of this person.
    pub subject_id: Option<SubjectId>,
    /// Only this one.
    pub follow_up_id: Option<FollowUpId>,
}

/// Whose cases are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// Nobody's.
    Nobody,
    /// Those of this credential.
    Credential(CredentialId),
}

/// The order of the worklist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpOrder {
    /// The most urgent first, then the oldest.
    #[default]
    Urgency,
    /// The oldest first.
    Oldest,
    /// What is due soonest first.
    Due,
}

/// What page of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items at most.
    pub limit: u16,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` when this is the last.
    pub next_cursor: Option<String>,
}

/// What became of a submission handed to the store.
#[derive(Clone, Debug)]
pub enum Stored {
    /// It was written now.
    Created(Box<StoredSubmission>),
    /// The same key and body were stored before: this is that submission.
    Replayed(Box<StoredSubmission>),
    /// The key was used before for another body.
    KeyReused,
}

impl Subject {
    /// Whether the person agreed to be contacted; without that, contact data is shown to nobody.
    #[must_use]
    pub fn may_be_contacted(&self) -> bool {
        self.consent.as_ref().is_some_and(|consent| consent.to_contact)
    }

    /// The person as staff may see it: contact data only with consent.
    #[must_use]
    pub fn shown(self) -> Self {
        let contact = if self.may_be_contacted() { self.contact.clone() } else { Contact::default() };
        Self { contact, ..self }
    }
}

impl FollowUpOrder {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::Urgency, Self::Oldest, Self::Due];
}

impl StoredSubmission {
    /// When the questions were answered: when it was received, unless it said otherwise.
    #[must_use]
    pub fn answered(&self) -> Timestamp {
        self.answered_at.unwrap_or(self.received_at)
    }

    /// The instruments that are positive, by id.
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
