//! The state machine: the effect of each command in each state, for the assignee and for others.

use jiff::{SignedDuration, Timestamp};

use super::FollowUpCommand::{
    self, Book, Claim, Close, Contact, DidNotAttend, Note, Reassign, Release, Reopen, Unbook,
};
use super::{Change, Closing, FollowUp, FollowUpState, Refusal};
use crate::access::actor::Actor;
use crate::ids::CredentialId;

/// The maximum time to an appointment: two years, in hours.
const APPOINTMENT_WITHIN: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// Decides the effect of a command on a follow-up. The result depends only on the arguments. Returns why the command is
/// refused in this state or for this actor.
pub fn decide(case: &FollowUp, command: &FollowUpCommand, actor: &Actor, now: Timestamp) -> Result<Change, Refusal> {
    let me = actor.credential_id;
    let after = match case.state {
        FollowUpState::Open => of_open(case, *command, me, now),
        FollowUpState::Assigned { assignee }
        | FollowUpState::Contacted { assignee }
        | FollowUpState::Booked { assignee, .. } => of_taken(case, *command, assignee, me, now),
        FollowUpState::Closed { .. } => of_closed(case, *command),
    }?;
    let reached = if let Contact { reached } = command { Some(*reached) } else { None };
    Ok(Change { reached, ..Change::next(case, after, command.kind(), Some(me), now)? })
}

fn of_open(case: &FollowUp, command: FollowUpCommand, me: CredentialId, now: Timestamp) -> Result<FollowUp, Refusal> {
    match command {
        Claim => Ok(with(case, FollowUpState::Assigned { assignee: me })),
        Reassign { to } => Ok(with(case, FollowUpState::Assigned { assignee: to })),
        Close(closing @ Closing::NotNeeded { .. }) => close(case, closing, now),
        Close(Closing::Attended { .. } | Closing::Declined | Closing::Unreachable) => Err(Refusal::OnlyNotNeeded),
        Release | Contact { .. } | Book { .. } | Unbook | DidNotAttend => Err(Refusal::Unassigned),
        Reopen => Err(Refusal::NotClosed),
        Note => Ok(case.clone()),
    }
}

/// The follow-up has an assignee. The actor is checked before the state.
fn of_taken(
    case: &FollowUp,
    command: FollowUpCommand,
    assignee: CredentialId,
    me: CredentialId,
    now: Timestamp,
) -> Result<FollowUp, Refusal> {
    let own = assignee == me;
    match command {
        Note => Ok(case.clone()),
        Reopen => Err(Refusal::NotClosed),
        Reassign { to } if to == assignee => Err(Refusal::HasItAlready),
        Reassign { to } => Ok(with(case, reassigned(case.state, to))),
        Claim => Err(if own { Refusal::HasItAlready } else { Refusal::NotAssignee }),
        Release | Contact { .. } | Book { .. } | Unbook | DidNotAttend | Close(_) if !own => Err(Refusal::NotAssignee),
        Release if matches!(case.state, FollowUpState::Booked { .. }) => Err(Refusal::StillBooked),
        Release => Ok(with(case, FollowUpState::Open)),
        Contact { reached } => contact(case, reached),
        Book { appointment_at } => book(case, assignee, appointment_at, now),
        Unbook => without_appointment(case).map(|(after, _)| after),
        DidNotAttend => did_not_attend(case, now),
        Close(closing) => close(case, closing, now),
    }
}

fn of_closed(case: &FollowUp, command: FollowUpCommand) -> Result<FollowUp, Refusal> {
    match command {
        Reopen => Ok(with(case, FollowUpState::Open)),
        Note => Ok(case.clone()),
        Claim | Release | Reassign { .. } | Contact { .. } | Book { .. } | Unbook | DidNotAttend | Close(_) => {
            Err(Refusal::Closed)
        }
    }
}

fn with(case: &FollowUp, state: FollowUpState) -> FollowUp {
    FollowUp { state, ..case.clone() }
}

fn reassigned(state: FollowUpState, to: CredentialId) -> FollowUpState {
    match state {
        FollowUpState::Contacted { .. } => FollowUpState::Contacted { assignee: to },
        FollowUpState::Booked { at, .. } => FollowUpState::Booked { assignee: to, at },
        FollowUpState::Open | FollowUpState::Assigned { .. } | FollowUpState::Closed { .. } => {
            FollowUpState::Assigned { assignee: to }
        }
    }
}

/// A reached person stays reached, and an appointment stays booked.
fn contact(case: &FollowUp, reached: bool) -> Result<FollowUp, Refusal> {
    let state = match case.state {
        FollowUpState::Assigned { assignee } if reached => FollowUpState::Contacted { assignee },
        state => state,
    };
    let attempts = case.attempts.checked_add(1).ok_or(Refusal::Exhausted)?;
    Ok(FollowUp { attempts, ..with(case, state) })
}

fn book(case: &FollowUp, assignee: CredentialId, at: Timestamp, now: Timestamp) -> Result<FollowUp, Refusal> {
    let latest = now.checked_add(APPOINTMENT_WITHIN).unwrap_or(Timestamp::MAX);
    if at <= now || at > latest {
        return Err(Refusal::AppointmentOutOfRange);
    }
    // The database keeps whole microseconds.
    let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
    Ok(with(case, FollowUpState::Booked { assignee, at }))
}

/// The follow-up without its booked appointment, and the time of that appointment.
fn without_appointment(case: &FollowUp) -> Result<(FollowUp, Timestamp), Refusal> {
    match case.state {
        FollowUpState::Booked { assignee, at } => Ok((with(case, FollowUpState::Contacted { assignee }), at)),
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
    Ok(with(case, case.state.closed_as(closing, now)))
}
