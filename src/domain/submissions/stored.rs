//! Stored submissions, and how lists of them are filtered.

use jiff::Timestamp;

use super::{ExternalSource, Stated};
use crate::access::actor::Origin;
use crate::follow_ups::StateName;
use crate::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use crate::language::Language;
use crate::receipt_code::ReceiptCode;
use crate::screening::answers::Answers;
use crate::screening::assessment::{Assessment, Score};
use crate::screening::instrument::Outcome;
use crate::screening::pathway::PathwayId;
use crate::screening::red_flag::CareLevel;
use crate::screening::rule_table::Band;
use crate::screening::urgency::Urgency;
use crate::subjects::contact::ContactWarning;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSubmission {
    pub submission_id: SubmissionId,
    pub receipt_code: ReceiptCode,
    pub subject_id: SubjectId,
    pub credential_id: CredentialId,
    pub origin: Origin,
    pub received_at: Timestamp,
    /// When the questions were answered; `None` if not stated.
    pub answered_at: Option<Timestamp>,
    pub stated: Stated,
    /// Whether it is history from another system; such a submission opens no follow-up.
    pub imported: bool,
    /// Whether it is a test; such a submission opens no follow-up and is counted nowhere.
    pub test: bool,
    pub language: Language,
    pub source: Option<ExternalSource>,
    /// The pathway requested instead of the clinic's.
    pub pathway: Option<PathwayId>,
    /// The submission it corrects.
    pub supersedes: Option<SubmissionId>,
    /// The submission that corrects it; of several, which earlier versions of the service accepted, the latest.
    pub superseded_by: Option<SubmissionId>,
    /// When that submission was received.
    pub superseded_at: Option<Timestamp>,
    pub answers: Answers,
    pub assessment: Assessment,
    pub follow_up: Option<FollowUpLink>,
    /// What was not kept of its contact data.
    pub warnings: Vec<ContactWarning>,
}

/// The follow-up that a submission opened, joined or corrected, as of that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowUpLink {
    pub follow_up_id: FollowUpId,
    pub state: StateName,
    pub urgency: Urgency,
    /// Whether the follow-up was already open.
    pub joined: bool,
}

/// A submission as an entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionSummary {
    pub submission_id: SubmissionId,
    pub receipt_code: ReceiptCode,
    pub subject_id: SubjectId,
    pub origin: Origin,
    pub received_at: Timestamp,
    /// Whether it is history from another system; such a submission opens no follow-up.
    pub imported: bool,
    /// Whether it is a test; such a submission opens no follow-up and is counted nowhere.
    pub test: bool,
    pub rule_table: String,
    /// The service's own total, with bounds.
    pub score: Score,
    /// The band of the lower bound.
    pub band_at_least: Band,
    /// The band of the upper bound.
    pub band_at_most: Band,
    pub care_level: Option<CareLevel>,
    pub flagged: bool,
    pub follow_up_id: Option<FollowUpId>,
    /// The submission that it corrects.
    pub supersedes: Option<SubmissionId>,
    /// The submission that corrects it.
    pub superseded_by: Option<SubmissionId>,
}

/// Filter of a list of submissions; absent fields do not restrict it. `received_to` is exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmissionFilter {
    /// Only flagged submissions, or only those that are not.
    pub flagged: Option<bool>,
    /// Only history from other systems, or only submissions that are not.
    pub imported: Option<bool>,
    /// Only tests, or only submissions that are not.
    pub test: Option<bool>,
    /// Only submissions with a measurement below its lowest plausible value.
    pub below_floor: bool,
    /// Only submissions settled in this band.
    pub band: Option<Band>,
    pub min_score: Option<i16>,
    pub finding: Option<String>,
    pub instrument_positive: Option<String>,
    pub received_from: Option<Timestamp>,
    pub received_to: Option<Timestamp>,
    pub subject_id: Option<SubjectId>,
}

#[derive(Clone, Debug)]
pub enum Stored {
    Created(Box<StoredSubmission>),
    /// The key was used before for the same body; this is the submission stored then.
    Replayed(Box<StoredSubmission>),
    /// The key was used before for a different body.
    KeyReused,
}

impl StoredSubmission {
    /// When the questions were answered; the time of receipt if not stated.
    pub fn answered(&self) -> Timestamp {
        self.answered_at.unwrap_or(self.received_at)
    }

    /// The version of the form that was answered.
    pub fn form_version(&self) -> &str {
        self.stated.form_version.as_deref().unwrap_or(&self.assessment.rule_table)
    }

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
            receipt_code: stored.receipt_code,
            subject_id: stored.subject_id,
            origin: stored.origin,
            received_at: stored.received_at,
            imported: stored.imported,
            test: stored.test,
            rule_table: assessment.rule_table.to_string(),
            score: assessment.score,
            band_at_least: assessment.band_at_least,
            band_at_most: assessment.band_at_most,
            care_level: assessment.care_level,
            flagged: assessment.flagged(),
            follow_up_id: stored.follow_up.map(|link| link.follow_up_id),
            supersedes: stored.supersedes,
            superseded_by: stored.superseded_by,
        }
    }
}
