//! Submissions as records that other systems know by names of their own: made once, and listed whole.

use uuid::Uuid;

use super::audit::{everybody, look};
use super::{App, AppError, idempotency, intake, submissions};
use crate::domain::actor::{Actor, Role};
use crate::domain::audit::AuditAction;
use crate::domain::record::{RecordFilter, Recorded};
use crate::domain::stored::{Clinic, Page, PageRequest, Stored, StoredSubmission};
use crate::domain::submission::Draft;
use crate::store::{self, Store};

/// Stores a submission unless the sender has one of its source. Those that come at once with one source are settled by the unique
/// key that the transaction claims for it; the look before it finds what was stored without such a claim.
///
/// # Errors
/// When the draft has faults, several submissions have its source, or the database is away.
pub async fn create_once(app: &App, actor: &Actor, clinic: &Clinic, draft: Draft) -> Result<Recorded, AppError> {
    let source = draft.source.as_ref().ok_or_else(|| AppError::Internal("a record without a source".into()))?;
    match store::records::of_source(&app.store, (actor.clinic_id, actor.sender_id), source).await?[..] {
        [] => {}
        [one] => return Ok(Recorded::Found(Box::new(submissions::get(app, actor, one).await?))),
        _ => return Err(AppError::Ambiguous),
    }
    let draft = Draft { idempotency: Some(idempotency::of_record(actor.sender_id, source)), ..draft };
    match intake::settle(app, actor, clinic, draft).await? {
        Stored::Created(stored) => Ok(Recorded::Created(stored)),
        Stored::Replayed(stored) => intake::shown_again(app, actor, *stored).await.map(Box::new).map(Recorded::Found),
        Stored::KeyReused => Err(AppError::IdempotencyKeyReused),
    }
}

/// One page of submissions, whole, the latest received first. An intake key finds only what its sender submitted.
///
/// # Errors
/// When the cursor is not one of this list, or the database is away.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: RecordFilter,
    page: &PageRequest,
) -> Result<Page<StoredSubmission>, AppError> {
    let own = (actor.role < Role::Staff).then_some(actor.sender_id);
    let filter = RecordFilter { sender_id: own.or(filter.sender_id), ..filter };
    let read = async |store: Store| store::records::list(&store, actor.clinic_id, &filter, page).await;
    let page = app.store.reading(actor, read).await?;
    let shown = everybody(page.items.iter().map(|item| item.subject_id));
    look(app, actor, AuditAction::SubmissionsListed, Uuid::nil(), &shown).await?;
    Ok(page)
}
