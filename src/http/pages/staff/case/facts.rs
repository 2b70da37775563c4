//! The state of a case as names and values.

use jiff::Timestamp;

use super::Read;
use crate::domain::follow_ups::FollowUp;
use crate::domain::ids::CredentialId;
use crate::domain::language::Language;
use crate::http::pages::staff::desk::{Desk, named};

/// A value with its name.
pub(super) struct Fact {
    pub label: String,
    pub value: String,
    /// The value for machines, if it is a time; otherwise empty.
    pub stamp: String,
}

impl Fact {
    pub(super) fn new(label: &str, value: impl Into<String>) -> Self {
        Self { label: label.to_owned(), value: value.into(), stamp: String::new() }
    }

    pub(super) fn time(label: &str, at: Timestamp, desk: &Desk) -> Self {
        let moment = desk.moment(at);
        Self { label: label.to_owned(), value: moment.words, stamp: moment.stamp }
    }
}

pub(super) fn of_case(desk: &Desk, read: &Read) -> Vec<Fact> {
    let (case, texts) = (&read.detail.follow_up, &desk.texts.case);
    let whose =
        case.state.assignee().map_or_else(|| desk.texts.worklist.no_assignee.clone(), |id| person(desk, read, id));
    let mut facts = vec![
        Fact::time(&texts.due, case.due_at, desk),
        Fact::new(&texts.whose, whose),
        Fact::time(&texts.flagged_at, case.flagged_at, desk),
        Fact::time(&texts.last_received_at, case.last_received_at, desk),
        Fact::new(&texts.attempts, case.attempts.to_string()),
    ];
    if case.missed_appointments > 0 {
        facts.push(Fact::new(&texts.missed, case.missed_appointments.to_string()));
    }
    facts.extend(case.state.appointment_at().map(|at| Fact::time(&texts.appointment, at, desk)));
    facts.extend(case.corrected_at.map(|at| Fact::time(&texts.corrected_at, at, desk)));
    facts.extend(of_closing(desk, case));
    facts
}

fn of_closing(desk: &Desk, case: &FollowUp) -> Vec<Fact> {
    let (texts, names) = (&desk.texts.case, &desk.texts.names);
    let Some((closing, at)) = case.state.closed() else { return Vec::new() };
    let (diagnosis, grip, chair_stands) = closing.results();
    let reason = closing.reason().map(|reason| (&texts.reason, named(&names.reasons, reason.as_str())));
    let diagnosis = diagnosis.map(|one| (&texts.diagnosis, named(&names.diagnoses, one.as_str())));
    let named_values = reason.into_iter().chain(diagnosis).map(|(label, value)| Fact::new(label, value));
    let measured = |label: &str, thousandths: i32, unit: &str| {
        Fact::new(label, format!("{} {unit}", decimal(thousandths, desk.language)))
    };
    let grip = grip.map(|grams| measured(&texts.grip, grams, "kg"));
    let chair_stands = chair_stands.map(|milliseconds| measured(&texts.chair_stands, milliseconds, "s"));
    let outcome = named(&names.outcomes, closing.outcome().as_str());
    let mut facts = vec![Fact::time(&texts.closed_at, at, desk), Fact::new(&texts.outcome, outcome)];
    facts.extend(named_values.chain(grip).chain(chair_stands));
    facts
}

/// Who has or had this credential: the caller, a colleague, or a person whom the history names.
pub(super) fn person(desk: &Desk, read: &Read, id: CredentialId) -> String {
    if id == desk.actor().credential_id {
        return desk.texts.worklist.yours.clone();
    }
    let member = read.members.iter().find(|member| member.credential_id == id).map(|member| &member.display_name);
    let earlier = || read.events.iter().find(|event| event.by == Some(id)).and_then(|event| event.by_name.as_ref());
    member.or_else(earlier).cloned().unwrap_or_else(|| desk.texts.worklist.other_staff.clone())
}

/// Thousandths as a decimal, with the decimal sign of the language.
fn decimal(thousandths: i32, language: Language) -> String {
    let text = (f64::from(thousandths) / 1000.0).to_string();
    if language == Language::Es { text.replace('.', ",") } else { text }
}
