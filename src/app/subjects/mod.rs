//! Subjects: search, change, merge, erase.

pub mod changes;
pub mod erasure;
pub mod merges;
pub mod retention;

use uuid::Uuid;

use super::App;
use super::audit::{audited_read, distinct_subjects};
use super::error::AppError;
use crate::domain::access::actor::Actor;
use crate::domain::audit::AuditAction;
use crate::domain::subjects::LookUp;
use crate::domain::subjects::Subject;
use crate::store;

/// The clinic's subjects that match a search. Contact data is returned only with consent to contact.
pub async fn search(app: &App, actor: &Actor, by: LookUp, text: &str) -> Result<Vec<Subject>, AppError> {
    let found = store::subjects::search(&app.store, actor.clinic_id, by, text).await?;
    let shown = distinct_subjects(found.iter().map(|subject| subject.subject_id));
    audited_read(app, actor, AuditAction::SubjectsSearched, Uuid::nil(), &shown).await?;
    Ok(found.into_iter().map(Subject::shown).collect())
}
