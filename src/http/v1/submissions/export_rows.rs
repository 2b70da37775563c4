//! Exports in the API: query parameters, and each row as JSON and as CSV under the same names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::domain::follow_ups::worklist::FollowUpFilter;
use crate::domain::ids::SubjectId;
use crate::domain::subjects::Reference;
use crate::domain::submissions::export::{Exported, ExportedFollowUp, ExportedSubmission};
use crate::domain::submissions::stored::SubmissionFilter;
use crate::http::kernel::names::{
    BandName, CareLevelName, ClosingOutcomeName, DiagnosisName, FollowUpStateName, NotNeededReasonName, OriginName,
    UrgencyName,
};
use crate::http::kernel::text::plain;
use crate::http::v1::follow_ups::body::FollowUpBody;
use crate::http::v1::submission_summary::SubmissionSummaryBody;

/// Format of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One JSON object per line.
    #[default]
    Ndjson,
    /// Comma-separated values with a header line, as in RFC 4180.
    Csv,
}

/// Filters and format of the submission export.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmissionExportQuery {
    /// `ndjson` by default.
    #[param(inline)]
    pub format: Option<ExportFormat>,
    /// `cursor` of the last row received; the export continues after it.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub after: Option<String>,
    /// Only flagged submissions (true), or only submissions that are not flagged (false).
    pub flagged: Option<bool>,
    /// Only history imported from another system (true), or only other submissions (false).
    pub imported: Option<bool>,
    /// Only test submissions (true), or only other submissions (false).
    pub test: Option<bool>,
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
    pub received_from: Option<Timestamp>,
    /// Only submissions received before this time, with an offset.
    pub received_to: Option<Timestamp>,
    /// Only submissions of this subject.
    pub subject_id: Option<Uuid>,
}

/// Filters and format of the follow-up export; without a state, closed follow-ups are included.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FollowUpExportQuery {
    /// `ndjson` by default.
    #[param(inline)]
    pub format: Option<ExportFormat>,
    /// `cursor` of the last row received; the export continues after it.
    #[validate(length(min = 1, max = 200))]
    #[param(min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub after: Option<String>,
    /// Only follow-ups in this state.
    pub state: Option<FollowUpStateName>,
    /// Only follow-ups of this urgency.
    pub urgency: Option<UrgencyName>,
}

/// A submission in an export.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExportedSubmission)]
pub struct ExportedSubmissionBody {
    /// Pass it as `after` to continue after this row.
    pub cursor: String,
    /// Id of the submission.
    pub id: Uuid,
    /// When it was received.
    pub received_at: Timestamp,
    /// When the questions were answered; null if not given.
    pub answered_at: Option<Timestamp>,
    /// Id of the subject.
    pub subject_id: Uuid,
    /// The reference of the subject.
    pub reference: Option<String>,
    /// The system that assigned the reference; null for the clinic itself.
    pub reference_system: Option<String>,
    /// Origin of the submission.
    pub origin: OriginName,
    /// Version of the rule table.
    pub rule_table: String,
    /// The own score total: points from the answered items.
    pub score_total: i32,
    /// Lowest total that the missing answers allow.
    pub score_lower: i32,
    /// Highest total that the missing answers allow.
    pub score_upper: i32,
    /// The band; null unless settled.
    pub band: Option<BandName>,
    /// The band of the lower bound.
    pub band_at_least: BandName,
    /// The band of the upper bound.
    pub band_at_most: BandName,
    /// How soon the person should be seen.
    pub care_level: Option<CareLevelName>,
    /// Whether the submission is flagged.
    pub flagged: bool,
    /// Ids of the rules that applied.
    pub findings: Vec<String>,
    /// Ids of the instruments that are positive.
    pub positive_instruments: Vec<String>,
    /// Id of the follow-up; null if there is none.
    pub follow_up_id: Option<Uuid>,
    /// The other system that the submission comes from.
    pub source_system: Option<String>,
    /// Id of the record in that system.
    pub source_id: Option<String>,
    /// Whether this is history imported from another system, which opens no follow-up.
    pub imported: bool,
    /// Whether this is a test, which opens no follow-up and is counted nowhere.
    pub test: bool,
    /// The submission that this one corrects.
    pub supersedes: Option<Uuid>,
    /// The submission that corrects this one, which then counts no longer.
    pub superseded_by: Option<Uuid>,
}

/// A follow-up in an export.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExportedFollowUp)]
pub struct ExportedFollowUpBody {
    /// Pass it as `after` to continue after this row.
    pub cursor: String,
    /// Id of the follow-up.
    pub id: Uuid,
    /// Id of the subject.
    pub subject_id: Uuid,
    /// The reference of the subject.
    pub reference: Option<String>,
    /// The system that assigned the reference; null for the clinic itself.
    pub reference_system: Option<String>,
    /// State of the follow-up.
    pub state: FollowUpStateName,
    /// How urgent the follow-up is.
    pub urgency: UrgencyName,
    /// Id of the credential that the follow-up is assigned to.
    pub assignee: Option<Uuid>,
    /// Number of attempts to reach the person.
    pub attempts: i16,
    /// Number of appointments that the person did not keep.
    pub missed_appointments: i16,
    /// When the first submission of the follow-up was flagged.
    pub flagged_at: Timestamp,
    /// When the follow-up is due.
    pub due_at: Timestamp,
    /// The appointment.
    pub appointment_at: Option<Timestamp>,
    /// How the follow-up ended: attended, declined, unreachable or `not_needed`.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<ClosingOutcomeName>,
    /// Why no follow-up was needed.
    #[schema(value_type = Option<String>)]
    pub not_needed_reason: Option<NotNeededReasonName>,
    /// The diagnosis: none, possible, probable or confirmed.
    #[schema(value_type = Option<String>)]
    pub diagnosis: Option<DiagnosisName>,
    /// Grip strength, kilograms.
    pub grip_strength_kg: Option<f64>,
    /// Time for five chair stands, seconds.
    pub five_chair_stands_s: Option<f64>,
    /// When the follow-up was closed.
    pub closed_at: Option<Timestamp>,
    /// The highest settled band of its submissions.
    pub band: BandName,
    /// Ids of the rules that applied to any of its submissions.
    pub findings: Vec<String>,
    /// Ids of the instruments on which any of its submissions is positive.
    pub positive_instruments: Vec<String>,
    /// Whether any submission that counts is flagged; false only after a correction.
    pub flagged: bool,
    /// When the last correction of one of its submissions was received.
    pub corrected_at: Option<Timestamp>,
}

/// Last line of an NDJSON export; marks it as complete.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ExportEnd)]
pub struct ExportEndBody {
    /// Always true.
    pub end: bool,
    /// Number of rows before this line.
    pub rows: u64,
}

impl SubmissionExportQuery {
    pub fn filter(self) -> SubmissionFilter {
        SubmissionFilter {
            flagged: self.flagged,
            imported: self.imported,
            test: self.test,
            below_floor: false,
            band: self.band.map(|band| band.0),
            min_score: self.min_score,
            finding: self.finding,
            instrument_positive: self.instrument_positive,
            received_from: self.received_from,
            received_to: self.received_to,
            subject_id: self.subject_id.map(SubjectId),
        }
    }
}

impl FollowUpExportQuery {
    pub fn filter(self) -> FollowUpFilter {
        FollowUpFilter {
            states: self.state.map(|state| state.0).into_iter().collect(),
            urgency: self.urgency.map(|urgency| urgency.0),
            ..FollowUpFilter::default()
        }
    }
}

fn system_of(reference: Option<&Reference>) -> Option<String> {
    reference?.system().map(str::to_owned)
}

impl From<Exported<ExportedSubmission>> for ExportedSubmissionBody {
    fn from(exported: Exported<ExportedSubmission>) -> Self {
        let Exported { cursor, row } = exported;
        let (source_system, source_id) = row.source.map(|source| (source.system, source.id)).unzip();
        let summary = SubmissionSummaryBody::from(row.summary);
        Self {
            cursor,
            id: summary.id,
            received_at: summary.received_at,
            answered_at: row.answered_at,
            subject_id: summary.subject_id,
            reference: row.reference.as_ref().map(|reference| reference.value().to_owned()),
            reference_system: system_of(row.reference.as_ref()),
            origin: summary.origin,
            rule_table: summary.rule_table,
            score_total: summary.score.total,
            score_lower: summary.score.lower,
            score_upper: summary.score.upper,
            band: summary.band,
            band_at_least: summary.band_at_least,
            band_at_most: summary.band_at_most,
            care_level: summary.care_level,
            flagged: summary.flagged,
            findings: row.findings,
            positive_instruments: row.positive_instruments,
            follow_up_id: summary.follow_up_id,
            source_system,
            source_id,
            imported: summary.imported,
            test: summary.test,
            supersedes: summary.supersedes,
            superseded_by: summary.superseded_by,
        }
    }
}

impl From<Exported<ExportedFollowUp>> for ExportedFollowUpBody {
    fn from(exported: Exported<ExportedFollowUp>) -> Self {
        let Exported { cursor, row: ExportedFollowUp { follow_up, reference } } = exported;
        let findings = follow_up.findings.clone();
        // `overdue`, which depends on the time, is not exported.
        let case = FollowUpBody::new(follow_up, Timestamp::UNIX_EPOCH);
        Self {
            cursor,
            id: case.id,
            subject_id: case.subject_id,
            reference_system: system_of(reference.as_ref()),
            reference: reference.map(|reference| reference.value().to_owned()),
            state: case.state,
            urgency: case.urgency,
            assignee: case.assignee,
            attempts: case.attempts,
            missed_appointments: case.missed_appointments,
            flagged_at: case.flagged_at,
            due_at: case.due_at,
            appointment_at: case.appointment_at,
            outcome: case.outcome,
            not_needed_reason: case.not_needed_reason,
            diagnosis: case.diagnosis,
            grip_strength_kg: case.grip_strength_kg,
            five_chair_stands_s: case.five_chair_stands_s,
            closed_at: case.closed_at,
            band: case.band,
            findings,
            positive_instruments: case.positive_instruments,
            flagged: case.flagged,
            corrected_at: case.corrected_at,
        }
    }
}
