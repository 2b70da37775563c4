//! The trail: what a use case adds to it. A change writes its entry in its own transaction; a look is written, on disk,
//! before anything is shown.

use uuid::Uuid;

use super::ambient::new_id;
use super::folding::{self, Kind, Refusal};
use super::{App, AppError};
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, NamedEntry};
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::stored::{Page, PageRequest};
use crate::store;

/// An entry about what somebody did or saw with success. With one person it is about that one; a list names everybody.
///
/// # Errors
/// When the system has no randomness to give.
pub fn entry(
    app: &App,
    actor: &Actor,
    action: AuditAction,
    resource_id: Uuid,
    subjects: &[SubjectId],
) -> Result<AuditEntry, AppError> {
    let entry = operator_entry(app, actor.clinic_id, action, resource_id)?;
    let (subject_id, subject_ids) = about(subjects);
    let (credential_id, request_id) = (Some(actor.credential_id), actor.request_id);
    Ok(AuditEntry { credential_id, subject_id, subject_ids, request_id, ..entry })
}

/// The persons of an entry: one alone, or many.
pub(super) fn about(subjects: &[SubjectId]) -> (Option<SubjectId>, Vec<SubjectId>) {
    match subjects {
        [one] => (Some(*one), Vec::new()),
        many => (None, many.to_vec()),
    }
}

/// An entry about what the operator or background work did for a clinic.
///
/// # Errors
/// When the system has no randomness to give.
pub fn operator_entry(
    app: &App,
    clinic_id: ClinicId,
    action: AuditAction,
    resource_id: Uuid,
) -> Result<AuditEntry, AppError> {
    let at = app.ambient.now();
    Ok(AuditEntry {
        audit_entry_id: new_id(&*app.ambient, at)?,
        clinic_id,
        at,
        credential_id: None,
        action,
        outcome: AuditOutcome::Success,
        resource_id,
        resource_ids: Vec::new(),
        subject_id: None,
        subject_ids: Vec::new(),
        occurrences: 1,
        request_id: None,
    })
}

/// Puts a look on record. Only when this returns may what was read be shown.
///
/// # Errors
/// When the entry cannot be made durable; then nothing may be shown.
pub async fn look(
    app: &App,
    actor: &Actor,
    action: AuditAction,
    resource_id: Uuid,
    subjects: &[SubjectId],
) -> Result<(), AppError> {
    Ok(store::audit_writer::write(&app.store, entry(app, actor, action, resource_id, subjects)?).await?)
}

/// Everybody in a list, each once, in the order of the list.
#[must_use]
pub fn everybody(subjects: impl IntoIterator<Item = SubjectId>) -> Vec<SubjectId> {
    let mut seen = std::collections::HashSet::new();
    subjects.into_iter().filter(|subject| seen.insert(*subject)).collect()
}

/// Puts on record that somebody did not get what was asked for, folded with others of its kind.
///
/// # Errors
/// When the audit log cannot be written. Then the answer must not be given.
pub async fn refusal(
    app: &App,
    actor: &Actor,
    action: AuditAction,
    outcome: AuditOutcome,
    resource_id: Uuid,
    subject: Option<SubjectId>,
) -> Result<(), AppError> {
    let Actor { clinic_id, credential_id, request_id, .. } = *actor;
    let kind = Kind { clinic_id, credential_id: Some(credential_id), action, outcome, resource_id: Uuid::nil() };
    folding::record(app, kind, Refusal { resource_id, subject, request_id }).await
}

/// One page of the clinic's trail, newest first. That somebody read it is on record too.
///
/// # Errors
/// When the cursor is not one of this list, or the database is away.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Page<NamedEntry>, AppError> {
    let page = store::audit_entries::list(&app.store, actor.clinic_id, filter, page).await?;
    look(app, actor, AuditAction::AuditEntriesListed, Uuid::nil(), &[]).await?;
    Ok(page)
}
