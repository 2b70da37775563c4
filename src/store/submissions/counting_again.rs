//! What the erasure of a correction does to the follow-ups of its subject: the submission that it corrected counts again.

use uuid::Uuid;

use crate::domain::follow_ups::{Counting, EventKind, FollowUp, Restored, restore};
use crate::domain::ids::{ClinicId, EventId, FollowUpId, SubmissionId};
use crate::domain::{audit::AuditEntry, clinics::DueHours};
use crate::store::database::{Connection, Keys};
use crate::store::error::{Result, StoreError};
use crate::store::follow_ups::counting;
use crate::store::follow_ups::keep::{Decision, keep, refused};
use crate::store::subjects::erasure::remove_cases;
use crate::store::subjects::retention::without_submissions;

/// Lets a submission count again. `cases` are all follow-ups of its subject, locked with the subject. Writes the change of a
/// follow-up, and `entry` if it is reopened.
pub(super) async fn count_again(
    connection: &mut Connection,
    keys: &Keys,
    submission_id: SubmissionId,
    cases: Vec<FollowUp>,
    entry: &AuditEntry,
    due: DueHours,
) -> Result<()> {
    let clinic_id = entry.clinic_id;
    let mut counted: Vec<(FollowUp, Counting)> = Vec::with_capacity(cases.len());
    for case in cases {
        let counting = counting::read(connection, clinic_id, &case).await?;
        counted.push((case, counting));
    }
    let hours = |urgency| due.hours_for(urgency);
    let Restored { change, joins } =
        restore(&counted, submission_id, entry.credential_id, entry.at, hours).map_err(refused)?;
    if let Some(change) = change {
        let entries: Vec<AuditEntry> = if change.kind == EventKind::Reopen {
            let (resource_id, subject_id) = (change.after.follow_up_id.0, Some(change.after.subject_id));
            vec![AuditEntry { resource_id, subject_id, ..entry.clone() }]
        } else {
            Vec::new()
        };
        let event_id = EventId(entry.audit_entry_id.0);
        let decision = Decision { clinic_id, change, event_id, note_sealed: None };
        if !keep(connection, keys, &[decision], &entries).await? {
            return Err(StoreError::Inconsistent { table: "follow_ups", what: "a locked follow-up has changed" });
        }
    }
    let Some(joins) = joins else { return Ok(()) };
    move_to(connection, clinic_id, submission_id, joins).await?;
    let left: Vec<Uuid> =
        counted.iter().filter(|(case, _)| case.state.is_closed()).map(|(case, _)| case.follow_up_id.0).collect();
    let left = without_submissions(connection, clinic_id, &left).await?;
    remove_cases(connection, clinic_id, &left).await
}

async fn move_to(
    connection: &mut Connection,
    clinic_id: ClinicId,
    submission_id: SubmissionId,
    follow_up_id: FollowUpId,
) -> Result<()> {
    sqlx::query!(
        "update submissions set follow_up_id = $3 where clinic_id = $1 and submission_id = $2",
        clinic_id.0,
        submission_id.0,
        follow_up_id.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
