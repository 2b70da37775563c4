//! Submissions: read one, list many.

use super::{App, AppError};
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::SubmissionId;
use crate::domain::stored::{Page, PageRequest, StoredSubmission, SubmissionFilter, SubmissionSummary};
use crate::store;

/// One submission. An intake system sees only what it submitted itself.
///
/// # Errors
/// When there is none that this actor may see, or the database is away.
pub async fn get(app: &App, actor: &Actor, submission_id: SubmissionId) -> Result<StoredSubmission, AppError> {
    let found = store::submissions::find(&app.store, actor.clinic_id, submission_id).await?;
    let visible = |stored: &StoredSubmission| actor.role >= Role::Staff || stored.credential_id == actor.credential_id;
    found.filter(visible).ok_or(AppError::NotFound)
}

/// One page of the clinic's submissions, newest first.
///
/// # Errors
/// When the cursor is not one of this list, or the database is away.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &SubmissionFilter,
    page: &PageRequest,
) -> Result<Page<SubmissionSummary>, AppError> {
    Ok(store::submissions::list(&app.store, actor.clinic_id, filter, page).await?)
}
