//! The list of submissions in the API: query parameters, rows and pages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::body::plain;
use crate::domain::ids::SubjectId;
use crate::domain::page::PageRequest;
use crate::domain::screening::assessment::Score;
use crate::domain::submissions::stored::{SubmissionFilter, SubmissionSummary};
use crate::http::kernel::names::{BandName, CareLevelName, OriginName};
use crate::http::kernel::paging::{DEFAULT_LIMIT, page};

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

/// A submission in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionSummary)]
pub struct SubmissionSummaryBody {
    /// Id of the submission.
    pub id: Uuid,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Id of the subject.
    pub subject_id: Uuid,
    /// Origin of the submission.
    pub origin: OriginName,
    /// Whether this is history imported from another system, which opens no follow-up.
    pub imported: bool,
    /// Version of the rule table.
    pub rule_table: String,
    /// The own score total with its bounds.
    pub score: ScoreSummaryBody,
    /// The band; null unless settled, that is unless both bounds have the same band.
    #[schema(required)]
    pub band: Option<BandName>,
    /// The band of the lower bound.
    pub band_at_least: BandName,
    /// The band of the upper bound.
    pub band_at_most: BandName,
    /// How soon the person should be seen.
    #[schema(required)]
    pub care_level: Option<CareLevelName>,
    /// Whether the submission is flagged.
    pub flagged: bool,
    /// Id of the follow-up; null if there is none.
    #[schema(required)]
    pub follow_up_id: Option<Uuid>,
}

/// The own score total with its bounds, in a list.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ScoreSummary)]
pub struct ScoreSummaryBody {
    /// Points from the answered items.
    pub total: i32,
    /// Lowest total that the missing answers allow.
    pub lower: i32,
    /// Highest total that the missing answers allow.
    pub upper: i32,
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

impl From<SubmissionSummary> for SubmissionSummaryBody {
    fn from(summary: SubmissionSummary) -> Self {
        let settled = summary.band_at_least == summary.band_at_most;
        Self {
            id: summary.submission_id.0,
            received_at: summary.received_at,
            subject_id: summary.subject_id.0,
            origin: OriginName(summary.origin),
            imported: summary.imported,
            rule_table: summary.rule_table,
            score: ScoreSummaryBody::from(summary.score),
            band: settled.then_some(BandName(summary.band_at_least)),
            band_at_least: BandName(summary.band_at_least),
            band_at_most: BandName(summary.band_at_most),
            care_level: summary.care_level.map(CareLevelName),
            flagged: summary.flagged,
            follow_up_id: summary.follow_up_id.map(|id| id.0),
        }
    }
}

impl From<Score> for ScoreSummaryBody {
    fn from(score: Score) -> Self {
        Self { total: score.total, lower: score.lower, upper: score.upper }
    }
}
