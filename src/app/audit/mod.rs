//! Audit entries of use cases. A change writes its entry in its own transaction. A read writes its entry to disk before any
//! data is returned.

pub mod folding;
pub mod pruning;
pub(super) mod refusal_counts;
pub mod sealing;
pub mod verification;

use uuid::Uuid;

use super::{App, Result, ambient::new_id};
use crate::domain::access::actor::Actor;
use crate::domain::audit::{AuditAction, AuditEntry, AuditFilter, AuditOutcome, NamedEntry};
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::page::{Page, PageRequest};
use crate::store;

use refusal_counts::{Kind, Refusal};

/// The entry of a successful action or read.
pub fn entry(
    app: &App,
    actor: &Actor,
    action: AuditAction,
    resource_id: Uuid,
    subjects: &[SubjectId],
) -> Result<AuditEntry> {
    let entry = operator_entry(app, actor.clinic_id, action, resource_id)?;
    let (credential_id, request_id) = (Some(actor.credential_id), actor.request_id);
    Ok(AuditEntry { credential_id, request_id, ..entry.about(subjects) })
}

/// The entry of an action of the operator or of a background job for a clinic.
pub fn operator_entry(app: &App, clinic_id: ClinicId, action: AuditAction, resource_id: Uuid) -> Result<AuditEntry> {
    let at = app.ambient.now();
    Ok(AuditEntry::new(new_id(&*app.ambient, at)?, clinic_id, at, action, resource_id))
}

/// Audits a read. The read data may be returned only after this succeeds.
pub async fn audited_read(
    app: &App,
    actor: &Actor,
    action: AuditAction,
    resource_id: Uuid,
    subjects: &[SubjectId],
) -> Result<()> {
    Ok(app.writers.write_audit_entry(entry(app, actor, action, resource_id, subjects)?).await?)
}

/// The distinct subjects of a list, in the order of the list.
pub fn distinct_subjects(subjects: impl IntoIterator<Item = SubjectId>) -> Vec<SubjectId> {
    let mut seen = std::collections::HashSet::new();
    subjects.into_iter().filter(|subject| seen.insert(*subject)).collect()
}

/// Audits a refusal, folded with others of its kind. If this fails, the refusal must not be sent.
pub async fn refusal(
    app: &App,
    actor: &Actor,
    action: AuditAction,
    outcome: AuditOutcome,
    resource_id: Uuid,
    subject: Option<SubjectId>,
) -> Result<()> {
    let Actor { clinic_id, credential_id, request_id, .. } = *actor;
    let kind = Kind { clinic_id, credential_id: Some(credential_id), action, outcome, resource_id: Uuid::nil() };
    folding::record(app, kind, Refusal { resource_id, subject, request_id }).await
}

/// One page of the clinic's audit log, newest first. The read is audited too.
pub async fn list(app: &App, actor: &Actor, filter: &AuditFilter, page: &PageRequest) -> Result<Page<NamedEntry>> {
    let page = store::audit::entries::list(&app.store, actor.clinic_id, filter, page, app.ambient.now()).await?;
    audited_read(app, actor, AuditAction::AuditEntriesListed, Uuid::nil(), &[]).await?;
    Ok(page)
}
