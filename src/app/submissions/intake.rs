//! Intake: score answers, or submit them.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use crate::app::App;
use crate::app::ambient::{new_id, possible};
use crate::app::audit::audited_read;
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::app::under_way::Place;
use crate::domain::access::actor::{Actor, Role};
use crate::domain::audit::AuditAction;
use crate::domain::clinics::Clinic;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::screening::answers::Answers;
use crate::domain::screening::assessment::Assessment;
use crate::domain::screening::scoring;
use crate::domain::screening::scoring::{Alarm, ScoreOptions};
use crate::domain::submissions::stored::{Stored, StoredSubmission};
use crate::domain::submissions::{Draft, Idempotency, Stamp, accept};
use crate::store;
use crate::store::database::constraint::Meaning;
use crate::store::error::StoreError;
use crate::store::idempotency_keys::{Effect, Kept};

/// Scores answers without storing anything.
#[must_use]
pub fn score(app: &App, answers: &Answers, asked: ScoreOptions<'_>) -> Assessment {
    scoring::score(rule_tables::current(app), answers, asked)
}

/// The red flags of answers that are otherwise refused.
#[must_use]
pub fn alarm(app: &App, answers: &Answers) -> Alarm {
    scoring::alarm(rule_tables::current(app), answers)
}

/// Whether submissions of the actor's clinic are accepted at the moment. Call it before the body is read, and hold the slot
/// until the response is made. An overloaded HTTP worker accepts submissions only with a slot.
///
/// # Errors
/// Fails when a submission would wait too long.
pub fn takes(app: &App, actor: &Actor, overloaded: bool) -> Result<Option<Place>, AppError> {
    let place = app.under_way.submission_place(actor.clinic_id);
    if app.writers.refuses_submissions(actor.clinic_id) {
        return Err(AppError::Unavailable("too many submissions wait to be written".to_owned()));
    }
    if overloaded && place.is_none() {
        return Err(AppError::Unavailable("too many submissions of the clinic are in progress".to_owned()));
    }
    Ok(place)
}

/// Scores and stores a submission. When it returns, the submission is on disk, with its follow-up and audit entry. A retry
/// with the same key and body gets the submission that the first request stored.
///
/// # Errors
/// Fails with all faults of the draft; when the key was used for another request, or the database is unavailable.
pub async fn submit(app: &App, actor: &Actor, clinic: &Clinic, draft: Draft) -> Result<StoredSubmission, AppError> {
    match score_and_store(app, actor, clinic, draft).await? {
        Stored::Created(stored) => Ok(*stored),
        Stored::Replayed(stored) => shown_again(app, actor, *stored).await,
        Stored::KeyReused => Err(AppError::IdempotencyKeyReused),
    }
}

/// Scores and stores a submission, and returns the outcome.
pub(in crate::app) async fn score_and_store(
    app: &App,
    actor: &Actor,
    clinic: &Clinic,
    draft: Draft,
) -> Result<Stored, AppError> {
    if !app.prepared.load(Ordering::Acquire) {
        return Err(AppError::Unavailable("the database and its master key are not verified yet".into()));
    }
    let now = app.ambient.now();
    let faults = draft_faults(app, &draft, actor);
    if !faults.is_empty() {
        return Err(AppError::Faulty(faults));
    }
    if let Some(outcome) = refused_correction(app, actor, &draft, now).await? {
        return Ok(outcome);
    }
    let stamp = Stamp {
        now,
        submission_id: new_id(&*app.ambient, now)?,
        subject_id: new_id(&*app.ambient, now)?,
        follow_up_id: new_id(&*app.ambient, now)?,
        audit_entry_id: new_id(&*app.ambient, now)?,
    };
    let accepted = accept(rule_tables::current(app), draft, actor, clinic, stamp);
    let outcome = app.writers.store_submission(&app.store, accepted).await?;
    if let Stored::Created(stored) = &outcome
        && stored.follow_up.is_some()
    {
        app.deliveries.notify_one();
    }
    Ok(outcome)
}

/// Refuses a draft of an intake key that corrects another sender's submission, as if that submission were unknown. A retry
/// gets the original response, even if the corrected submission has been removed since.
async fn refused_correction(
    app: &App,
    actor: &Actor,
    draft: &Draft,
    now: Timestamp,
) -> Result<Option<Stored>, AppError> {
    let Some(corrected) = draft.supersedes.filter(|_| actor.role < Role::Staff) else { return Ok(None) };
    let of = (actor.clinic_id, actor.sender_id);
    if store::submissions::records::is_of_sender(&app.store, of, corrected).await? {
        return Ok(None);
    }
    if let Some(idempotency) = &draft.idempotency {
        match store::idempotency_keys::find(&app.store, actor.clinic_id, idempotency, now).await? {
            Some(Kept::Same(Effect::Submission(earlier))) => {
                if let Some(stored) = store::submissions::find(&app.store, actor.clinic_id, earlier).await? {
                    return Ok(Some(Stored::Replayed(Box::new(stored))));
                }
            }
            Some(_) => return Ok(Some(Stored::KeyReused)),
            None => {}
        }
    }
    Err(StoreError::Conflict(Meaning::SupersededSubmissionUnknown).into())
}

/// The submission that the same request stored before, if there is one. A retry gets the original response even if a later
/// version of the service finds the combination of answers implausible.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn earlier(
    app: &App,
    actor: &Actor,
    idempotency: &Idempotency,
) -> Result<Option<StoredSubmission>, AppError> {
    let clinic_id = actor.clinic_id;
    let found = store::idempotency_keys::find(&app.store, clinic_id, idempotency, app.ambient.now()).await?;
    let Some(Kept::Same(Effect::Submission(submission_id))) = found else { return Ok(None) };
    match store::submissions::find(&app.store, clinic_id, submission_id).await? {
        Some(stored) => shown_again(app, actor, stored).await.map(Some),
        None => Ok(None),
    }
}

/// Replays a receipt. Audited as a read of the submission.
pub(in crate::app) async fn shown_again(
    app: &App,
    actor: &Actor,
    stored: StoredSubmission,
) -> Result<StoredSubmission, AppError> {
    audited_read(app, actor, AuditAction::SubmissionRead, stored.submission_id.0, &[stored.subject_id]).await?;
    Ok(stored)
}

/// Faults of a draft that its syntax alone does not show.
#[must_use]
pub fn draft_faults(app: &App, draft: &Draft, actor: &Actor) -> Vec<Fault> {
    let mut faults: Vec<Fault> = draft.answers.missing().map(|fault| fault.under("/answers")).collect();
    if actor.role == Role::Browser {
        let detail = "a browser key may not identify the person or the source of the record";
        let set = [
            (draft.subject.reference.is_some(), "/subject/reference"),
            (draft.source.is_some(), "/source"),
            (draft.supersedes.is_some(), "/supersedes"),
            (draft.imported, "/imported"),
        ];
        let refused = set.into_iter().filter(|(set, _)| *set);
        faults.extend(refused.map(|(_, pointer)| Fault::new(pointer, FaultCode::NotAllowed, detail)));
    }
    let consent = draft.subject.consent.as_ref().map(|consent| consent.given_at);
    for (pointer, at) in [("/answered_at", draft.answered_at), ("/subject/consent/given_at", consent)] {
        if at.is_some_and(|at| !possible(&*app.ambient, at)) {
            faults.push(Fault::new(pointer, FaultCode::OutOfRange, "must be between 1900 and now"));
        }
    }
    faults.extend(import_fault(app, draft));
    faults
}

/// Checks that imported history has a time of its answers, and that it is in the past.
fn import_fault(app: &App, draft: &Draft) -> Option<Fault> {
    match draft.answered_at {
        _ if !draft.imported => None,
        None => Some(Fault::new("/answered_at", FaultCode::Required, "history must state when it was answered")),
        Some(at) if at < app.ambient.now() => None,
        Some(_) => Some(Fault::new("/answered_at", FaultCode::OutOfRange, "history must be in the past")),
    }
}
