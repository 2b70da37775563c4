//! The state machine: the effect of each command in each state, for the assignee and for others.

use jiff::{SignedDuration, Timestamp};

use super::{Closed, Closing, FollowUp, FollowUpChange, FollowUpCommand, FollowUpState, Refusal};
use crate::domain::access::actor::Actor;
use crate::domain::ids::CredentialId;

/// The maximum time to an appointment: two years, in hours.
const APPOINTMENT_WITHIN: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// Decides the effect of a command on a follow-up. The result depends only on the arguments.
///
/// # Errors
/// Returns why the command is refused in this state or for this actor.
pub fn decide(
    case: &FollowUp,
    command: &FollowUpCommand,
    actor: &Actor,
    now: Timestamp,
) -> Result<FollowUpChange, Refusal> {
    let mut after = match case.state {
        FollowUpState::Open => of_open(case, *command, actor, now),
        FollowUpState::Assigned | FollowUpState::Contacted | FollowUpState::Booked => {
            of_taken(case, *command, actor, now)
        }
        FollowUpState::Closed => of_closed(case, *command),
    }?;
    after.version = case.version.checked_add(1).ok_or(Refusal::Exhausted)?;
    let reached = match command {
        FollowUpCommand::Contact { reached } => Some(*reached),
        _ => None,
    };
    let moved = after.state != case.state;
    Ok(FollowUpChange { before: case.version, moved, after, kind: command.kind(), reached, at: now })
}

fn of_open(case: &FollowUp, command: FollowUpCommand, actor: &Actor, now: Timestamp) -> Result<FollowUp, Refusal> {
    use FollowUpCommand::{Book, Claim, Close, Contact, DidNotAttend, Note, Reassign, Release, Reopen, Unbook};
    match command {
        Claim => Ok(assigned(case, actor.credential_id)),
        Reassign { to } => Ok(assigned(case, to)),
        Close(closing @ Closing::NotNeeded(_)) => close(case, closing, now),
        Close(Closing::Attended { .. } | Closing::Declined | Closing::Unreachable) => Err(Refusal::OnlyNotNeeded),
        Release | Contact { .. } | Book { .. } | Unbook | DidNotAttend => Err(Refusal::Unassigned),
        Reopen => Err(Refusal::NotClosed),
        Note => Ok(case.clone()),
    }
}

/// The follow-up has an assignee. The actor is checked before the state.
fn of_taken(case: &FollowUp, command: FollowUpCommand, actor: &Actor, now: Timestamp) -> Result<FollowUp, Refusal> {
    use FollowUpCommand::{Book, Claim, Close, Contact, DidNotAttend, Note, Reassign, Release, Reopen, Unbook};
    let own = case.assignee == Some(actor.credential_id);
    match command {
        Note => Ok(case.clone()),
        Reopen => Err(Refusal::NotClosed),
        Reassign { to } if case.assignee == Some(to) => Err(Refusal::HasItAlready),
        Reassign { to } => Ok(FollowUp { assignee: Some(to), ..case.clone() }),
        Claim => Err(if own { Refusal::HasItAlready } else { Refusal::NotAssignee }),
        Release | Contact { .. } | Book { .. } | Unbook | DidNotAttend | Close(_) if !own => Err(Refusal::NotAssignee),
        Release if case.state == FollowUpState::Booked => Err(Refusal::AppointmentStands),
        Release => Ok(FollowUp { state: FollowUpState::Open, assignee: None, ..case.clone() }),
        Contact { reached } => contact(case, reached),
        Book { appointment_at } => book(case, appointment_at, now),
        Unbook => without_appointment(case).map(|(after, _)| after),
        DidNotAttend => did_not_attend(case, now),
        Close(closing) => close(case, closing, now),
    }
}

fn of_closed(case: &FollowUp, command: FollowUpCommand) -> Result<FollowUp, Refusal> {
    use FollowUpCommand::{Book, Claim, Close, Contact, DidNotAttend, Note, Reassign, Release, Reopen, Unbook};
    match command {
        Reopen => Ok(FollowUp {
            state: FollowUpState::Open,
            assignee: None,
            appointment_at: None,
            closed: None,
            ..case.clone()
        }),
        Note => Ok(case.clone()),
        Claim | Release | Reassign { .. } | Contact { .. } | Book { .. } | Unbook | DidNotAttend | Close(_) => {
            Err(Refusal::Closed)
        }
    }
}

fn assigned(case: &FollowUp, to: CredentialId) -> FollowUp {
    FollowUp { state: FollowUpState::Assigned, assignee: Some(to), ..case.clone() }
}

/// A reached person stays reached, and an appointment stays booked.
fn contact(case: &FollowUp, reached: bool) -> Result<FollowUp, Refusal> {
    let newly = reached && case.state == FollowUpState::Assigned;
    let state = if newly { FollowUpState::Contacted } else { case.state };
    let attempts = case.attempts.checked_add(1).ok_or(Refusal::Exhausted)?;
    Ok(FollowUp { state, attempts, ..case.clone() })
}

fn book(case: &FollowUp, at: Timestamp, now: Timestamp) -> Result<FollowUp, Refusal> {
    let latest = now.checked_add(APPOINTMENT_WITHIN).unwrap_or(Timestamp::MAX);
    if at <= now || at > latest {
        return Err(Refusal::AppointmentOutOfRange);
    }
    Ok(FollowUp { state: FollowUpState::Booked, appointment_at: Some(at), ..case.clone() })
}

/// The follow-up without its booked appointment, and the time of that appointment.
fn without_appointment(case: &FollowUp) -> Result<(FollowUp, Timestamp), Refusal> {
    match (case.state, case.appointment_at) {
        (FollowUpState::Booked, Some(at)) => {
            Ok((FollowUp { state: FollowUpState::Contacted, appointment_at: None, ..case.clone() }, at))
        }
        _ => Err(Refusal::NotBooked),
    }
}

fn did_not_attend(case: &FollowUp, now: Timestamp) -> Result<FollowUp, Refusal> {
    let (after, appointment_at) = without_appointment(case)?;
    if now < appointment_at {
        return Err(Refusal::AppointmentAhead);
    }
    let missed_appointments = case.missed_appointments.checked_add(1).ok_or(Refusal::Exhausted)?;
    Ok(FollowUp { missed_appointments, ..after })
}

fn close(case: &FollowUp, closing: Closing, now: Timestamp) -> Result<FollowUp, Refusal> {
    if closing == Closing::Unreachable && case.attempts == 0 {
        return Err(Refusal::NeverTried);
    }
    Ok(FollowUp { state: FollowUpState::Closed, closed: Some(Closed { closing, at: now }), ..case.clone() })
}
