//! The row of a follow-up: its columns, and how they are read and written.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::follow_ups::{
    Closing, ClosingOutcome, Dated, Diagnosis, FollowUp, FollowUpState, NotNeededReason, StateName,
};
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId};
use crate::domain::screening::urgency::Urgency;
use crate::store::database::{known, row::band};
use crate::store::error::Result;

/// Queries of follow-ups. Their columns are listed here only; times have a list of their own, because a checked query names
/// their type. This is a macro because sqlx checks literals only.
///
/// - `follow_up_query!(select "where ..", arguments)`: a checked query for [`Row`].
/// - `follow_up_query!(text)`: the text of such a query up to its conditions, for one that is built at run time.
/// - `follow_up_query!(write rows, history, events, clinics)`: the statement of [`super::keep::keep`].
macro_rules! follow_up_query {
    ($query:ident $($rest:tt)*) => {
        $crate::store::follow_ups::row::follow_up_query!(
            @$query
            ["subject_id" "state" "urgency" "assignee" "attempts" "missed_appointments" "outcome" "not_needed_reason"
             "diagnosis" "grip_strength_g" "five_chair_stands_ms" "band" "findings" "positive_instruments" "flagged"
             "row_version"]
            ["flagged_at" "due_at" "appointment_at" "closed_at" "last_received_at" "corrected_at"]
            $($rest)*
        )
    };
    (@select [$($column:tt)*] [$($time:tt)*] $tail:tt $($arguments:tt)*) => {
        sqlx::query_as!(
            $crate::store::follow_ups::row::Row,
            "select clinic_id, follow_up_id, updated_at as \"updated_at: jiff_sqlx::Timestamp\"" $(+ ", " + $column)*
                $(+ ", " + $time + " as \"" + $time + ": jiff_sqlx::Timestamp\"")*
                + " from follow_ups " + $tail
            $($arguments)*
        )
    };
    (@text [$($column:tt)*] [$($time:tt)*]) => {
        concat!("select clinic_id, follow_up_id, updated_at", $(", ", $column,)* $(", ", $time,)* " from follow_ups ")
    };
    // Rows with a `before` replace that version, rows without one are added. The counts make PostgreSQL update every row
    // before it adds one, and add the history and the events only if it wrote every row.
    (@write [$($column:tt)*] [$($time:tt)*] $rows:tt, $history:tt, $events:tt, $clinics:tt) => {
        sqlx::query_scalar!(
            "with input as materialized (
                 select (value->>'before')::integer as before, r.*
                 from jsonb_array_elements($1), jsonb_populate_record(null::follow_ups, value) r
             ), changed as (
                 update follow_ups f set updated_at = i.updated_at"
                     $(+ ", " + $column + " = i." + $column)* $(+ ", " + $time + " = i." + $time)* + "
                 from input i
                 where f.clinic_id = i.clinic_id and f.follow_up_id = i.follow_up_id and f.row_version = i.before
                   and ($4::uuid[] is null or f.clinic_id = any($4))
                 returning f.follow_up_id
             ), added as (
                 insert into follow_ups (clinic_id, follow_up_id, updated_at"
                     $(+ ", " + $column)* $(+ ", " + $time)* + ")
                 select clinic_id, follow_up_id, updated_at" $(+ ", " + $column)* $(+ ", " + $time)* + "
                 from input
                 where before is null and (select count(*) from changed) = (select count(before) from input)
                 order by clinic_id, subject_id
                 on conflict (clinic_id, subject_id) where state <> 'closed' do nothing
                 returning follow_up_id
             ), written as (
                 select (select count(*) from changed) + (select count(*) from added) = jsonb_array_length($1) as whole
             ), history as (
                 insert into follow_up_events (clinic_id, follow_up_id, version, at, credential_id, command, submission_id,
                                               reached, note_sealed, after)
                 select clinic_id, follow_up_id, version, at, credential_id, command, submission_id, reached, note_sealed,
                        after
                 from jsonb_populate_recordset(null::follow_up_events, $2), written where whole
             ), events as (
                 insert into webhook_deliveries (clinic_id, webhook_id, event_id, event, at, subject_id, data, due_at)
                 select clinic_id, w.webhook_id, e.event_id, e.event, e.at, e.subject_id, e.data, e.at
                 from jsonb_populate_recordset(null::webhook_deliveries, $3) e
                 join webhook_endpoints w using (clinic_id), written
                 where whole and w.disabled_at is null and e.event = any (w.events)
                   and ($4 is null or w.clinic_id = any($4))
             )
             select whole as \"whole!\" from written",
            sqlx::types::Json($rows) as _,
            sqlx::types::Json($history) as _,
            sqlx::types::Json($events) as _,
            $clinics,
        )
    };
}
pub(in crate::store) use follow_up_query;

const TABLE: &str = "follow_ups";

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the fields are named as the columns")]
pub(in crate::store) struct Row {
    pub clinic_id: Uuid,
    pub follow_up_id: Uuid,
    pub subject_id: Uuid,
    pub state: String,
    pub urgency: i16,
    pub assignee: Option<Uuid>,
    pub attempts: i16,
    pub missed_appointments: i16,
    pub outcome: Option<String>,
    pub not_needed_reason: Option<String>,
    pub diagnosis: Option<String>,
    pub grip_strength_g: Option<i32>,
    pub five_chair_stands_ms: Option<i32>,
    pub band: String,
    pub findings: Vec<String>,
    pub positive_instruments: Vec<String>,
    pub flagged: bool,
    pub row_version: i32,
    pub flagged_at: jiff_sqlx::Timestamp,
    pub due_at: jiff_sqlx::Timestamp,
    pub appointment_at: Option<jiff_sqlx::Timestamp>,
    pub closed_at: Option<jiff_sqlx::Timestamp>,
    pub last_received_at: jiff_sqlx::Timestamp,
    pub corrected_at: Option<jiff_sqlx::Timestamp>,
    pub updated_at: jiff_sqlx::Timestamp,
}

impl Row {
    fn state(&self) -> Result<FollowUpState> {
        let assignee = self.assignee.map(CredentialId);
        let assigned = || known(assignee, TABLE, "assignee");
        let appointment = self.appointment_at.map(jiff_sqlx::Timestamp::to_jiff);
        Ok(match known(StateName::parse(&self.state), TABLE, "state")? {
            StateName::Open => FollowUpState::Open,
            StateName::Assigned => FollowUpState::Assigned { assignee: assigned()? },
            StateName::Contacted => FollowUpState::Contacted { assignee: assigned()? },
            StateName::Booked => {
                FollowUpState::Booked { assignee: assigned()?, at: known(appointment, TABLE, "appointment_at")? }
            }
            StateName::Closed => FollowUpState::Closed {
                assignee,
                appointment,
                closing: self.closing()?,
                at: known(self.closed_at, TABLE, "closed_at")?.to_jiff(),
            },
        })
    }

    fn closing(&self) -> Result<Closing> {
        let diagnosis = |name: &String| known(Diagnosis::parse(name), TABLE, "diagnosis");
        Ok(match known(self.outcome.as_deref().and_then(ClosingOutcome::parse), TABLE, "outcome")? {
            ClosingOutcome::Attended => Closing::Attended {
                diagnosis: self.diagnosis.as_ref().map(diagnosis).transpose()?,
                grip_strength_g: self.grip_strength_g,
                five_chair_stands_ms: self.five_chair_stands_ms,
            },
            ClosingOutcome::Declined => Closing::Declined,
            ClosingOutcome::Unreachable => Closing::Unreachable,
            ClosingOutcome::NotNeeded => {
                let reason = self.not_needed_reason.as_deref().and_then(NotNeededReason::parse);
                Closing::NotNeeded { reason: known(reason, TABLE, "not_needed_reason")? }
            }
        })
    }
}

impl Row {
    pub(in crate::store) fn read_dated(self) -> Result<Dated> {
        let changed_at = self.updated_at.to_jiff();
        Ok(Dated { follow_up: self.read()?, changed_at })
    }

    pub(in crate::store) fn read(self) -> Result<FollowUp> {
        Ok(FollowUp {
            state: self.state()?,
            follow_up_id: FollowUpId(self.follow_up_id),
            subject_id: SubjectId(self.subject_id),
            urgency: known(Urgency::from_rank(self.urgency), TABLE, "urgency")?,
            attempts: self.attempts,
            missed_appointments: self.missed_appointments,
            flagged_at: self.flagged_at.to_jiff(),
            due_at: self.due_at.to_jiff(),
            last_received_at: self.last_received_at.to_jiff(),
            band: band(&self.band)?,
            findings: self.findings,
            positive_instruments: self.positive_instruments,
            flagged: self.flagged,
            corrected_at: self.corrected_at.map(jiff_sqlx::Timestamp::to_jiff),
            version: self.row_version,
        })
    }
}

/// The row of a follow-up in JSON, for [`follow_up_query`].
#[derive(Serialize)]
pub(super) struct Written<'a> {
    /// The version that it replaces.
    before: Option<i32>,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    subject_id: SubjectId,
    state: &'static str,
    urgency: i16,
    assignee: Option<CredentialId>,
    attempts: i16,
    missed_appointments: i16,
    outcome: Option<&'static str>,
    not_needed_reason: Option<&'static str>,
    diagnosis: Option<&'static str>,
    grip_strength_g: Option<i32>,
    five_chair_stands_ms: Option<i32>,
    band: &'static str,
    findings: &'a [String],
    positive_instruments: &'a [String],
    flagged: bool,
    row_version: i32,
    flagged_at: Timestamp,
    due_at: Timestamp,
    appointment_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    last_received_at: Timestamp,
    corrected_at: Option<Timestamp>,
    updated_at: Timestamp,
}

impl<'a> Written<'a> {
    pub(super) fn new(clinic_id: ClinicId, before: Option<i32>, case: &'a FollowUp, at: Timestamp) -> Self {
        let closed = case.state.closed();
        let closing = closed.map(|(closing, _)| closing);
        let (diagnosis, grip_strength_g, five_chair_stands_ms) = closing.map_or((None, None, None), Closing::results);
        Self {
            before,
            clinic_id,
            follow_up_id: case.follow_up_id,
            subject_id: case.subject_id,
            state: case.state.name().as_str(),
            urgency: case.urgency.rank(),
            assignee: case.state.assignee(),
            attempts: case.attempts,
            missed_appointments: case.missed_appointments,
            outcome: closing.map(|closing| closing.outcome().as_str()),
            not_needed_reason: closing.and_then(Closing::reason).map(NotNeededReason::as_str),
            diagnosis: diagnosis.map(Diagnosis::as_str),
            grip_strength_g,
            five_chair_stands_ms,
            band: case.band.as_str(),
            findings: &case.findings,
            positive_instruments: &case.positive_instruments,
            flagged: case.flagged,
            row_version: case.version,
            flagged_at: case.flagged_at,
            due_at: case.due_at,
            appointment_at: case.state.appointment_at(),
            closed_at: closed.map(|(_, at)| at),
            last_received_at: case.last_received_at,
            corrected_at: case.corrected_at,
            updated_at: at,
        }
    }
}
