//! The form of each command.

use crate::domain::access::credential::Member;
use crate::domain::follow_ups::{
    Closing, ClosingOutcome, Diagnosis, EventKind, FollowUp, FollowUpCommand, NotNeededReason, decide,
};
use crate::domain::ids::FollowUpId;
use crate::http::pages::staff::desk::{Desk, case_address, named};
use crate::http::pages::staff::fields::{Button, Field, Form};

/// What the forms of a case need.
pub(in crate::http::pages::staff) struct Offer<'a> {
    pub desk: &'a Desk,
    pub id: FollowUpId,
    /// The version that the page shows.
    pub version: i32,
    /// The people to whom the case can be assigned.
    pub members: &'a [Member],
    /// The case, if the page shows it: options that it refuses are then left out.
    pub case: Option<&'a FollowUp>,
}

/// The form of a command.
pub(in crate::http::pages::staff) fn form(kind: EventKind, offer: &Offer<'_>) -> Form {
    let (texts, names) = (&offer.desk.texts.commands, &offer.desk.texts.names);
    let name = kind.as_str();
    let title = named(&names.commands, name);
    let note = Field::note(if kind == EventKind::Note { &texts.note } else { &texts.note_too });
    let fields = match kind {
        EventKind::Reassign => vec![Field::list("to", &texts.to, members(offer)), note],
        EventKind::Book => vec![appointment(offer), note],
        EventKind::Close => closing(offer, note),
        _ => vec![note],
    };
    let button = |name, value, text| Button { name, value, text };
    let buttons = match kind {
        EventKind::Contact => {
            vec![button("reached", "true", &*texts.reached), button("reached", "false", &*texts.not_reached)]
        }
        _ => vec![button("", "", title)],
    };
    let path = format!("{}/{name}", case_address(offer.id.0));
    Form {
        id: name,
        action: offer.desk.link(&path),
        version: Some(offer.version),
        title,
        help: named(&names.helps, name),
        fields,
        buttons,
        draft: path,
    }
}

/// The staff, the caller first, without the one who has the case.
fn members(offer: &Offer<'_>) -> Vec<(String, String)> {
    let me = offer.desk.actor().credential_id;
    let has_it = offer.case.and_then(|case| case.state.assignee());
    let mut others: Vec<&Member> = offer.members.iter().filter(|member| Some(member.credential_id) != has_it).collect();
    others.sort_by_key(|member| member.credential_id != me);
    let texts = &offer.desk.texts.commands;
    let option = |member: &Member| {
        let name = &member.display_name;
        let text = if member.credential_id == me { texts.to_you.replace("{name}", name) } else { name.clone() };
        (member.credential_id.to_string(), text)
    };
    others.into_iter().map(option).collect()
}

/// The appointment, with the time of one that is booked.
fn appointment(offer: &Offer<'_>) -> Field {
    let texts = &offer.desk.texts.commands;
    let booked = offer.case.and_then(|case| case.state.appointment_at());
    let local = booked.map(|at| at.to_zoned(offer.desk.zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string());
    let field = Field::line("appointment_at", &texts.appointment, &texts.appointment_hint, "datetime-local");
    field.with(&local.unwrap_or_default())
}

fn closing(offer: &Offer<'_>, note: Field) -> Vec<Field> {
    let (texts, names) = (&offer.desk.texts.commands, &offer.desk.texts.names);
    let option = |name: &'static str, text: &'static str| (name.to_owned(), text.to_owned());
    let blank = || (String::new(), texts.blank.clone());
    let outcomes = ClosingOutcome::ALL.into_iter().filter(|outcome| possible(offer, *outcome));
    let outcomes = outcomes.map(|one| option(one.as_str(), named(&names.outcomes, one.as_str())));
    let reasons = NotNeededReason::ALL.into_iter().filter(|reason| *reason != NotNeededReason::Merged);
    let reasons = reasons.map(|one| option(one.as_str(), named(&names.reasons, one.as_str())));
    let diagnoses = Diagnosis::ALL.into_iter().map(|one| option(one.as_str(), named(&names.diagnoses, one.as_str())));
    let hint = &*texts.only_attended;
    vec![
        Field::list("outcome", &texts.outcome, [blank()].into_iter().chain(outcomes).collect()),
        Field::list("not_needed_reason", &texts.reason, [blank()].into_iter().chain(reasons).collect()),
        Field::list("diagnosis", &texts.diagnosis, [blank()].into_iter().chain(diagnoses).collect()),
        Field::line("grip_strength_kg", &texts.grip, hint, "decimal"),
        Field::line("five_chair_stands_s", &texts.chair_stands, hint, "decimal"),
        note,
    ]
}

/// Whether the case can be closed with an outcome.
fn possible(offer: &Offer<'_>, outcome: ClosingOutcome) -> bool {
    let closing = match outcome {
        ClosingOutcome::Attended => {
            Closing::Attended { diagnosis: None, grip_strength_g: None, five_chair_stands_ms: None }
        }
        ClosingOutcome::Declined => Closing::Declined,
        ClosingOutcome::Unreachable => Closing::Unreachable,
        ClosingOutcome::NotNeeded => Closing::NotNeeded { reason: NotNeededReason::Other },
    };
    let (desk, command) = (offer.desk, FollowUpCommand::Close(closing));
    offer.case.is_none_or(|case| decide(case, &command, desk.actor(), desk.now).is_ok())
}
