//! The history of follow-ups: one row per version, with sealed notes.

use serde_json::Value;

use crate::domain::follow_ups::{EventKind, FollowUp, FollowUpEvent, FollowUpState};
use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubmissionId};
use crate::store::database::{Connection, Store, keys::Place, known};
use crate::store::error::Result;

/// Maximum number of versions returned. Of a longer history, the latest versions are returned.
pub const HISTORY_LIMIT: i64 = 1000;

/// One version of a follow-up, with the time it was made.
pub async fn find(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    version: i32,
) -> Result<Option<FollowUpEvent>> {
    let found = versions(store, clinic_id, follow_up_id, version..=version).await?;
    Ok(found.into_iter().next())
}

/// All versions of a follow-up, oldest first. At most the latest [`HISTORY_LIMIT`].
pub async fn list(store: &Store, clinic_id: ClinicId, follow_up_id: FollowUpId) -> Result<Vec<FollowUpEvent>> {
    versions(store, clinic_id, follow_up_id, 0..=i32::MAX).await
}

async fn versions(
    store: &Store,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    range: std::ops::RangeInclusive<i32>,
) -> Result<Vec<FollowUpEvent>> {
    let rows = sqlx::query!(
        r#"select e.version, e.command, e.at as "at: jiff_sqlx::Timestamp", e.credential_id,
                  c.display_name as "display_name?", e.submission_id, e.reached, e.note_sealed, e.after
           from follow_up_events e
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
    let events = rows.into_iter().rev().map(|row| {
        let place = Place::note(clinic_id, follow_up_id, row.version);
        let open = |sealed: Vec<u8>| store.keys.open(place, &sealed).map(|note| note.to_string());
        Ok(FollowUpEvent {
            kind: known(EventKind::parse(&row.command), "follow_up_events", "command")?,
            at: row.at.to_jiff(),
            by: row.credential_id.map(CredentialId),
            by_name: row.display_name,
            submission_id: row.submission_id.map(SubmissionId),
            reached: row.reached,
            note: row.note_sealed.map(open).transpose()?,
            after: parsed(row.after)?,
        })
    });
    events.collect()
}

/// The state of a follow-up in an earlier version.
pub(super) async fn state(
    connection: &mut Connection,
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    version: i32,
) -> Result<Option<FollowUpState>> {
    let after = sqlx::query_scalar!(
        "select after from follow_up_events where clinic_id = $1 and follow_up_id = $2 and version = $3",
        clinic_id.0,
        follow_up_id.0,
        version,
    )
    .fetch_optional(connection)
    .await?;
    Ok(after.map(parsed).transpose()?.map(|after| after.state))
}

fn parsed(after: Value) -> Result<FollowUp> {
    known(serde_json::from_value(after).ok(), "follow_up_events", "after")
}
