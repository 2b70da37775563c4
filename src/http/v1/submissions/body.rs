//! Submissions and scores in the API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::app::submissions::Assessed;
use crate::app::submissions::intake::Valid;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::ids::SubmissionId;
use crate::domain::language::Language;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::questionnaire::Audiences;
use crate::domain::submissions::stored::{FollowUpLink, StoredSubmission};
use crate::domain::submissions::{Draft, ExternalSource, Stated};
use crate::http::kernel::names::{FollowUpStateName, OriginName, PathwayName, UrgencyName};
use crate::http::kernel::text::plain;
use crate::http::v1::screening::answers::{AnswersBody, answers};
use crate::http::v1::screening::assessment::AssessmentBody;
use crate::http::v1::screening::render::Rendering;
use crate::http::v1::screening::view::AssessmentView;
use crate::http::v1::subjects::body::SubjectInput;
use crate::http::v1::submissions::warnings::WarningBody;

/// A submission.
#[derive(Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubmissionInput)]
pub struct SubmissionInput {
    /// The answers; every required item must be present.
    #[schema(required, value_type = AnswersBody)]
    pub answers: Option<AnswersBody>,
    /// The subject.
    #[validate(nested)]
    #[serde(default, deserialize_with = "crate::http::kernel::object::optional")]
    pub subject: Option<SubjectInput>,
    /// When the questions were answered, with an offset; by default now.
    pub answered_at: Option<Timestamp>,
    /// The record in another system. Not allowed with a browser key; for the clinic's web form the service sets it.
    #[validate(nested)]
    #[serde(default, deserialize_with = "crate::http::kernel::object::optional")]
    pub source: Option<SourceInput>,
    /// Pathway to evaluate instead of the clinic's own.
    pub pathway: Option<PathwayName>,
    /// The submission that this one corrects: of the same subject, and not corrected yet (409 otherwise). Without
    /// `subject.reference` this one belongs to the subject of the corrected one. An intake key can correct what its sender
    /// submitted; not allowed with a browser key.
    pub supersedes: Option<Uuid>,
    /// Whether this is history imported from another system: it is scored and stored, but never opens a follow-up. Requires
    /// `answered_at`, in the past. Not allowed with a browser key.
    pub imported: Option<bool>,
    /// Whether this is a test: it is scored, stored and shown as a test, opens no follow-up and is counted nowhere. Its contact
    /// data and consent are checked and not stored. It corrects only tests. Not allowed with a browser key.
    pub test: Option<bool>,
}

/// What to do with a submission, and the view of the response.
#[derive(Clone, Copy, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IntakeQuery {
    /// The parts of the assessment in the response: `summary`, `person` or `full`; by default `person`, in a batch `summary`.
    #[param(inline)]
    pub view: Option<AssessmentView>,
    /// Whether the body is only checked and scored: nothing is stored, and no idempotency key is used; by default false.
    pub validate_only: Option<bool>,
}

/// The record in another system.
#[derive(Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExternalSource)]
pub struct SourceInput {
    /// Name of the system. `web_form` is the service's own web form: no other sender may name it.
    #[validate(length(min = 1, max = 200), custom(function = "plain"))]
    #[schema(required, value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub system: Option<String>,
    /// Id of the record in that system.
    #[validate(length(min = 1, max = 200), custom(function = "plain"))]
    #[schema(required, value_type = String, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub id: Option<String>,
}

/// The response to a submission.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionReceipt)]
pub struct ReceiptBody<'a> {
    /// True when the request had `validate_only` and nothing is stored; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub validate_only: Option<bool>,
    /// Id of the submission; with `validate_only` the nil UUID.
    pub id: Uuid,
    /// The code that the person reads out when booking, or in a call; show it in two groups of four. Staff find the subject by it.
    /// With `validate_only` null.
    #[schema(example = "2T65TMHP", pattern = "^[2-9CDFHJKLMNPRTWXY]{8}$")]
    pub receipt_code: Option<String>,
    /// When it was received.
    pub received_at: Timestamp,
    /// Id of the subject; with `validate_only` the nil UUID.
    pub subject_id: Uuid,
    /// Origin of the submission.
    pub origin: OriginName,
    /// Whether this is a test, which opens no follow-up and is counted nowhere.
    pub test: bool,
    /// The follow-up that the submission opened, joined or corrected, in its state at that time; null when the submission is
    /// imported, a test, or neither flagged nor a correction of a submission of an open follow-up.
    pub follow_up: Option<FollowUpLinkBody>,
    /// The parts of the contact data that were not kept. A later read has the same warnings.
    pub warnings: Vec<WarningBody>,
    /// The assessment of the answers by the rule table.
    pub assessment: AssessmentBody<'a>,
}

/// A stored submission.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Submission)]
pub struct SubmissionBody<'a> {
    /// The receipt that the submitter got.
    #[serde(flatten)]
    pub receipt: ReceiptBody<'a>,
    /// When the questions were answered.
    pub answered_at: Option<Timestamp>,
    /// Whether this is history imported from another system, which opens no follow-up.
    pub imported: bool,
    /// The record in another system.
    pub source: Option<SourceInput>,
    /// The pathway that the submission asked for.
    pub pathway: Option<PathwayName>,
    /// The submission that this one corrects.
    pub supersedes: Option<Uuid>,
    /// The submission that corrects this one; this one is kept unchanged.
    pub superseded_by: Option<Uuid>,
    /// The answers.
    #[schema(value_type = AnswersBody)]
    pub answers: Answers,
}

/// Rule table to assess with.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AssessmentQuery {
    /// Version of the rule table; by default that of the submission.
    #[validate(length(min = 1, max = 20), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 20, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "2026.1")]
    pub rule_table: Option<String>,
    /// The parts of the assessment in the response: `summary`, `person` or `full`; by default `person`, in a batch `summary`.
    #[param(inline)]
    pub view: Option<AssessmentView>,
}

/// Assessment of a submission by a rule table.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = SubmissionAssessment)]
pub struct SubmissionAssessmentBody<'a> {
    /// Id of the submission.
    pub submission_id: Uuid,
    /// Version of the rule table.
    pub rule_table: String,
    /// Whether this is the stored assessment; otherwise it was computed for this response.
    pub stored: bool,
    /// The assessment of the answers by the rule table.
    pub assessment: AssessmentBody<'a>,
}

/// The follow-up of a submission, as it was when the submission was stored.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = FollowUpLink)]
pub struct FollowUpLinkBody {
    /// Id of the follow-up.
    pub id: Uuid,
    /// State at that time.
    pub state: FollowUpStateName,
    /// Urgency at that time.
    pub urgency: UrgencyName,
    /// Whether the follow-up was already open.
    pub joined: bool,
}

impl SubmissionInput {
    pub fn parse(self, language: Language, faults: &mut Vec<Fault>) -> Draft {
        let answers = answers(self.answers, faults);
        let source = self.source.and_then(|source| source.parse(faults));
        let (subject, warnings) = self.subject.map(|subject| subject.parse(faults)).unwrap_or_default();
        Draft {
            answers,
            subject,
            warnings,
            answered_at: self.answered_at,
            stated: Stated::default(),
            source,
            pathway: self.pathway.map(|pathway| pathway.0),
            supersedes: self.supersedes.map(SubmissionId),
            imported: self.imported.unwrap_or(false),
            test: self.test.unwrap_or(false),
            language,
            idempotency: None,
        }
    }
}

impl SourceInput {
    fn parse(self, faults: &mut Vec<Fault>) -> Option<ExternalSource> {
        for (missing, pointer) in [(self.system.is_none(), "/source/system"), (self.id.is_none(), "/source/id")] {
            if missing {
                faults.push(Fault::new(
                    pointer,
                    FaultCode::Required,
                    Sentence::new("must be given in a source", "debe indicarse en un origen"),
                ));
            }
        }
        Some(ExternalSource { system: self.system?, id: self.id? })
    }
}

impl<'a> ReceiptBody<'a> {
    pub fn new(stored: &StoredSubmission, rendering: &'a Rendering<'a>, view: AssessmentView) -> Self {
        Self {
            validate_only: None,
            id: stored.submission_id.0,
            receipt_code: Some(stored.receipt_code.to_string()),
            received_at: stored.received_at,
            subject_id: stored.subject_id.0,
            origin: OriginName(stored.origin),
            test: stored.test,
            follow_up: stored.follow_up.map(FollowUpLinkBody::from),
            warnings: WarningBody::all(&stored.warnings, rendering.language),
            assessment: rendering.assessment(&stored.answers, &stored.assessment, Audiences::PERSON, view),
        }
    }

    /// The receipt of a submission that was only checked.
    pub fn of_valid(valid: &Valid, rendering: &'a Rendering<'a>, view: AssessmentView) -> Self {
        Self {
            validate_only: Some(true),
            id: Uuid::nil(),
            receipt_code: None,
            received_at: valid.received_at,
            subject_id: Uuid::nil(),
            origin: OriginName(valid.origin),
            test: valid.test,
            follow_up: None,
            warnings: WarningBody::all(&valid.warnings, rendering.language),
            assessment: rendering.assessment(&valid.answers, &valid.assessment, Audiences::PERSON, view),
        }
    }
}

impl<'a> SubmissionBody<'a> {
    pub fn new(stored: StoredSubmission, rendering: &'a Rendering<'a>, view: AssessmentView) -> Self {
        Self {
            receipt: ReceiptBody::new(&stored, rendering, view),
            answered_at: stored.answered_at,
            imported: stored.imported,
            source: stored.source.map(|source| SourceInput { system: Some(source.system), id: Some(source.id) }),
            pathway: stored.pathway.map(PathwayName),
            supersedes: stored.supersedes.map(|id| id.0),
            superseded_by: stored.superseded_by.map(|id| id.0),
            answers: stored.answers,
        }
    }
}

impl<'a> SubmissionAssessmentBody<'a> {
    pub fn new(assessed: &Assessed, rendering: &'a Rendering<'a>, view: AssessmentView) -> Self {
        let answers = &assessed.submission.answers;
        Self {
            submission_id: assessed.submission.submission_id.0,
            rule_table: assessed.release.table.version.to_string(),
            stored: assessed.stored,
            assessment: rendering.assessment(answers, &assessed.assessment, Audiences::PERSON, view),
        }
    }
}

impl From<FollowUpLink> for FollowUpLinkBody {
    fn from(link: FollowUpLink) -> Self {
        Self {
            id: link.follow_up_id.0,
            state: FollowUpStateName(link.state),
            urgency: UrgencyName(link.urgency),
            joined: link.joined,
        }
    }
}
