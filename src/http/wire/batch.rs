//! Batches of submissions on the wire.

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::submission::{FlagReasonBody, FollowUpLinkBody, ReceiptBody, SubmissionInput, flag_reasons};
use super::{AssessmentBody, OriginName};
use crate::domain::stored::StoredSubmission;
use crate::http::problem::ProblemBody;

/// Items of a batch, at most.
pub const MOST_ITEMS: usize = 1_000;

/// Submissions that have nothing to do with each other.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubmissionBatchInput)]
pub struct BatchInput<'a> {
    /// The submissions.
    #[serde(borrow)]
    #[schema(value_type = Vec<BatchItemInput>, min_items = 1, max_items = 1000)]
    pub items: Vec<&'a RawValue>,
}

/// One submission of a batch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubmissionBatchItem)]
pub struct BatchItemInput<'a> {
    /// The submission.
    #[serde(borrow)]
    #[schema(value_type = SubmissionInput)]
    pub submission: &'a RawValue,
    /// Makes a retry safe, as the header `Idempotency-Key` of a single submission does.
    #[schema(min_length = 1, max_length = 257, nullable)]
    pub idempotency_key: Option<String>,
}

/// An item whose faults are to be told.
#[derive(Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct FaultyItem {
    /// The submission, whatever it is.
    pub submission: Option<IgnoredAny>,
    /// The retry key.
    pub idempotency_key: Option<String>,
}

/// What became of each, in their order.
#[derive(Serialize, ToSchema)]
#[schema(as = SubmissionBatchResults)]
pub struct BatchBody<'a> {
    /// A result for each item.
    pub items: Vec<BatchResultBody<'a>>,
}

/// What became of one.
#[derive(Serialize, ToSchema)]
#[schema(as = SubmissionBatchResult)]
pub struct BatchResultBody<'a> {
    /// The number of its line, from 1; of line-delimited batches only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub line: Option<u64>,
    /// The status that a request of its own would have been answered with: 201 when it is stored.
    #[schema(minimum = 201, maximum = 599)]
    pub status: u16,
    /// What the submitter is told, when it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub submission: Option<BatchReceiptBody<'a>>,
    /// What was wrong, when it is not. Pointers begin at the submission, as for a request of its own; those of the retry
    /// key name `/idempotency_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<ProblemBody>,
}

/// What a submission of a batch gets back.
#[derive(Serialize, ToSchema)]
#[schema(as = SubmissionBatchReceipt)]
pub struct BatchReceiptBody<'a> {
    /// Id of the submission.
    pub id: Uuid,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Id of the person.
    pub subject_id: Uuid,
    /// Where it came from.
    pub origin: OriginName,
    /// Whether the answers call for a follow-up by staff.
    pub flagged: bool,
    /// Why.
    pub flag_reasons: Vec<FlagReasonBody>,
    /// The case that it opened or joined, as it was then; null when it is not flagged or was imported.
    #[schema(required)]
    pub follow_up: Option<FollowUpLinkBody>,
    /// What the rule table makes of the answers; left out of short results.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assessment: Option<AssessmentBody<'a>>,
}

impl BatchReceiptBody<'_> {
    /// The receipt without the assessment.
    #[must_use]
    pub fn short(stored: &StoredSubmission) -> Self {
        Self {
            id: stored.submission_id.0,
            received_at: stored.received_at,
            subject_id: stored.subject_id.0,
            origin: OriginName(stored.origin),
            flagged: stored.assessment.flagged(),
            flag_reasons: flag_reasons(&stored.assessment),
            follow_up: stored.follow_up.map(FollowUpLinkBody::from),
            assessment: None,
        }
    }
}

impl<'a> From<ReceiptBody<'a>> for BatchReceiptBody<'a> {
    fn from(receipt: ReceiptBody<'a>) -> Self {
        let ReceiptBody { id, received_at, subject_id, origin, flagged, flag_reasons, follow_up, assessment } = receipt;
        let assessment = Some(assessment);
        Self { id, received_at, subject_id, origin, flagged, flag_reasons, follow_up, assessment }
    }
}
