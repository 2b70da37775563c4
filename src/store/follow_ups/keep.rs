//! Keeps decided changes of follow-ups: the follow-ups, their history, their events and the audit entries, all of it or
//! nothing.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use uuid::Uuid;

use super::row::{follow_up_query, written};
use crate::domain::follow_ups::{Change, Refusal};
use crate::domain::ids::{ClinicId, EventId};
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
        let history: Value = decisions.iter().map(version).collect();
        let events: Value = decisions.iter().filter_map(event).collect();
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
fn rows(decisions: &[Decision]) -> Value {
    let mut rows = BTreeMap::new();
    for Decision { clinic_id, change, .. } in decisions {
        let row = rows.entry((*clinic_id, change.after.follow_up_id)).or_insert((change.before, change));
        row.1 = change;
    }
    rows.into_iter().map(|((clinic_id, _), (before, last))| written(clinic_id, before, &last.after, last.at)).collect()
}

/// The row of a version in the history.
fn version(decision: &Decision) -> Value {
    let Decision { clinic_id, change, note_sealed, .. } = decision;
    json!({
        "clinic_id": clinic_id,
        "follow_up_id": change.after.follow_up_id,
        "version": change.after.version,
        "at": change.at,
        "credential_id": change.by,
        "command": change.kind.as_str(),
        "submission_id": change.submission_id,
        "reached": change.reached,
        "note_sealed": note_sealed.as_ref().map(|sealed| format!("\\x{}", HEXLOWER.encode(sealed))),
        "after": change.after,
    })
}

/// The event of a change, as it is delivered to each endpoint that subscribes to it.
fn event(decision: &Decision) -> Option<Value> {
    let event = Event::of_change(decision.event_id, &decision.change)?;
    Some(json!({
        "clinic_id": decision.clinic_id,
        "event_id": event.event_id,
        "event": event.kind.as_str(),
        "at": event.at,
        "subject_id": event.subject_id,
        "data": event.data,
    }))
}
