//! Accepting a submission: from a parsed draft to one value that holds everything to be written.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::actor::{Actor, Role};
use super::answers::Answers;
use super::assessment::Assessment;
use super::audit::{AuditAction, AuditEntry, AuditOutcome};
use super::follow_up::OpenOrJoin;
use super::ids::{AuditEntryId, FollowUpId, SenderId, SubjectId, SubmissionId};
use super::language::Language;
use super::questionnaire::Audiences;
use super::rule_table::RuleTable;
use super::scoring::{self, Asked};
use super::stored::Clinic;
use super::subject::SubjectDraft;

/// Where a submission came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The person, through a front-end.
    SelfReported,
    /// A member of staff.
    Staff,
    /// A clinic's intake system.
    System,
}

/// The pathway a clinic asks to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathwayId {
    /// European consensus of 2019.
    Ewgsop2,
    /// Asian consensus of 2019.
    #[serde(rename = "awgs_2019")]
    Awgs2019,
    /// Asian consensus of 2025.
    #[serde(rename = "awgs_2025")]
    Awgs2025,
    /// Sarcopenia Definitions and Outcomes Consortium, 2020.
    Sdoc,
}

/// The record in another system that a submission came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalSource {
    /// Which system.
    pub system: String,
    /// The record's id there.
    pub id: String,
}

/// A parsed submission, complete enough to be stored.
#[derive(Clone)]
pub struct Draft {
    /// The answers, with every required item.
    pub answers: Answers,
    /// The person.
    pub subject: SubjectDraft,
    /// When the questions were answered, if not now.
    pub answered_at: Option<Timestamp>,
    /// The record in another system.
    pub source: Option<ExternalSource>,
    /// The pathway asked for instead of the clinic's.
    pub pathway: Option<PathwayId>,
    /// The submission that this one corrects.
    pub supersedes: Option<SubmissionId>,
    /// Whether it is history of another system: answered there in the past, so that it opens no case here.
    pub imported: bool,
    /// The language of the outcome.
    pub language: Language,
    /// The key that makes a retry safe.
    pub idempotency: Option<Idempotency>,
}

/// A retry key with what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is: two senders may use one key for two requests.
    pub sender_id: SenderId,
    /// The key as sent, without quotes.
    pub key: String,
    /// Digest of the canonical body and the origin.
    pub fingerprint: [u8; 32],
    /// When the key may be used for something else.
    pub expires_at: Timestamp,
    /// Whether it names a record of another system instead of a request.
    pub of_record: bool,
}

/// The instant and the identifiers that accepting needs; nothing here is read from the surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Now.
    pub now: Timestamp,
    /// The id the submission gets.
    pub submission_id: SubmissionId,
    /// The id the person gets if the clinic does not know the reference yet.
    pub subject_id: SubjectId,
    /// The id a case gets if one is opened.
    pub follow_up_id: FollowUpId,
    /// The id of the audit entry.
    pub audit_entry_id: AuditEntryId,
}

/// Everything that one transaction writes.
#[derive(Clone)]
pub struct Accepted {
    /// The submission's id.
    pub submission_id: SubmissionId,
    /// The id proposed for the person.
    pub subject_id: SubjectId,
    /// Who submitted it.
    pub actor: Actor,
    /// Where it came from.
    pub origin: Origin,
    /// When it was received.
    pub received_at: Timestamp,
    /// What was sent.
    pub draft: Draft,
    /// What the rule table makes of it.
    pub assessment: Assessment,
    /// The case to open or join.
    pub follow_up: Option<OpenOrJoin>,
    /// The entry in the trail.
    pub audit: AuditEntry,
}

/// Scores a draft and decides everything that follows from it. The clinic's pathways are followed, unless the draft asks for
/// one by name; its hours say when a case is due.
#[must_use]
pub fn accept(table: &RuleTable, draft: Draft, actor: &Actor, clinic: &Clinic, stamp: Stamp) -> Accepted {
    let pathways = draft.pathway.as_ref().map_or(&clinic.pathways[..], std::slice::from_ref);
    let assessment = scoring::score(table, &draft.answers, Asked { audiences: Audiences::PERSON, pathways });
    Accepted {
        submission_id: stamp.submission_id,
        subject_id: stamp.subject_id,
        origin: Origin::of(actor.role),
        received_at: stamp.now,
        follow_up: assessment.urgency.filter(|_| !draft.imported).map(|urgency| {
            let due_at = stamp.now.checked_add(SignedDuration::from_hours(clinic.due.of(urgency).into()));
            OpenOrJoin { follow_up_id: stamp.follow_up_id, urgency, due_at: due_at.unwrap_or(Timestamp::MAX) }
        }),
        audit: AuditEntry {
            audit_entry_id: stamp.audit_entry_id,
            clinic_id: actor.clinic_id,
            at: stamp.now,
            credential_id: Some(actor.credential_id),
            action: AuditAction::SubmissionCreated,
            resource_id: stamp.submission_id.0,
            outcome: AuditOutcome::Success,
            resource_ids: Vec::new(),
            subject_id: None,
            subject_ids: Vec::new(),
            occurrences: 1,
            request_id: actor.request_id,
        },
        actor: actor.clone(),
        assessment,
        draft,
    }
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 3] = [Self::SelfReported, Self::Staff, Self::System];

    /// The origin of what a role submits.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Browser => Self::SelfReported,
            Role::Intake => Self::System,
            Role::Staff | Role::Admin => Self::Staff,
        }
    }

    /// The origin's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfReported => "self_reported",
            Self::Staff => "staff",
            Self::System => "system",
        }
    }

    /// Reads an origin's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.as_str() == name)
    }
}

impl PathwayId {
    /// Every pathway.
    pub const ALL: [Self; 4] = [Self::Ewgsop2, Self::Awgs2019, Self::Awgs2025, Self::Sdoc];

    /// The pathway's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ewgsop2 => "ewgsop2",
            Self::Awgs2019 => "awgs_2019",
            Self::Awgs2025 => "awgs_2025",
            Self::Sdoc => "sdoc",
        }
    }

    /// Reads a pathway's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pathway| pathway.as_str() == name)
    }
}
