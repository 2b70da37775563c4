//! Follow-ups: the worklist and one case.

use uuid::Uuid;

use super::audit::{everybody, look};
use super::{App, AppError};
use crate::domain::actor::Actor;
use crate::domain::audit::AuditAction;
use crate::domain::ids::FollowUpId;
use crate::domain::stored::{FollowUp, FollowUpFilter, Page, PageRequest, SubmissionSummary};
use crate::store;

/// One page of the worklist: most urgent first, then oldest.
///
/// # Errors
/// When the cursor is not one of this list, or the database is away.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &FollowUpFilter,
    page: &PageRequest,
) -> Result<Page<FollowUp>, AppError> {
    let page = store::follow_ups::list(&app.store, actor.clinic_id, filter, page).await?;
    let shown = everybody(page.items.iter().map(|item| item.subject_id));
    look(app, actor, AuditAction::FollowUpsListed, Uuid::nil(), &shown).await?;
    Ok(page)
}

/// One case with its submissions, oldest first.
///
/// # Errors
/// When there is none of this clinic, or the database is away.
pub async fn get(
    app: &App,
    actor: &Actor,
    follow_up_id: FollowUpId,
) -> Result<(FollowUp, Vec<SubmissionSummary>), AppError> {
    let found = store::follow_ups::find(&app.store, actor.clinic_id, follow_up_id).await?;
    let found = found.ok_or(AppError::NotFound)?;
    let submissions = store::submissions::of_follow_up(&app.store, actor.clinic_id, follow_up_id).await?;
    look(app, actor, AuditAction::FollowUpRead, follow_up_id.0, &[found.subject_id]).await?;
    Ok((found, submissions))
}
