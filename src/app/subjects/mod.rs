//! Subjects: search, and list the submissions of a subject.

pub mod changes;
pub mod erasure;
pub mod merges;
pub mod retention;

use uuid::Uuid;

use super::App;
use super::audit::{audited_read, distinct_subjects};
use super::error::AppError;
use super::screening::rule_tables;
use crate::domain::access::actor::Actor;
use crate::domain::audit::AuditAction;
use crate::domain::ids::SubjectId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::subjects::LookUp;
use crate::domain::subjects::Subject;
use crate::domain::submissions::history::{HistoryEntry, next_screen, screens};
use crate::store;

/// The clinic's subjects that match a search. Contact data is returned only with consent to contact.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn search(app: &App, actor: &Actor, by: LookUp, text: &str) -> Result<Vec<Subject>, AppError> {
    let found = store::subjects::search(&app.store, actor.clinic_id, by, text).await?;
    let shown = distinct_subjects(found.iter().map(|subject| subject.subject_id));
    audited_read(app, actor, AuditAction::SubjectsSearched, Uuid::nil(), &shown).await?;
    Ok(found.into_iter().map(Subject::shown).collect())
}

/// One page of a subject's submissions, newest first, each with the changes since the one before and when the next is due.
///
/// # Errors
/// Fails when the clinic has no such subject, the cursor does not belong to this list, or the database is unavailable.
pub async fn submissions(
    app: &App,
    actor: &Actor,
    subject_id: SubjectId,
    page: &PageRequest,
) -> Result<Page<HistoryEntry>, AppError> {
    if !store::subjects::exists(&app.store, actor.clinic_id, subject_id).await? {
        return Err(AppError::NotFound);
    }
    let (page, before) = store::submissions::history::list(&app.store, actor.clinic_id, subject_id, page).await?;
    let mut items = screens(page.items, before.as_ref());
    for screen in &mut items {
        screen.next_screen = match rule_tables::get(app, &screen.submission.assessment.rule_table).await {
            Ok(release) => next_screen(&release.table, &screen.submission),
            // An unusable table gives no interval; the history is returned all the same.
            Err(AppError::RuleTable(_)) => None,
            Err(error) => return Err(error),
        };
    }
    audited_read(app, actor, AuditAction::SubjectSubmissionsListed, subject_id.0, &[subject_id]).await?;
    Ok(Page { items, next_cursor: page.next_cursor })
}
