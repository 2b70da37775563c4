//! Keeps decided changes of follow-ups: the follow-ups, their history, their events and the audit entries, all of it or
//! nothing.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::row::{Written, follow_up_query};
use crate::domain::follow_ups::{Change, FollowUp, Refusal};
use crate::domain::ids::{ClinicId, CredentialId, EventId, FollowUpId, SubjectId, SubmissionId};
use crate::domain::{audit::AuditEntry, webhooks::Event};
use crate::store::audit;
use crate::store::database::{Connection, Keys};
use crate::store::error::{Result, StoreError};

/// A decided change of a follow-up, with what is written beside it.
pub(in crate::store) struct Decision {
    pub clinic_id: ClinicId,
    pub change: Change,
    /// The id of the event, if the change has one.
    pub event_id: EventId,
    pub note_sealed: Option<Vec<u8>>,
}

/// Writes decisions, and the audit entries of the work that they belong to. `false` when a follow-up changed since it was
/// decided on, or its subject got another open one. The transaction must then be rolled back. Several decisions may be about
/// one follow-up, each on the version before.
pub(in crate::store) async fn keep(
    connection: &mut Connection,
    keys: &Keys,
    decisions: &[Decision],
    entries: &[AuditEntry],
) -> Result<bool> {
    if !decisions.is_empty() {
        let rows = rows(decisions);
        let history: Vec<_> = decisions.iter().map(HistoryRow::new).collect();
        let events: Vec<_> = decisions.iter().filter_map(delivery).collect();
        let clinics: Vec<Uuid> = decisions.iter().map(|decision| decision.clinic_id.0).collect();
        let clinics = connection.named(&clinics);
        let kept = follow_up_query!(write rows, history, events, clinics).fetch_one(&mut *connection).await?;
        if !kept {
            return Ok(false);
        }
    }
    audit::insert_all(keys, connection, entries).await?;
    Ok(true)
}

pub(in crate::store) fn refused(refusal: Refusal) -> StoreError {
    StoreError::Refused(refusal.sentence())
}

/// The row of each follow-up after its last change.
fn rows(decisions: &[Decision]) -> Vec<Written<'_>> {
    let mut rows = BTreeMap::new();
    for Decision { clinic_id, change, .. } in decisions {
        let row = rows.entry((*clinic_id, change.after.follow_up_id)).or_insert((change.before, change));
        row.1 = change;
    }
    rows.into_iter()
        .map(|((clinic_id, _), (before, last))| Written::new(clinic_id, before, &last.after, last.at))
        .collect()
}

/// The row of a version in the history, in JSON.
#[derive(Serialize)]
struct HistoryRow<'a> {
    clinic_id: ClinicId,
    follow_up_id: FollowUpId,
    version: i32,
    at: Timestamp,
    credential_id: Option<CredentialId>,
    command: &'static str,
    submission_id: Option<SubmissionId>,
    reached: Option<bool>,
    note_sealed: Option<String>,
    after: &'a FollowUp,
}

impl<'a> HistoryRow<'a> {
    fn new(Decision { clinic_id, change, note_sealed, .. }: &'a Decision) -> Self {
        Self {
            clinic_id: *clinic_id,
            follow_up_id: change.after.follow_up_id,
            version: change.after.version,
            at: change.at,
            credential_id: change.by,
            command: change.kind.as_str(),
            submission_id: change.submission_id,
            reached: change.reached,
            note_sealed: note_sealed.as_ref().map(|sealed| format!("\\x{}", HEXLOWER.encode(sealed))),
            after: &change.after,
        }
    }
}

/// The row of a delivery, in JSON: the event of a change, for each endpoint that subscribes to it.
#[derive(Serialize)]
struct Delivery {
    clinic_id: ClinicId,
    event_id: EventId,
    event: &'static str,
    at: Timestamp,
    subject_id: Option<SubjectId>,
    data: Value,
}

fn delivery(Decision { clinic_id, change, event_id, .. }: &Decision) -> Option<Delivery> {
    let Event { event_id, kind, at, subject_id, data } = Event::of_change(*event_id, change)?;
    Some(Delivery { clinic_id: *clinic_id, event_id, event: kind.as_str(), at, subject_id, data })
}
