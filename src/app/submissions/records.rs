//! Submissions as records that other systems identify by their own names: created once, and listed in full.

use uuid::Uuid;

use super::{idempotency, intake};
use crate::app::audit::{audited_read, distinct_subjects};
use crate::app::{App, AppError, Result, submissions};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::ids::{SubjectId, SubmissionId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::record::{RecordFilter, RecordOrder, Recorded};
use crate::domain::submissions::stored::{Stored, StoredSubmission};
use crate::domain::{audit::AuditAction, clinics::Clinic, fault::Fault, submissions::Draft};
use crate::store;

/// Stores a submission unless the sender already has one with its source. The transaction claims a unique key for the
/// source, so that only one of several concurrent requests stores it; the read before it finds submissions stored without
/// such a claim. `faults` are those found when the draft was read. A retry finds its record even if a later version of
/// the service finds the combination of answers implausible. Fails with all faults and the red flags of the answers, and
/// when several submissions have the source.
pub async fn create_once(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    draft: Draft,
    faults: Vec<Fault>,
) -> Result<Recorded> {
    let faults = intake::all_faults(app, actor, &draft, faults);
    if !intake::may_be_of_before(&faults) {
        return Err(intake::refused(app, &draft.answers, faults));
    }
    let source = draft.source.as_ref().ok_or_else(|| AppError::Internal("a record without a source".into()))?;
    let sender = (actor.clinic_id, actor.sender_id);
    match store::submissions::records::of_source(&app.store, sender, source, draft.test).await?[..] {
        [] if faults.is_empty() => {}
        [] => return Err(intake::refused(app, &draft.answers, faults)),
        [one] => return Ok(Recorded::Found(Box::new(submissions::get(app, actor, one).await?))),
        _ => return Err(AppError::Ambiguous),
    }
    let draft = Draft { idempotency: Some(idempotency::of_record(actor.sender_id, source, draft.test)), ..draft };
    match intake::score_and_store(app, actor, clinic, draft).await? {
        Stored::Created(stored) => Ok(Recorded::Created(stored)),
        Stored::Replayed(stored) => intake::shown_again(app, actor, *stored).await.map(Box::new).map(Recorded::Found),
        Stored::KeyReused => Err(AppError::IdempotencyKeyReused),
    }
}

/// The number of submissions that match a filter; `None` if there are more than `most`. Audited as a list if it is `alone`, without
/// a list of the same request. An intake key counts only what its sender submitted.
pub async fn count(app: &App, actor: &Actor, filter: RecordFilter, most: u32, alone: bool) -> Result<Option<u32>> {
    let filter = of_caller(actor, filter);
    let found = store::submissions::records::count(&app.store, actor.clinic_id, &filter, most).await?;
    if alone {
        audited_read(app, actor, AuditAction::SubmissionsListed, Uuid::nil(), &[]).await?;
    }
    Ok(found)
}

/// Whether a submission is about this subject. True for one that an intake key may not see: the refusal of its correction must not
/// tell more.
pub async fn is_about(app: &App, actor: &Actor, submission_id: SubmissionId, subject_id: SubjectId) -> Result<bool> {
    let of = (actor.clinic_id, actor.sender_id);
    if actor.role < Role::Staff && !store::submissions::records::is_of_sender(&app.store, of, submission_id).await? {
        return Ok(true);
    }
    let about = store::submissions::persons::of_submission(&app.store, actor.clinic_id, submission_id).await?;
    Ok(about == Some(subject_id))
}

fn of_caller(actor: &Actor, filter: RecordFilter) -> RecordFilter {
    let own = (actor.role < Role::Staff).then_some(actor.sender_id);
    RecordFilter { sender_id: own.or(filter.sender_id), ..filter }
}

/// One page of full submissions in the requested order. An intake key gets only what its sender submitted.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: RecordFilter,
    order: RecordOrder,
    page: &PageRequest,
) -> Result<Page<StoredSubmission>> {
    let (filter, now) = (of_caller(actor, filter), app.ambient.now());
    let page = store::submissions::records::list(&app.store, actor.clinic_id, &filter, order, page, now).await?;
    let shown = distinct_subjects(page.items.iter().map(|item| item.subject_id));
    audited_read(app, actor, AuditAction::SubmissionsListed, Uuid::nil(), &shown).await?;
    Ok(page)
}
