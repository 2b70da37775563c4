//! Commands on follow-ups. A command is written only on the version that it was decided on.

use jiff::Timestamp;
use uuid::Uuid;

use super::counting;
use super::keep::{Decision, keep};
use super::row::{Row, follow_up_query};
use crate::domain::follow_ups::{Change, Counting, FollowUp, Note};
use crate::domain::ids::{ClinicId, EventId, FollowUpId};
use crate::domain::{audit::AuditEntry, submissions::Idempotency};
use crate::store::database::{Connection, Store, keys::Place};
use crate::store::error::{Result, StoreError};
use crate::store::idempotency_keys::{Effect, Kept, claim, record_effect};

/// A decided command on a follow-up, with everything that its transaction writes.
#[derive(Clone)]
pub struct Decided {
    pub change: Change,
    pub note: Option<Note>,
    pub audit: AuditEntry,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    /// Written. The follow-up after the change.
    Written(Box<FollowUp>),
    /// The follow-up changed since, or no longer exists.
    Stale,
    /// No open follow-up was available.
    Nothing,
    /// The idempotency key was used before.
    Known(Kept),
}

/// Writes a decided command with its history, audit entry and idempotency key: all of it or nothing, and only if the
/// follow-up still has the version that the command was decided on. Fails when the subject of a reopened follow-up has
/// another open one.
pub async fn commit_change(
    store: &Store,
    clinic_id: ClinicId,
    decided: &Decided,
    idempotency: Option<&Idempotency>,
) -> Result<Outcome> {
    let mut transaction = store.begin(clinic_id).await?;
    if let Some(kept) = claimed(&mut transaction, clinic_id, &decided.change, idempotency).await? {
        return Ok(Outcome::Known(kept));
    }
    if !write(&mut transaction, store, clinic_id, decided).await? {
        return Ok(Outcome::Stale);
    }
    transaction.commit().await?;
    Ok(Outcome::Written(Box::new(decided.change.after.clone())))
}

/// As [`commit_change`], for a decided command that reopens a follow-up. `recount` gets what counts of its submissions, which may
/// have been corrected while it was closed. No other correction is stored until the end of the transaction.
pub async fn commit_reopening(
    store: &Store,
    clinic_id: ClinicId,
    decided: Decided,
    idempotency: Option<&Idempotency>,
    recount: impl FnOnce(Change, &Counting) -> Change,
) -> Result<Outcome> {
    let mut transaction = store.begin(clinic_id).await?;
    if let Some(kept) = claimed(&mut transaction, clinic_id, &decided.change, idempotency).await? {
        return Ok(Outcome::Known(kept));
    }
    let case = &decided.change.after;
    sqlx::query!(
        "select subject_id from subjects where clinic_id = $1 and subject_id = $2 for no key update",
        clinic_id.0,
        case.subject_id.0,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let counting = counting::read(&mut transaction, clinic_id, case).await?;
    let decided = Decided { change: recount(decided.change, &counting), ..decided };
    if !write(&mut transaction, store, clinic_id, &decided).await? {
        return Ok(Outcome::Stale);
    }
    transaction.commit().await?;
    Ok(Outcome::Written(Box::new(decided.change.after)))
}

/// Claims the idempotency key of a change, if it has one. Returns what the key was used for before.
async fn claimed(
    connection: &mut Connection,
    clinic_id: ClinicId,
    change: &Change,
    idempotency: Option<&Idempotency>,
) -> Result<Option<Kept>> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let effect = Effect::Version(change.after.follow_up_id.0, change.after.version);
    claim(connection, clinic_id, effect, idempotency, change.at).await
}

/// Takes the most urgent, then oldest open follow-up that no other transaction has locked, and writes what `decide` returns
/// for it. The idempotency key is claimed before a follow-up is selected, so that copies of one request wait for each other
/// and take the same follow-up.
pub async fn take_next<E: From<StoreError>>(
    store: &Store,
    clinic_id: ClinicId,
    idempotency: Option<&Idempotency>,
    now: Timestamp,
    decide: impl FnOnce(&FollowUp) -> Result<Decided, E>,
) -> Result<Outcome, E> {
    let mut transaction = store.begin(clinic_id).await?;
    if let Some(idempotency) = idempotency {
        let nothing_yet = Effect::Version(Uuid::nil(), 0);
        if let Some(kept) = claim(&mut transaction, clinic_id, nothing_yet, idempotency, now).await? {
            return Ok(Outcome::Known(kept));
        }
    }
    let Some(case) = lock_next(&mut transaction, clinic_id).await? else { return Ok(Outcome::Nothing) };
    let decided = decide(&case)?;
    if !write(&mut transaction, store, clinic_id, &decided).await? {
        return Ok(Outcome::Stale);
    }
    let after = decided.change.after;
    if let Some(idempotency) = idempotency {
        let effect = Effect::Version(after.follow_up_id.0, after.version);
        record_effect(&mut transaction, clinic_id, effect, idempotency).await?;
    }
    transaction.commit().await?;
    Ok(Outcome::Written(Box::new(after)))
}

/// Locks with `for no key update`: a submission that only references the follow-up does not wait for this lock, and its own
/// lock does not cause the follow-up to be skipped.
async fn lock_next(connection: &mut Connection, clinic_id: ClinicId) -> Result<Option<FollowUp>> {
    let row = follow_up_query!(
        select "where clinic_id = $1 and state = 'open'
                order by urgency, flagged_at, follow_up_id limit 1 for no key update skip locked",
        clinic_id.0,
    )
    .fetch_optional(connection)
    .await?;
    row.map(Row::read).transpose()
}

/// Locks these follow-ups and writes what `decide` returns for each: all of it or nothing. `decide` also gets whether every
/// submission of the follow-up is self-reported.
pub async fn commit_all<E: From<StoreError>>(
    store: &Store,
    clinic_id: ClinicId,
    ids: &[FollowUpId],
    mut decide: impl FnMut(&FollowUp, bool) -> Result<Option<Decided>, E>,
) -> Result<(), E> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut transaction = store.begin(clinic_id).await?;
    let cases = lock_all(&mut transaction, clinic_id, &ids).await?;
    let others = not_self_reported(&mut transaction, clinic_id, &ids).await?;
    let (mut decisions, mut audits) = (Vec::new(), Vec::new());
    for case in &cases {
        if let Some(decided) = decide(case, !others.contains(&case.follow_up_id.0))? {
            decisions.push(decision(store, clinic_id, &decided)?);
            audits.push(decided.audit);
        }
    }
    if !keep(&mut transaction, &store.keys, &decisions, &audits).await? {
        return Err(StoreError::Inconsistent { table: "follow_ups", what: "a locked follow-up has changed" }.into());
    }
    transaction.commit().await?;
    Ok(())
}

/// Locks with `for no key update`, in the order of the ids, so that two calls do not wait for each other in a circle.
async fn lock_all(connection: &mut Connection, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<FollowUp>> {
    let rows = follow_up_query!(
        select "where clinic_id = $1 and follow_up_id = any($2) order by follow_up_id for no key update",
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

async fn not_self_reported(connection: &mut Connection, clinic_id: ClinicId, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"select distinct follow_up_id as "follow_up_id!" from submissions
           where clinic_id = $1 and follow_up_id = any($2) and origin <> 'self_reported'"#,
        clinic_id.0,
        ids,
    )
    .fetch_all(connection)
    .await?)
}

/// Keeps the decision. `false`, and nothing is written, when the follow-up changed since.
async fn write(connection: &mut Connection, store: &Store, clinic_id: ClinicId, decided: &Decided) -> Result<bool> {
    let decision = decision(store, clinic_id, decided)?;
    keep(connection, &store.keys, &[decision], std::slice::from_ref(&decided.audit)).await
}

fn decision(store: &Store, clinic_id: ClinicId, Decided { change, note, audit }: &Decided) -> Result<Decision> {
    let place = Place::note(clinic_id, change.after.follow_up_id, change.after.version);
    Ok(Decision {
        clinic_id,
        change: change.clone(),
        event_id: EventId(audit.audit_entry_id.0),
        note_sealed: note.as_ref().map(|note| store.keys.seal(place, note.as_str())).transpose()?,
    })
}
