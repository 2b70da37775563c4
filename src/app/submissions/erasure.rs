//! Erasure of single submissions.

use uuid::Uuid;

use crate::app::audit::entry;
use crate::app::{App, AppError, Result};
use crate::domain::ids::SubmissionId;
use crate::domain::{access::actor::Actor, audit::AuditAction};
use crate::store::clinics;
use crate::store::submissions::erasure::{self, Entries};

/// Erases a submission, its follow-up if that has no other submission, and its subject if nothing is left of it. If no other
/// submission corrects the one that it corrected, that one counts again, and a follow-up that was closed without its answers is
/// reopened. The erasure is written to the erasure log outside the database first. Fails when there is no erasure log, or the
/// follow-up of the submission is open.
pub async fn erase(app: &App, actor: &Actor, submission_id: SubmissionId) -> Result<()> {
    let log = app.policy.erasure_log.as_deref().ok_or(AppError::NoErasureLog)?;
    let entries = Entries {
        of_submission: entry(app, actor, AuditAction::SubmissionErased, submission_id.0, &[])?,
        of_subject: entry(app, actor, AuditAction::SubjectErased, Uuid::nil(), &[])?,
        of_follow_up: entry(app, actor, AuditAction::FollowUpReopened, Uuid::nil(), &[])?,
    };
    let due = clinics::due(&app.store, actor.clinic_id).await?;
    erasure::erase(&app.store, submission_id, Some(log), &entries, due).await?;
    app.deliveries.notify_one();
    Ok(())
}
