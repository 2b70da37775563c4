//! What leaves in an export: a row for each submission or case, without contact data, notes or answers.

use jiff::Timestamp;

use super::assessment::Score;
use super::follow_up::{FollowUpState, Urgency};
use super::ids::{CredentialId, FollowUpId, SubjectId, SubmissionId};
use super::red_flag::CareLevel;
use super::rule_table::Band;
use super::submission::{ExternalSource, Origin};

/// A part of an export: what was read in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<T> {
    /// The rows, oldest first. None of them when the filter passes over all that was read.
    pub rows: Vec<Exported<T>>,
    /// The cursor behind which to read on; `None` when everything was read.
    pub next: Option<String>,
}

/// A row with the cursor behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported<T> {
    /// Hand it back to go on behind this row.
    pub cursor: String,
    /// The row.
    pub row: T,
}

/// A submission in an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedSubmission {
    /// Its id.
    pub submission_id: SubmissionId,
    /// When it was received.
    pub received_at: Timestamp,
    /// When the questions were answered, where it said so.
    pub answered_at: Option<Timestamp>,
    /// Whether it is history of another system, which opened no case.
    pub imported: bool,
    /// The person.
    pub subject_id: SubjectId,
    /// The clinic's reference of the person.
    pub reference: Option<String>,
    /// Where it came from.
    pub origin: Origin,
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
    /// Ids of the rules that applied.
    pub findings: Vec<String>,
    /// Ids of the instruments that are positive.
    pub positive_instruments: Vec<String>,
    /// The case.
    pub follow_up_id: Option<FollowUpId>,
    /// The record in another system.
    pub source: Option<ExternalSource>,
}

/// A case in an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFollowUp {
    /// Its id.
    pub follow_up_id: FollowUpId,
    /// The person.
    pub subject_id: SubjectId,
    /// The clinic's reference of the person.
    pub reference: Option<String>,
    /// Where it stands.
    pub state: FollowUpState,
    /// How soon to act.
    pub urgency: Urgency,
    /// Who has it.
    pub assignee: Option<CredentialId>,
    /// How often the person was called.
    pub attempts: i16,
    /// How many appointments the person missed.
    pub missed_appointments: i16,
    /// When its first submission was flagged.
    pub flagged_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
    /// The appointment.
    pub appointment_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Why it was not needed.
    pub not_needed_reason: Option<String>,
    /// What was diagnosed.
    pub diagnosis: Option<String>,
    /// Grip strength, grams.
    pub grip_strength_g: Option<i32>,
    /// The time of five chair stands, milliseconds.
    pub five_chair_stands_ms: Option<i32>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The highest settled band of its submissions.
    pub band: Band,
    /// Ids of the rules that applied to any of its submissions.
    pub findings: Vec<String>,
    /// Ids of the instruments that any of its submissions is positive on.
    pub positive_instruments: Vec<String>,
}
