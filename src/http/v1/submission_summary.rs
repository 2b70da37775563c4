//! A submission in the lists of the API: of a clinic, a subject or a follow-up.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::screening::assessment::Score;
use crate::domain::submissions::stored::SubmissionSummary;
use crate::http::kernel::names::{BandName, CareLevelName, OriginName};

/// A submission in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionSummary)]
pub struct SubmissionSummaryBody {
    /// Id of the submission.
    pub id: Uuid,
    /// When it was received.
    pub received_at: Timestamp,
    /// Id of the subject.
    pub subject_id: Uuid,
    /// Origin of the submission.
    pub origin: OriginName,
    /// Whether this is history imported from another system, which opens no follow-up.
    pub imported: bool,
    /// Whether this is a test, which opens no follow-up and is counted nowhere.
    pub test: bool,
    /// Version of the rule table.
    pub rule_table: String,
    /// The own score total with its bounds.
    pub score: ScoreSummaryBody,
    /// The band; null unless settled, that is unless both bounds have the same band.
    pub band: Option<BandName>,
    /// The band of the lower bound.
    pub band_at_least: BandName,
    /// The band of the upper bound.
    pub band_at_most: BandName,
    /// How soon the person should be seen.
    pub care_level: Option<CareLevelName>,
    /// Whether the submission is flagged.
    pub flagged: bool,
    /// Id of the follow-up; null if there is none.
    pub follow_up_id: Option<Uuid>,
    /// The submission that this one corrects.
    pub supersedes: Option<Uuid>,
    /// The submission that corrects this one, which then counts no longer.
    pub superseded_by: Option<Uuid>,
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

impl From<SubmissionSummary> for SubmissionSummaryBody {
    fn from(summary: SubmissionSummary) -> Self {
        let settled = summary.band_at_least == summary.band_at_most;
        Self {
            id: summary.submission_id.0,
            received_at: summary.received_at,
            subject_id: summary.subject_id.0,
            origin: OriginName(summary.origin),
            imported: summary.imported,
            test: summary.test,
            rule_table: summary.rule_table,
            score: ScoreSummaryBody::from(summary.score),
            band: settled.then_some(BandName(summary.band_at_least)),
            band_at_least: BandName(summary.band_at_least),
            band_at_most: BandName(summary.band_at_most),
            care_level: summary.care_level.map(CareLevelName),
            flagged: summary.flagged,
            follow_up_id: summary.follow_up_id.map(|id| id.0),
            supersedes: summary.supersedes.map(|id| id.0),
            superseded_by: summary.superseded_by.map(|id| id.0),
        }
    }
}

impl From<Score> for ScoreSummaryBody {
    fn from(score: Score) -> Self {
        Self { total: score.total, lower: score.lower, upper: score.upper }
    }
}
