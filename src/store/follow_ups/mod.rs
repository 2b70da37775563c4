//! Follow-ups and their changes by staff. A change is written only on the version that it was decided on. [`super::submissions::intake`]
//! opens and joins follow-ups.

pub mod commands;
pub mod events;
pub(super) mod merged_cases;
pub mod worklist;

use jiff::Timestamp;
use uuid::Uuid;

use super::database::connection::Connection;
use super::database::row::{at, band, known};
use super::{Store, StoreError};
use crate::domain::follow_ups::{
    Closed, Closing, ClosingOutcome, Diagnosis, FollowUp, FollowUpState, NotNeededReason, Urgency,
};
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId};

/// # Errors
/// Fails when the database is unavailable.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
) -> Result<Option<FollowUp>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select follow_up_id, subject_id, state, urgency, assignee, attempts, missed_appointments,
                  flagged_at as "flagged_at: jiff_sqlx::Timestamp", due_at as "due_at: jiff_sqlx::Timestamp",
                  appointment_at as "appointment_at: jiff_sqlx::Timestamp", outcome, not_needed_reason, diagnosis,
                  grip_strength_g, five_chair_stands_ms, closed_at as "closed_at: jiff_sqlx::Timestamp",
                  last_received_at as "last_received_at: jiff_sqlx::Timestamp", band, positive_instruments,
                  row_version as version
           from follow_ups where clinic_id = $1 and follow_up_id = $2"#,
        clinic_id.0,
        follow_up_id.0,
    )
    .fetch_optional(&mut *store.clinic(clinic_id).await?)
    .await?;
    row.map(FollowUp::try_from).transpose()
}

/// Writes the columns that commands can change, if the follow-up has the expected version. `false` if it does not.
pub(super) async fn update(
    connection: &mut Connection,
    clinic_id: ClinicId,
    version: i32,
    after: &FollowUp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let ending = Ending::of(after.closed);
    let done = sqlx::query!(
        "update follow_ups set subject_id = $4, state = $5, assignee = $6, attempts = $7, missed_appointments = $8,
             appointment_at = $9, outcome = $10, not_needed_reason = $11, diagnosis = $12, grip_strength_g = $13,
             five_chair_stands_ms = $14, closed_at = $15, updated_at = $16, row_version = $17
         where clinic_id = $1 and follow_up_id = $2 and row_version = $3",
        clinic_id.0,
        after.follow_up_id.0,
        version,
        after.subject_id.0,
        after.state.as_str(),
        after.assignee.map(|id| id.0),
        after.attempts,
        after.missed_appointments,
        after.appointment_at.map(at) as _,
        ending.outcome,
        ending.reason,
        ending.diagnosis,
        ending.grip_strength_g,
        ending.five_chair_stands_ms,
        after.closed.map(|closed| at(closed.at)) as _,
        at(now) as _,
        after.version,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The columns of a closed follow-up's outcome.
#[derive(Default)]
struct Ending {
    outcome: Option<&'static str>,
    reason: Option<&'static str>,
    diagnosis: Option<&'static str>,
    grip_strength_g: Option<i32>,
    five_chair_stands_ms: Option<i32>,
}

impl Ending {
    fn of(closed: Option<Closed>) -> Self {
        let Some(Closed { closing, .. }) = closed else { return Self::default() };
        let outcome = Some(closing.outcome().as_str());
        match closing {
            Closing::Attended { diagnosis, grip_strength_g, five_chair_stands_ms } => Self {
                outcome,
                diagnosis: diagnosis.map(Diagnosis::as_str),
                grip_strength_g,
                five_chair_stands_ms,
                ..Self::default()
            },
            Closing::NotNeeded(reason) => Self { outcome, reason: Some(reason.as_str()), ..Self::default() },
            Closing::Declined | Closing::Unreachable => Self { outcome, ..Self::default() },
        }
    }
}

/// The columns of a follow-up.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub follow_up_id: Uuid,
    pub subject_id: Uuid,
    pub state: String,
    pub urgency: i16,
    pub assignee: Option<Uuid>,
    pub attempts: i16,
    pub missed_appointments: i16,
    pub flagged_at: jiff_sqlx::Timestamp,
    pub due_at: jiff_sqlx::Timestamp,
    pub appointment_at: Option<jiff_sqlx::Timestamp>,
    pub outcome: Option<String>,
    pub not_needed_reason: Option<String>,
    pub diagnosis: Option<String>,
    pub grip_strength_g: Option<i32>,
    pub five_chair_stands_ms: Option<i32>,
    pub closed_at: Option<jiff_sqlx::Timestamp>,
    pub last_received_at: jiff_sqlx::Timestamp,
    pub band: String,
    pub positive_instruments: Vec<String>,
    pub version: i32,
}

impl Row {
    fn closed(&self) -> Result<Option<Closed>, StoreError> {
        let (Some(outcome), Some(at)) = (&self.outcome, self.closed_at) else { return Ok(None) };
        let diagnosis = |name: &String| known(Diagnosis::parse(name), "follow_ups", "diagnosis");
        let closing = match known(ClosingOutcome::parse(outcome), "follow_ups", "outcome")? {
            ClosingOutcome::Attended => Closing::Attended {
                diagnosis: self.diagnosis.as_ref().map(diagnosis).transpose()?,
                grip_strength_g: self.grip_strength_g,
                five_chair_stands_ms: self.five_chair_stands_ms,
            },
            ClosingOutcome::Declined => Closing::Declined,
            ClosingOutcome::Unreachable => Closing::Unreachable,
            ClosingOutcome::NotNeeded => {
                let reason = self.not_needed_reason.as_deref().and_then(NotNeededReason::parse);
                Closing::NotNeeded(known(reason, "follow_ups", "not_needed_reason")?)
            }
        };
        Ok(Some(Closed { closing, at: at.to_jiff() }))
    }
}

impl TryFrom<Row> for FollowUp {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            closed: row.closed()?,
            follow_up_id: FollowUpId(row.follow_up_id),
            subject_id: SubjectId(row.subject_id),
            state: known(FollowUpState::parse(&row.state), "follow_ups", "state")?,
            urgency: known(Urgency::from_rank(row.urgency), "follow_ups", "urgency")?,
            assignee: row.assignee.map(CredentialId),
            attempts: row.attempts,
            missed_appointments: row.missed_appointments,
            flagged_at: row.flagged_at.to_jiff(),
            due_at: row.due_at.to_jiff(),
            appointment_at: row.appointment_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_received_at: row.last_received_at.to_jiff(),
            band: band(&row.band)?,
            positive_instruments: row.positive_instruments,
            version: row.version,
        })
    }
}
