//! Reads the form of a command as the body of the API, so that both have the same checks.

use jiff::tz::TimeZone;
use uuid::Uuid;
use validator::Validate;

use crate::domain::fault::{Fault, keep_first_of_each_place};
use crate::domain::follow_ups::{ClosingOutcome, Diagnosis, EventKind, FollowUpCommand, NotNeededReason};
use crate::http::kernel::faults::of_validation;
use crate::http::kernel::names::{ClosingOutcomeName, DiagnosisName, NotNeededReasonName};
use crate::http::pages::staff::given::Given;
use crate::http::v1::follow_ups::commands::body::{
    BookInput, CloseInput, CommandInput, ContactAttemptInput, NoteInput, ParsedCommand, ReassignInput,
};

/// The command with its note; `None` if a fault was found.
pub(super) fn command(kind: EventKind, given: &Given, zone: &TimeZone, faults: &mut Vec<Fault>) -> ParsedCommand {
    let note = given.text("note");
    match kind {
        EventKind::Claim => simple(FollowUpCommand::Claim, note, faults),
        EventKind::Release => simple(FollowUpCommand::Release, note, faults),
        EventKind::Unbook => simple(FollowUpCommand::Unbook, note, faults),
        EventKind::DidNotAttend => simple(FollowUpCommand::DidNotAttend, note, faults),
        EventKind::Reopen => simple(FollowUpCommand::Reopen, note, faults),
        EventKind::Reassign => {
            let to = given.one_of("to", |id| Uuid::try_parse(id).ok());
            checked(ReassignInput { to, note }, ReassignInput::parse, faults)
        }
        EventKind::Contact => {
            let reached = given.one_of("reached", |reached| reached.parse().ok());
            checked(ContactAttemptInput { reached, note }, ContactAttemptInput::parse, faults)
        }
        EventKind::Book => {
            let appointment_at = given.time("appointment_at", zone, faults);
            checked(BookInput { appointment_at, note }, BookInput::parse, faults)
        }
        EventKind::Close => {
            let input = CloseInput {
                outcome: given.one_of("outcome", ClosingOutcome::parse).map(ClosingOutcomeName),
                not_needed_reason: given.one_of("not_needed_reason", NotNeededReason::parse).map(NotNeededReasonName),
                diagnosis: given.one_of("diagnosis", Diagnosis::parse).map(DiagnosisName),
                grip_strength_kg: given.number("grip_strength_kg", faults),
                five_chair_stands_s: given.number("five_chair_stands_s", faults),
                note,
            };
            checked(input, CloseInput::parse, faults)
        }
        EventKind::Note => checked(NoteInput { note }, NoteInput::parse, faults),
        EventKind::Open | EventKind::Join | EventKind::Correct | EventKind::Merge | EventKind::Unmerge => None,
    }
}

/// A command without parameters.
fn simple(command: FollowUpCommand, note: Option<String>, faults: &mut Vec<Fault>) -> ParsedCommand {
    checked(CommandInput { note }, CommandInput::of(command), faults)
}

/// The input with the faults of its values and of their combination.
fn checked<T: Validate>(
    input: T,
    parse: impl FnOnce(T, &mut Vec<Fault>) -> ParsedCommand,
    faults: &mut Vec<Fault>,
) -> ParsedCommand {
    faults.extend(of_validation(&input));
    let parsed = parse(input, faults);
    keep_first_of_each_place(faults);
    parsed
}
