//! The state machine of the follow-up, every state x command, as a table that a reader can check.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use sarcoscreen::domain::access::actor::{Actor, Role};
use sarcoscreen::domain::follow_ups::{
    Closing, ClosingOutcome, EventKind, FollowUp, FollowUpCommand, FollowUpState, NotNeededReason, Note, Refusal,
    StateName, decide,
};
use sarcoscreen::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId};
use sarcoscreen::domain::screening::rule_table::Band;
use sarcoscreen::domain::screening::urgency::Urgency;
use uuid::Uuid;

/// The result of each command. Columns: the state, and whether the actor is the assignee. Cells: the next state and what
/// else changes, or, after an exclamation mark, the refusal.
const TABLE: &str = "
                  | open          | assigned, own | assigned, not | contacted, own | contacted, not | booked, own       | booked, not  | closed
claim             | assigned=me   | !HasItAlready | !NotAssignee  | !HasItAlready  | !NotAssignee   | !HasItAlready     | !NotAssignee | !Closed
release           | !Unassigned   | open          | !NotAssignee  | open           | !NotAssignee   | !StillBooked      | !NotAssignee | !Closed
reassign to me    | assigned=me   | !HasItAlready | assigned=me   | !HasItAlready  | contacted=me   | !HasItAlready     | booked=me    | !Closed
reassign to other | assigned=other| assigned=other| !HasItAlready | contacted=other| !HasItAlready  | booked=other      | !HasItAlready| !Closed
contact, reached  | !Unassigned   | contacted +1  | !NotAssignee  | contacted +1   | !NotAssignee   | booked +1         | !NotAssignee | !Closed
contact, in vain  | !Unassigned   | assigned +1   | !NotAssignee  | contacted +1   | !NotAssignee   | booked +1         | !NotAssignee | !Closed
book              | !Unassigned   | booked        | !NotAssignee  | booked         | !NotAssignee   | booked            | !NotAssignee | !Closed
unbook            | !Unassigned   | !NotBooked    | !NotAssignee  | !NotBooked     | !NotAssignee   | contacted         | !NotAssignee | !Closed
did not attend    | !Unassigned   | !NotBooked    | !NotAssignee  | !NotBooked     | !NotAssignee   | contacted, missed | !NotAssignee | !Closed
close, attended   | !OnlyNotNeeded| closed        | !NotAssignee  | closed         | !NotAssignee   | closed            | !NotAssignee | !Closed
close, declined   | !OnlyNotNeeded| closed        | !NotAssignee  | closed         | !NotAssignee   | closed            | !NotAssignee | !Closed
close, unreachable| !OnlyNotNeeded| closed        | !NotAssignee  | closed         | !NotAssignee   | closed            | !NotAssignee | !Closed
close, not needed | closed        | closed        | !NotAssignee  | closed         | !NotAssignee   | closed            | !NotAssignee | !Closed
reopen            | !NotClosed    | !NotClosed    | !NotClosed    | !NotClosed     | !NotClosed     | !NotClosed        | !NotClosed   | open
note              | open          | assigned      | assigned      | contacted      | contacted      | booked            | booked       | closed
";

const ME: CredentialId = CredentialId(Uuid::from_u128(1));
const OTHER: CredentialId = CredentialId(Uuid::from_u128(2));

fn now() -> Timestamp {
    "2026-03-01T10:00:00Z".parse().unwrap()
}

fn hours(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

fn me() -> Actor {
    Actor {
        clinic_id: ClinicId(Uuid::from_u128(9)),
        credential_id: ME,
        sender_id: ME.0.into(),
        role: Role::Staff,
        request_id: None,
    }
}

/// A state with an assignee; if it is booked, the appointment was an hour ago.
fn state(name: StateName, assignee: CredentialId) -> FollowUpState {
    let closing = Closing::NotNeeded { reason: NotNeededReason::Other };
    match name {
        StateName::Open => FollowUpState::Open,
        StateName::Assigned => FollowUpState::Assigned { assignee },
        StateName::Contacted => FollowUpState::Contacted { assignee },
        StateName::Booked => FollowUpState::Booked { assignee, at: hours(-1) },
        StateName::Closed => {
            FollowUpState::Closed { assignee: Some(assignee), appointment: None, closing, at: hours(-2) }
        }
    }
}

/// A follow-up in a state, with one attempt.
fn case(state: FollowUpState) -> FollowUp {
    FollowUp {
        follow_up_id: FollowUpId(Uuid::from_u128(3)),
        subject_id: SubjectId(Uuid::from_u128(4)),
        state,
        urgency: Urgency::ThisWeek,
        attempts: 1,
        missed_appointments: 0,
        flagged_at: hours(-48),
        due_at: hours(-1),
        last_received_at: hours(-48),
        band: Band::High,
        findings: vec!["age_80_and_over".to_owned()],
        positive_instruments: vec!["sarc_f".to_owned()],
        flagged: true,
        corrected_at: None,
        version: 7,
    }
}

/// Every state, with and without the actor as assignee, by the heading of the table.
fn cases() -> Vec<(String, FollowUp)> {
    let mut cases = Vec::new();
    for name in StateName::ALL {
        match name {
            StateName::Open | StateName::Closed => cases.push((name.as_str().to_owned(), case(state(name, ME)))),
            StateName::Assigned | StateName::Contacted | StateName::Booked => {
                cases.push((format!("{}, own", name.as_str()), case(state(name, ME))));
                cases.push((format!("{}, not", name.as_str()), case(state(name, OTHER))));
            }
        }
    }
    cases
}

/// Every command by the row of the table. A new command does not compile without a row name.
fn commands() -> Vec<(&'static str, FollowUpCommand)> {
    let closings = [
        Closing::Attended { diagnosis: None, grip_strength_g: None, five_chair_stands_ms: None },
        Closing::Declined,
        Closing::Unreachable,
        Closing::NotNeeded { reason: NotNeededReason::AlreadyInCare },
    ];
    let mut commands = vec![
        FollowUpCommand::Claim,
        FollowUpCommand::Release,
        FollowUpCommand::Reassign { to: ME },
        FollowUpCommand::Reassign { to: OTHER },
        FollowUpCommand::Contact { reached: true },
        FollowUpCommand::Contact { reached: false },
        FollowUpCommand::Book { appointment_at: hours(1) },
        FollowUpCommand::Unbook,
        FollowUpCommand::DidNotAttend,
        FollowUpCommand::Reopen,
        FollowUpCommand::Note,
    ];
    commands.extend(closings.map(FollowUpCommand::Close));
    let row = |command: &FollowUpCommand| match command {
        FollowUpCommand::Claim => "claim",
        FollowUpCommand::Release => "release",
        FollowUpCommand::Reassign { to } if *to == ME => "reassign to me",
        FollowUpCommand::Reassign { .. } => "reassign to other",
        FollowUpCommand::Contact { reached: true } => "contact, reached",
        FollowUpCommand::Contact { reached: false } => "contact, in vain",
        FollowUpCommand::Book { .. } => "book",
        FollowUpCommand::Unbook => "unbook",
        FollowUpCommand::DidNotAttend => "did not attend",
        FollowUpCommand::Close(closing) => match closing.outcome() {
            ClosingOutcome::Attended => "close, attended",
            ClosingOutcome::Declined => "close, declined",
            ClosingOutcome::Unreachable => "close, unreachable",
            ClosingOutcome::NotNeeded => "close, not needed",
        },
        FollowUpCommand::Reopen => "reopen",
        FollowUpCommand::Note => "note",
    };
    commands.into_iter().map(|command| (row(&command), command)).collect()
}

/// The cells of the table, by row and column.
fn written() -> BTreeMap<(String, String), String> {
    let mut lines = TABLE.lines().filter(|line| line.contains('|'));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let columns = cells(lines.next().unwrap());
    let mut table = BTreeMap::new();
    for line in lines {
        let row = cells(line);
        assert_eq!(row.len(), columns.len(), "{line}");
        for (column, cell) in columns.iter().zip(&row).skip(1) {
            let before = table.insert((row[0].clone(), column.clone()), cell.clone());
            assert!(before.is_none() && !cell.is_empty(), "{} / {column} occurs twice or is empty", row[0]);
        }
    }
    table
}

/// The result of a command, in the notation of the table.
fn cell(case: &FollowUp, command: FollowUpCommand) -> String {
    let change = match decide(case, &command, &me(), now()) {
        Err(refusal) => return format!("!{refusal:?}"),
        Ok(change) => change,
    };
    let after = &change.after;
    assert_eq!((change.before, after.version, change.at, change.kind), (Some(7), 8, now(), command.kind()));
    assert_eq!((change.by, change.moved), (Some(ME), after.state.name() != case.state.name()));
    let mut text = after.state.name().as_str().to_owned();
    let assignee = after.state.assignee();
    if assignee != case.state.assignee() && assignee.is_some() {
        text += if assignee == Some(ME) { "=me" } else { "=other" };
    }
    if after.attempts != case.attempts {
        assert_eq!(after.attempts, case.attempts + 1);
        text += " +1";
    }
    if after.missed_appointments != case.missed_appointments {
        assert_eq!(after.missed_appointments, case.missed_appointments + 1);
        text += ", missed";
    }
    text
}

#[test]
fn every_state_accepts_or_refuses_every_command_as_in_the_table() {
    let mut written = written();
    let mut faults = Vec::new();
    for (row, command) in commands() {
        let mut line = format!("{row:18}");
        for (column, case) in cases() {
            let found = cell(&case, command);
            write!(line, "| {found:18}").unwrap();
            match written.remove(&(row.to_owned(), column.clone())) {
                Some(wanted) if wanted == found => {}
                wanted => faults.push(format!("{row} / {column}: {found}, the table says {wanted:?}")),
            }
        }
        println!("{line}");
    }
    faults.extend(written.keys().map(|(row, column)| format!("{row} / {column} matches no command and state")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_command_changes_the_state_only_and_closing_keeps_assignee_and_appointment() {
    for (_, command) in commands() {
        for (_, case) in cases() {
            let Ok(change) = decide(&case, &command, &me(), now()) else { continue };
            let after = change.after;
            if let (FollowUpState::Closed { assignee, appointment, at, .. }, false) =
                (after.state, case.state.is_closed())
            {
                assert_eq!((assignee, appointment, at), (case.state.assignee(), case.state.appointment_at(), now()));
            }
            let FollowUp { attempts, missed_appointments, .. } = after;
            let unchanged = FollowUp { state: after.state, attempts, missed_appointments, version: 8, ..case };
            assert_eq!(after, unchanged);
        }
    }
}

#[test]
fn an_appointment_is_in_the_future_within_two_years() {
    let two_years = 2 * 365 * 24;
    for (at, fine) in [
        (hours(-1), false),
        (now(), false),
        (now() + SignedDuration::from_micros(1), true),
        (hours(two_years), true),
        (hours(two_years) + SignedDuration::from_micros(1), false),
    ] {
        let command = FollowUpCommand::Book { appointment_at: at };
        let booked = decide(&case(state(StateName::Contacted, ME)), &command, &me(), now());
        let wanted = if fine { Ok(Some(at)) } else { Err(Refusal::AppointmentOutOfRange) };
        assert_eq!(booked.map(|change| change.after.state.appointment_at()), wanted);
    }
}

#[test]
fn an_appointment_cannot_be_missed_before_its_time() {
    let missed = |at| {
        let booked = case(FollowUpState::Booked { assignee: ME, at });
        decide(&booked, &FollowUpCommand::DidNotAttend, &me(), now()).map(|change| change.after.missed_appointments)
    };
    assert_eq!(missed(now() + SignedDuration::from_micros(1)), Err(Refusal::AppointmentAhead));
    assert_eq!(missed(now()), Ok(1));
}

#[test]
fn closing_as_unreachable_needs_a_contact_attempt() {
    for name in [StateName::Assigned, StateName::Contacted, StateName::Booked] {
        let untried = FollowUp { attempts: 0, ..case(state(name, ME)) };
        let closed = decide(&untried, &FollowUpCommand::Close(Closing::Unreachable), &me(), now());
        assert_eq!(closed.map(|_| ()), Err(Refusal::NeverTried));
        decide(&untried, &FollowUpCommand::Close(Closing::Declined), &me(), now()).unwrap();
    }
}

#[test]
fn no_count_runs_over() {
    let attempts = FollowUp { attempts: i16::MAX, ..case(state(StateName::Assigned, ME)) };
    let missed = FollowUp { missed_appointments: i16::MAX, ..case(state(StateName::Booked, ME)) };
    let version = FollowUp { version: i32::MAX, ..case(FollowUpState::Open) };
    for (case, command) in [
        (attempts, FollowUpCommand::Contact { reached: false }),
        (missed, FollowUpCommand::DidNotAttend),
        (version, FollowUpCommand::Note),
    ] {
        assert_eq!(decide(&case, &command, &me(), now()), Err(Refusal::Exhausted));
    }
}

#[test]
fn an_appointment_has_whole_microseconds_like_the_database() {
    let command = FollowUpCommand::Book { appointment_at: hours(1) + SignedDuration::from_nanos(1_999) };
    let booked = decide(&case(state(StateName::Contacted, ME)), &command, &me(), now()).unwrap();
    assert_eq!(booked.after.state.appointment_at(), Some(hours(1) + SignedDuration::from_micros(1)));
}

#[test]
fn names_match_the_wire_format_and_a_note_is_not_empty() {
    for kind in EventKind::ALL {
        assert_eq!(json(kind), kind.as_str());
        assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
    }
    for reason in NotNeededReason::ALL {
        assert_eq!(json(reason), reason.as_str());
    }
    for (text, fine) in [("", false), (" \n ", false), ("a\u{0}", false), (" a\n\tb ", true)] {
        assert_eq!(Note::parse(text).is_ok(), fine, "{text:?}");
    }
    assert_eq!(Note::parse(" a\n\tb ").unwrap().as_str(), "a\n\tb");
    assert!(Note::parse(&"é".repeat(2000)).is_ok() && Note::parse(&"é".repeat(2001)).is_err());
}

/// The serialized name of a value.
fn json(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}
