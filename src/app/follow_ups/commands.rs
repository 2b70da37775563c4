//! Commands of staff on follow-ups: load the follow-up, let the domain decide, store the decision.

use std::collections::HashSet;

use jiff::Timestamp;

use super::find;
use crate::app::audit::{audited_read, entry};
use crate::app::{App, AppError, Result, once::Once};
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::follow_ups::{
    Change, Closing, Counting, Dated, FollowUp, FollowUpCommand, FollowUpEvent, Latest, NotNeededReason, Note, Refusal,
    decide,
};
use crate::domain::{access::actor::Actor, audit::AuditAction, ids::FollowUpId, submissions::Idempotency};
use crate::store;
use crate::store::follow_ups::commands::{Decided, Outcome, commit_change, commit_reopening};
use crate::store::idempotency_keys::{Effect, Kept};

#[derive(Clone)]
pub struct CommandRequest {
    pub follow_up_id: FollowUpId,
    /// The version that the caller has read.
    pub version: i32,
    pub command: FollowUpCommand,
    pub note: Option<Note>,
    pub idempotency: Option<Idempotency>,
}

/// A follow-up after a command.
#[derive(Clone, Debug)]
pub struct Answered {
    pub follow_up: FollowUp,
    /// When the command was executed.
    pub at: Timestamp,
}

/// The result of closing follow-ups together.
#[derive(Default)]
pub struct ClosedTogether {
    /// The closed follow-ups, with their versions.
    pub closed: Vec<(FollowUpId, i32)>,
    /// The follow-ups that were not closed, with the reason.
    pub refused: Vec<(FollowUpId, &'static str)>,
}

const NOT_SELF_REPORTED: &str = "a submission of the follow-up is not self-reported; close it by itself";
const NOT_FOUND: &str = "there is no such follow-up";

/// Executes a command on a follow-up, once per idempotency key. Fails when the follow-up refuses the command, or the
/// new assignee cannot work on it.
pub async fn command(app: &App, actor: &Actor, asked: CommandRequest) -> Result<Once<Answered>> {
    let idempotency = asked.idempotency.as_ref();
    // A retry gets the original response, even if the follow-up has changed since.
    if let Some(answered) = earlier(app, actor, idempotency).await? {
        return Ok(answered);
    }
    let case = find(app, actor, asked.follow_up_id).await?;
    if case.version != asked.version {
        return stale(app, actor, asked.follow_up_id, idempotency).await;
    }
    execute(app, actor, &case, asked).await
}

/// Executes the command that `choose` derives from a follow-up. Without a command the follow-up is only read. Fails
/// with the faults of `choose`, and as [`command`] does.
pub async fn update(
    app: &App,
    actor: &Actor,
    follow_up_id: FollowUpId,
    version: i32,
    choose: impl FnOnce(&FollowUp) -> Result<Option<FollowUpCommand>, Vec<Fault>>,
) -> Result<Dated> {
    let found = store::follow_ups::find_dated(&app.store, actor.clinic_id, follow_up_id).await?;
    let found = found.ok_or(AppError::NotFound)?;
    let case = &found.follow_up;
    let chosen = choose(case);
    if case.version != version {
        return Err(AppError::Stale);
    }
    let Some(command) = chosen.map_err(AppError::Faulty)? else {
        audited_read(app, actor, AuditAction::FollowUpRead, follow_up_id.0, &[case.subject_id]).await?;
        return Ok(found);
    };
    let asked = CommandRequest { follow_up_id, version, command, note: None, idempotency: None };
    let Answered { follow_up, at } = execute(app, actor, case, asked).await?.result;
    Ok(Dated { follow_up, changed_at: at })
}

/// Executes a command on a follow-up as it was read.
async fn execute(app: &App, actor: &Actor, case: &FollowUp, asked: CommandRequest) -> Result<Once<Answered>> {
    let (now, idempotency) = (app.ambient.now(), asked.idempotency.as_ref());
    if let FollowUpCommand::Reassign { to } = asked.command
        && !store::access::credentials::can_work(&app.store, actor.clinic_id, to, now).await?
    {
        return Err(AppError::fault(
            "/to",
            FaultCode::NotFound,
            Sentence::new(
                "there is no such staff member; GET /v1/staff lists them",
                "este miembro del personal no existe; consulte la lista en GET /v1/staff",
            ),
        ));
    }
    let change = decide(case, &asked.command, actor, now).map_err(refused)?;
    let decided = Decided { note: asked.note, ..decided(app, actor, change, action(&asked.command))? };
    let outcome = if asked.command == FollowUpCommand::Reopen {
        let due = store::clinics::due(&app.store, actor.clinic_id).await?;
        let recount = |change: Change, counting: &Counting| counting.reopened(change, |urgency| due.hours_for(urgency));
        commit_reopening(&app.store, actor.clinic_id, decided, idempotency, recount).await?
    } else {
        commit_change(&app.store, actor.clinic_id, &decided, idempotency).await?
    };
    match outcome {
        Outcome::Written(follow_up) => Ok(committed(app, *follow_up, now)),
        Outcome::Known(kept) => replay(app, actor, kept).await,
        Outcome::Stale | Outcome::Nothing => stale(app, actor, case.follow_up_id, idempotency).await,
    }
}

/// Claims the most urgent, then oldest open follow-up; `None` when none is open. Under concurrency each follow-up goes to
/// one caller, and a retry with the same key gets the same follow-up.
pub async fn take_next(app: &App, actor: &Actor, idempotency: Option<&Idempotency>) -> Result<Option<Once<Answered>>> {
    let now = app.ambient.now();
    let claim = |case: &FollowUp| {
        let change = decide(case, &FollowUpCommand::Claim, actor, now).map_err(refused)?;
        decided(app, actor, change, AuditAction::FollowUpTaken)
    };
    match store::follow_ups::commands::take_next(&app.store, actor.clinic_id, idempotency, now, claim).await? {
        Outcome::Written(follow_up) => Ok(Some(committed(app, *follow_up, now))),
        Outcome::Known(kept) => replay(app, actor, kept).await.map(Some),
        Outcome::Nothing => Ok(None),
        Outcome::Stale => Err(AppError::Internal("a locked follow-up has changed".into())),
    }
}

/// Closes self-reported follow-ups as not needed. All that can be closed are closed together; the others are returned with
/// the reason.
pub async fn close_self_reported(
    app: &App,
    actor: &Actor,
    ids: &[FollowUpId],
    reason: NotNeededReason,
    note: Option<&Note>,
) -> Result<ClosedTogether> {
    let now = app.ambient.now();
    let command = FollowUpCommand::Close(Closing::NotNeeded { reason });
    let mut together = ClosedTogether::default();
    let close = |case: &FollowUp, self_reported: bool| {
        let id = case.follow_up_id;
        if !self_reported {
            together.refused.push((id, NOT_SELF_REPORTED));
            return Ok(None);
        }
        match decide(case, &command, actor, now) {
            Err(refusal) => {
                together.refused.push((id, refusal.sentence()));
                Ok(None)
            }
            Ok(change) => {
                together.closed.push((id, change.after.version));
                let decided = decided(app, actor, change, AuditAction::FollowUpClosed)?;
                Ok::<_, AppError>(Some(Decided { note: note.cloned(), ..decided }))
            }
        }
    };
    store::follow_ups::commands::commit_all(&app.store, actor.clinic_id, ids, close).await?;
    let seen: HashSet<_> =
        together.closed.iter().map(|one| one.0).chain(together.refused.iter().map(|one| one.0)).collect();
    together.refused.extend(ids.iter().filter(|id| !seen.contains(id)).map(|id| (*id, NOT_FOUND)));
    app.deliveries.notify_one();
    Ok(together)
}

/// A follow-up that was just committed; wakes the delivery of webhooks.
fn committed(app: &App, follow_up: FollowUp, at: Timestamp) -> Once<Answered> {
    app.deliveries.notify_one();
    Once::first(Answered { follow_up, at })
}

fn decided(app: &App, actor: &Actor, change: Change, action: AuditAction) -> Result<Decided> {
    let (id, subject_id) = (change.after.follow_up_id, change.after.subject_id);
    let audit = entry(app, actor, action, id.0, &[subject_id])?;
    Ok(Decided { change, note: None, audit })
}

/// The earlier result of the same request, if there is one.
async fn earlier(app: &App, actor: &Actor, idempotency: Option<&Idempotency>) -> Result<Option<Once<Answered>>> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let (clinic_id, now) = (actor.clinic_id, app.ambient.now());
    match store::idempotency_keys::find(&app.store, clinic_id, idempotency, now).await? {
        Some(kept) => replay(app, actor, kept).await.map(Some),
        None => Ok(None),
    }
}

/// Replays the response of the request that first used this key. Audited as a read.
async fn replay(app: &App, actor: &Actor, kept: Kept) -> Result<Once<Answered>> {
    let Kept::Same(Effect::Version(id, version)) = kept else { return Err(AppError::IdempotencyKeyReused) };
    let event = store::follow_ups::events::find(&app.store, actor.clinic_id, FollowUpId(id), version).await?;
    let event = event.ok_or(AppError::NotFound)?;
    audited_read(app, actor, AuditAction::FollowUpRead, id, &[event.after.subject_id]).await?;
    Ok(Once::replayed(Answered { follow_up: event.after, at: event.at }))
}

/// The follow-up has changed. A concurrent copy of this request may have changed it after this one looked up the key.
/// Otherwise fails with the latest version.
async fn stale(
    app: &App,
    actor: &Actor,
    follow_up_id: FollowUpId,
    idempotency: Option<&Idempotency>,
) -> Result<Once<Answered>> {
    if let Some(answered) = earlier(app, actor, idempotency).await? {
        return Ok(answered);
    }
    let version = find(app, actor, follow_up_id).await?.version;
    let event = store::follow_ups::events::find(&app.store, actor.clinic_id, follow_up_id, version).await?;
    let FollowUpEvent { kind, after, at, by, by_name, .. } = event.ok_or(AppError::Stale)?;
    let latest = Latest { version, kind, state: after.state.name(), at, by, by_name };
    Err(AppError::FollowUpChanged(Box::new(latest)))
}

fn refused(refusal: Refusal) -> AppError {
    match refusal {
        Refusal::AppointmentOutOfRange => {
            let within = Sentence::new(refusal.sentence(), "debe estar en el futuro, dentro de dos años");
            AppError::fault("/appointment_at", FaultCode::OutOfRange, within)
        }
        other => AppError::Conflict(other.sentence()),
    }
}

const fn action(command: &FollowUpCommand) -> AuditAction {
    match command {
        FollowUpCommand::Claim => AuditAction::FollowUpClaimed,
        FollowUpCommand::Release => AuditAction::FollowUpReleased,
        FollowUpCommand::Reassign { .. } => AuditAction::FollowUpReassigned,
        FollowUpCommand::Contact { .. } => AuditAction::FollowUpContacted,
        FollowUpCommand::Book { .. } => AuditAction::FollowUpBooked,
        FollowUpCommand::Unbook => AuditAction::FollowUpUnbooked,
        FollowUpCommand::DidNotAttend => AuditAction::FollowUpMissed,
        FollowUpCommand::Close(_) => AuditAction::FollowUpClosed,
        FollowUpCommand::Reopen => AuditAction::FollowUpReopened,
        FollowUpCommand::Note => AuditAction::FollowUpNoted,
    }
}
