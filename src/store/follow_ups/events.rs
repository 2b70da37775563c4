//! The history of follow-ups: one row per version, with sealed notes.

use aws_lc_rs::digest;
use jiff::Timestamp;
use uuid::Uuid;

use super::Row as Case;
use crate::domain::follow_ups::{EventKind, FollowUp, FollowUpEvent, Note};
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubmissionId};
use crate::store::database::connection::Connection;
use crate::store::database::keys::{Keys, Place, SealNonce};
use crate::store::database::row::{at, known};
use crate::store::{Store, StoreError};

/// Maximum number of versions returned. Of a longer history, the latest versions are returned.
pub const HISTORY_LIMIT: i64 = 1000;

/// What made a version, for [`record`].
#[derive(Clone, Debug)]
pub(in crate::store) struct Made {
    pub kind: EventKind,
    pub at: Timestamp,
    pub by: Option<CredentialId>,
    pub submission_id: Option<SubmissionId>,
    pub reached: Option<bool>,
    pub note_sealed: Option<Vec<u8>>,
}

/// Adds the current version of a follow-up to its history, in the transaction that made it.
pub(in crate::store) async fn record(
    connection: &mut Connection,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    made: Made,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into follow_up_events (
             clinic_id, follow_up_id, version, at, credential_id, command, submission_id, reached, note_sealed,
             subject_id, state, urgency, assignee, attempts, missed_appointments, due_at, appointment_at, outcome,
             not_needed_reason, diagnosis, grip_strength_g, five_chair_stands_ms, closed_at, last_received_at, band,
             positive_instruments)
         select clinic_id, follow_up_id, row_version, $3, $4, $5, $6, $7, $8,
             subject_id, state, urgency, assignee, attempts, missed_appointments, due_at, appointment_at, outcome,
             not_needed_reason, diagnosis, grip_strength_g, five_chair_stands_ms, closed_at, last_received_at, band,
             positive_instruments
         from follow_ups where clinic_id = $1 and follow_up_id = $2",
        clinic_id.0,
        follow_up_id.0,
        at(made.at) as _,
        made.by.map(|id| id.0),
        made.kind.as_str(),
        made.submission_id.map(|id| id.0),
        made.reached,
        made.note_sealed,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One version of a follow-up, with the time it was made.
///
/// # Errors
/// Fails when the database is unavailable, or when the row violates an invariant.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    version: i32,
) -> Result<Option<FollowUpEvent>, StoreError> {
    let found = versions(store, clinic_id, follow_up_id, version..=version).await?;
    Ok(found.into_iter().next())
}

/// All versions of a follow-up, oldest first. At most the latest [`HISTORY_LIMIT`].
///
/// # Errors
/// Fails when the database is unavailable, when a note cannot be decrypted, or when a row violates an invariant.
pub async fn list(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
) -> Result<Vec<FollowUpEvent>, StoreError> {
    versions(store, clinic_id, follow_up_id, 0..=i32::MAX).await
}

async fn versions(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    range: std::ops::RangeInclusive<i32>,
) -> Result<Vec<FollowUpEvent>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select e.command, e.credential_id, c.display_name as "display_name?", e.submission_id, e.reached,
                  e.note_sealed, e.at as "at: jiff_sqlx::Timestamp",
                  e.follow_up_id, e.subject_id, e.state, e.urgency, e.assignee, e.attempts, e.missed_appointments,
                  f.flagged_at as "flagged_at: jiff_sqlx::Timestamp", e.due_at as "due_at: jiff_sqlx::Timestamp",
                  e.appointment_at as "appointment_at: jiff_sqlx::Timestamp", e.outcome, e.not_needed_reason,
                  e.diagnosis, e.grip_strength_g, e.five_chair_stands_ms,
                  e.closed_at as "closed_at: jiff_sqlx::Timestamp",
                  e.last_received_at as "last_received_at: jiff_sqlx::Timestamp", e.band, e.positive_instruments,
                  e.version
           from follow_up_events e
           join follow_ups f on f.clinic_id = e.clinic_id and f.follow_up_id = e.follow_up_id
           left join credentials c on c.clinic_id = e.clinic_id and c.credential_id = e.credential_id
           where e.clinic_id = $1 and e.follow_up_id = $2 and e.version between $3 and $4
           order by e.version desc limit $5"#,
        clinic_id.0,
        follow_up_id.0,
        range.start(),
        range.end(),
        HISTORY_LIMIT,
    )
    .fetch_all(&mut *store.clinic(clinic_id).await?)
    .await?;
    rows.into_iter().rev().map(|row| row.open(&store.keys, clinic_id)).collect()
}

/// Seals a note for the version of the follow-up that it is written with.
pub(in crate::store) fn seal_note(
    keys: &Keys,
    clinic_id: ClinicId,
    case: &FollowUp,
    note: &Note,
    nonce: SealNonce,
) -> Result<Vec<u8>, StoreError> {
    keys.seal(note_place(clinic_id, case.follow_up_id, case.version), nonce, note.as_str()).map_err(sealing)
}

/// The place of a note: one version of one follow-up. The place is authenticated, so a note moved to another version cannot
/// be decrypted.
pub(in crate::store) fn note_place(clinic_id: ClinicId, follow_up_id: FollowUpId, version: i32) -> Place {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(follow_up_id.0.as_bytes());
    context.update(&version.to_be_bytes());
    let whole = context.finish();
    let row_id = whole.as_ref().first_chunk::<16>().map_or(Uuid::nil(), |half| Uuid::from_bytes(*half));
    Place { clinic_id: clinic_id.0, row_id, column: "follow_up_events.note_sealed" }
}

fn sealing(_: crate::store::database::keys::KeyError) -> StoreError {
    StoreError::Inconsistent { table: "follow_up_events", what: "a note cannot be decrypted with this master key" }
}

struct Row {
    command: String,
    credential_id: Option<Uuid>,
    display_name: Option<String>,
    submission_id: Option<Uuid>,
    reached: Option<bool>,
    note_sealed: Option<Vec<u8>>,
    at: jiff_sqlx::Timestamp,
    follow_up_id: Uuid,
    subject_id: Uuid,
    state: String,
    urgency: i16,
    assignee: Option<Uuid>,
    attempts: i16,
    missed_appointments: i16,
    flagged_at: jiff_sqlx::Timestamp,
    due_at: jiff_sqlx::Timestamp,
    appointment_at: Option<jiff_sqlx::Timestamp>,
    outcome: Option<String>,
    not_needed_reason: Option<String>,
    diagnosis: Option<String>,
    grip_strength_g: Option<i32>,
    five_chair_stands_ms: Option<i32>,
    closed_at: Option<jiff_sqlx::Timestamp>,
    last_received_at: jiff_sqlx::Timestamp,
    band: String,
    positive_instruments: Vec<String>,
    version: i32,
}

impl Row {
    fn open(self, keys: &Keys, clinic_id: ClinicId) -> Result<FollowUpEvent, StoreError> {
        let place = note_place(clinic_id, FollowUpId(self.follow_up_id), self.version);
        let open = |sealed: Vec<u8>| keys.open(place, &sealed).map(|note| note.to_string()).map_err(sealing);
        Ok(FollowUpEvent {
            kind: known(EventKind::parse(&self.command), "follow_up_events", "command")?,
            at: self.at.to_jiff(),
            by: self.credential_id.map(CredentialId),
            by_name: self.display_name,
            submission_id: self.submission_id.map(SubmissionId),
            reached: self.reached,
            note: self.note_sealed.map(open).transpose()?,
            after: FollowUp::try_from(Case {
                follow_up_id: self.follow_up_id,
                subject_id: self.subject_id,
                state: self.state,
                urgency: self.urgency,
                assignee: self.assignee,
                attempts: self.attempts,
                missed_appointments: self.missed_appointments,
                flagged_at: self.flagged_at,
                due_at: self.due_at,
                appointment_at: self.appointment_at,
                outcome: self.outcome,
                not_needed_reason: self.not_needed_reason,
                diagnosis: self.diagnosis,
                grip_strength_g: self.grip_strength_g,
                five_chair_stands_ms: self.five_chair_stands_ms,
                closed_at: self.closed_at,
                last_received_at: self.last_received_at,
                band: self.band,
                positive_instruments: self.positive_instruments,
                version: self.version,
            })?,
        })
    }
}
