//! Submissions: read one, reassess it, list many.

pub mod erasure;
pub mod exports;
pub mod idempotency;
pub mod intake;
pub mod records;
pub mod statistics;

use std::sync::Arc;

use uuid::Uuid;

use super::audit::{audited_read, distinct_subjects};
use super::{App, AppError, Result, screening::rule_tables};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::ids::{SubjectId, SubmissionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::history::{HistoryEntry, next_screen, screens};
use crate::domain::submissions::stored::{StoredSubmission, SubmissionFilter, SubmissionSummary};
use crate::domain::{
    audit::AuditAction, clinics::Clinic, screening::assessment::Assessment, screening::replay::rescore,
};
use crate::rules::Release;
use crate::store;

/// A submission's answers under a rule table.
pub struct Assessed {
    pub submission: StoredSubmission,
    pub release: Arc<Release>,
    pub assessment: Assessment,
    /// Whether this is the stored assessment.
    pub stored: bool,
}

/// One submission. An intake key gets only what its sender submitted.
pub async fn get(app: &App, actor: &Actor, submission_id: SubmissionId) -> Result<StoredSubmission> {
    let found = visible(app, actor, submission_id).await?;
    audited_read(app, actor, AuditAction::SubmissionRead, submission_id.0, &[found.subject_id]).await?;
    Ok(found)
}

async fn visible(app: &App, actor: &Actor, submission_id: SubmissionId) -> Result<StoredSubmission> {
    let of = (actor.clinic_id, actor.sender_id);
    if actor.role < Role::Staff && !store::submissions::records::is_of_sender(&app.store, of, submission_id).await? {
        return Err(AppError::NotFound);
    }
    let found = store::submissions::find(&app.store, actor.clinic_id, submission_id).await?;
    found.ok_or(AppError::NotFound)
}

/// A submission with its stored assessment, or assessed by another version of the rule table. Nothing is stored.
pub async fn assess(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    submission_id: SubmissionId,
    version: Option<&str>,
) -> Result<Assessed> {
    let submission = visible(app, actor, submission_id).await?;
    let own = &submission.assessment.rule_table;
    let release = rule_tables::get(app, version.unwrap_or(own)).await?;
    let stored = release.table.version == *own;
    let assessment = if stored {
        submission.assessment.clone()
    } else {
        let pathways = submission.pathway.as_ref().map_or(&clinic.pathways[..], std::slice::from_ref);
        let had_none = rule_tables::get(app, own).await?.table.pathways.is_empty();
        let pathways = if had_none { pathways } else { &[] };
        rescore(&release.table, &submission.answers, &submission.assessment, pathways)
    };
    audited_read(app, actor, AuditAction::SubmissionAssessed, submission_id.0, &[submission.subject_id]).await?;
    Ok(Assessed { submission, release, assessment, stored })
}

/// One page of the clinic's submissions, newest first.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &SubmissionFilter,
    page: &PageRequest,
) -> Result<Page<SubmissionSummary>> {
    let page = store::submissions::list(&app.store, actor.clinic_id, filter, page, app.ambient.now()).await?;
    let shown = distinct_subjects(page.items.iter().map(|item| item.subject_id));
    audited_read(app, actor, AuditAction::SubmissionsListed, Uuid::nil(), &shown).await?;
    Ok(page)
}

/// One page of a subject's submissions, newest first, each with the changes since the one before and when the next is due.
pub async fn of_subject(
    app: &App,
    actor: &Actor,
    subject_id: SubjectId,
    page: &PageRequest,
) -> Result<Page<HistoryEntry>> {
    if !store::subjects::exists(&app.store, actor.clinic_id, subject_id).await? {
        return Err(AppError::NotFound);
    }
    let (page, before) =
        store::submissions::of_subject(&app.store, actor.clinic_id, subject_id, page, app.ambient.now()).await?;
    let mut items = screens(page.items, before.as_ref());
    for screen in items.iter_mut().filter(|screen| !screen.submission.test) {
        screen.next_screen = match rule_tables::get(app, &screen.submission.assessment.rule_table).await {
            Ok(release) => next_screen(&release.table, &screen.submission),
            // An unusable table gives no interval; the history is still returned.
            Err(AppError::RuleTable(_)) => None,
            Err(error) => return Err(error),
        };
    }
    audited_read(app, actor, AuditAction::SubjectSubmissionsListed, subject_id.0, &[subject_id]).await?;
    Ok(Page { items, next_cursor: page.next_cursor })
}
