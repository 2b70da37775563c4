//! Follow-ups: the worklist, one case, its history.

use jiff::Timestamp;
use uuid::Uuid;

use super::audit::{everybody, look};
use super::{App, AppError};
use crate::domain::actor::Actor;
use crate::domain::audit::AuditAction;
use crate::domain::follow_up::{FollowUp, FollowUpEvent};
use crate::domain::ids::FollowUpId;
use crate::domain::stored::{FollowUpFilter, FollowUpOrder, Page, PageRequest, SubmissionSummary};
use crate::domain::subject::Contact;
use crate::store::{self, Store};

/// A page of the worklist.
pub struct Worklist {
    /// The page.
    pub page: Page<FollowUp>,
    /// About how many cases pass the filter, where it was asked for.
    pub estimated_total: Option<u64>,
    /// When it was read.
    pub at: Timestamp,
}

/// One case with what belongs to it.
pub struct Detail {
    /// The case.
    pub follow_up: FollowUp,
    /// Its submissions, oldest first.
    pub submissions: Vec<SubmissionSummary>,
    /// How to reach the person; `None` without consent to contact.
    pub contact: Option<Contact>,
    /// When it was read.
    pub at: Timestamp,
}

/// One page of the worklist in the order asked for, with an estimate of the whole where it is asked for.
///
/// # Errors
/// When the cursor is not one of this list, or the database is away.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &FollowUpFilter,
    order: FollowUpOrder,
    page: &PageRequest,
    estimate: bool,
) -> Result<Worklist, AppError> {
    let (clinic_id, at) = (actor.clinic_id, app.ambient.now());
    let read = async |store: Store| {
        let page = store::worklist::list(&store, clinic_id, filter, order, page, at).await?;
        let mut estimated_total = None;
        if estimate {
            estimated_total = Some(store::worklist::estimate(&store, clinic_id, filter, at).await?);
        }
        Ok((page, estimated_total))
    };
    let (page, estimated_total) = app.store.reading(actor, read).await?;
    let shown = everybody(page.items.iter().map(|case| case.subject_id));
    look(app, actor, AuditAction::FollowUpsListed, Uuid::nil(), &shown).await?;
    Ok(Worklist { page, estimated_total, at })
}

/// One case with its submissions and, where the person consented to contact, how to reach the person.
///
/// # Errors
/// When there is none of this clinic, or the database is away.
pub async fn get(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<Detail, AppError> {
    let clinic_id = actor.clinic_id;
    let follow_up = find(app, actor, follow_up_id).await?;
    let submissions = store::submissions::of_follow_up(&app.store, clinic_id, follow_up_id).await?;
    let contact = store::subjects::contact(&app.store, clinic_id, follow_up.subject_id).await?;
    look(app, actor, AuditAction::FollowUpRead, follow_up_id.0, &[follow_up.subject_id]).await?;
    Ok(Detail { follow_up, submissions, contact, at: app.ambient.now() })
}

/// Every version of a case, oldest first.
///
/// # Errors
/// When there is none of this clinic, or the database is away.
pub async fn history(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<Vec<FollowUpEvent>, AppError> {
    let follow_up = find(app, actor, follow_up_id).await?;
    let events = store::follow_up_events::list(&app.store, actor.clinic_id, follow_up_id).await?;
    // After a merge earlier versions are about the person who was merged.
    let shown = everybody(events.iter().map(|event| event.after.subject_id).chain([follow_up.subject_id]));
    look(app, actor, AuditAction::FollowUpHistoryRead, follow_up_id.0, &shown).await?;
    Ok(events)
}

async fn find(app: &App, actor: &Actor, follow_up_id: FollowUpId) -> Result<FollowUp, AppError> {
    let found = store::follow_ups::find(&app.store, actor.clinic_id, follow_up_id).await?;
    found.ok_or(AppError::NotFound)
}
