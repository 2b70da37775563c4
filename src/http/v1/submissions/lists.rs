//! The list of submissions in the API: query parameters, rows and pages.

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;
use validator::Validate;

use crate::domain::ids::SubjectId;
use crate::domain::page::PageRequest;
use crate::domain::submissions::stored::{SubmissionFilter, SubmissionSummary};
use crate::http::kernel::names::BandName;
use crate::http::kernel::paging::{DEFAULT_LIMIT, page};
use crate::http::kernel::text::plain;
use crate::http::v1::submission_summary::SubmissionSummaryBody;

/// Filters and page of the submission list.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmissionQuery {
    /// Only flagged submissions (true), or only submissions that are not flagged (false).
    pub flagged: Option<bool>,
    /// Only history imported from another system (true), or only other submissions (false).
    pub imported: Option<bool>,
    /// Only submissions whose band is settled and equal to this.
    pub band: Option<BandName>,
    /// Only submissions whose own score total is at least this.
    #[validate(range(min = 0, max = 100))]
    #[param(minimum = 0, maximum = 100)]
    pub min_score: Option<i16>,
    /// Only submissions with this finding, a rule id.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub finding: Option<String>,
    /// Only submissions on which this instrument is positive.
    #[validate(length(min = 1, max = 100), custom(function = "plain"))]
    #[param(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub instrument_positive: Option<String>,
    /// Only submissions received at or after this time, with an offset.
    #[param(value_type = Option<String>, format = DateTime)]
    pub received_from: Option<Timestamp>,
    /// Only submissions received before this time, with an offset.
    #[param(value_type = Option<String>, format = DateTime)]
    pub received_to: Option<Timestamp>,
    /// Only submissions of this subject.
    pub subject_id: Option<Uuid>,
    /// Maximum number of items; 50 by default.
    #[validate(range(min = 1, max = 200))]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `next_cursor` of the previous page.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub cursor: Option<String>,
}

page!(
    /// A page of submissions, newest first.
    SubmissionPage of SubmissionSummaryBody, from SubmissionSummary
);

impl SubmissionQuery {
    /// Splits the query into filter and page.
    #[must_use]
    pub fn parse(self) -> (SubmissionFilter, PageRequest) {
        let filter = SubmissionFilter {
            flagged: self.flagged,
            imported: self.imported,
            band: self.band.map(|band| band.0),
            min_score: self.min_score,
            finding: self.finding,
            instrument_positive: self.instrument_positive,
            received_from: self.received_from,
            received_to: self.received_to,
            subject_id: self.subject_id.map(SubjectId),
        };
        (filter, PageRequest { limit: self.limit.unwrap_or(DEFAULT_LIMIT), cursor: self.cursor })
    }
}
