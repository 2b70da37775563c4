//! Batches of submissions in the API.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use validator::Validate;

use crate::http::kernel::problem::ProblemBody;
use crate::http::v1::submissions::body::{ReceiptBody, SubmissionInput};

/// Maximum number of items in a batch.
pub const MOST_ITEMS: usize = 1_000;

/// Independent submissions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubmissionBatchInput)]
pub struct BatchInput<'a> {
    /// The submissions.
    #[serde(borrow)]
    #[schema(value_type = Vec<BatchItemInput>, min_items = 1, max_items = 1000)]
    #[expect(dead_code, reason = "it is read without this type, which describes it in the document")]
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
    /// Idempotency key, which makes a retry safe; same as the header `Idempotency-Key` of a single submission.
    #[schema(min_length = 1, max_length = 257, nullable)]
    pub idempotency_key: Option<String>,
}

/// Reads an item again to report its faults.
#[derive(Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct FaultyItem {
    /// The submission, with any content.
    pub submission: Option<IgnoredAny>,
    #[expect(dead_code, reason = "only its type is checked")]
    pub idempotency_key: Option<String>,
}

/// The result of each item, in the order of the items.
#[derive(Serialize, ToSchema)]
#[schema(as = SubmissionBatchResults)]
pub struct BatchBody<'a> {
    /// One result for each item.
    pub items: Vec<BatchResultBody<'a>>,
}

/// The result of one item.
#[derive(Serialize, ToSchema)]
#[schema(as = SubmissionBatchResult)]
pub struct BatchResultBody<'a> {
    /// Line number, from 1; only in line-delimited batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    pub line: Option<u64>,
    /// The status that a single request would have been answered with: 201 when the submission is stored, 200 when it is valid
    /// with `validate_only`.
    #[schema(minimum = 200, maximum = 599)]
    pub status: u16,
    /// The receipt, when the submission is stored, or valid with `validate_only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub submission: Option<ReceiptBody<'a>>,
    /// The problem, when the submission is not stored. Pointers begin at the submission, as for a single request; for the
    /// idempotency key the pointer is `/idempotency_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<ProblemBody>,
}
