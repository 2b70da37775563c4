//! The history of a case: who did what, when, and the note.

use super::Read;
use super::facts::person;
use crate::domain::follow_ups::{EventKind, FollowUpEvent};
use crate::http::pages::staff::desk::{Desk, Moment, named};

pub(super) struct EventRow {
    pub at: Moment,
    pub what: &'static str,
    /// The detail of the event; empty if it has none.
    pub detail: String,
    pub by: String,
    pub note: String,
}

/// The events, the latest first.
pub(super) fn rows(desk: &Desk, read: &Read) -> Vec<EventRow> {
    read.events.iter().rev().map(|event| row(desk, read, event)).collect()
}

fn row(desk: &Desk, read: &Read, event: &FollowUpEvent) -> EventRow {
    let by = event.by_name.clone().or_else(|| event.by.map(|id| person(desk, read, id)));
    EventRow {
        at: desk.moment(event.at),
        what: named(&desk.texts.names.events, event.kind.as_str()),
        detail: detail(desk, read, event),
        by: by.unwrap_or_else(|| desk.texts.again.by_service.clone()),
        note: event.note.clone().unwrap_or_default(),
    }
}

fn detail(desk: &Desk, read: &Read, event: &FollowUpEvent) -> String {
    let (texts, names, state) = (&desk.texts.commands, &desk.texts.names, event.after.state);
    match event.kind {
        EventKind::Contact if event.reached == Some(true) => texts.reached.clone(),
        EventKind::Contact => texts.not_reached.clone(),
        EventKind::Book => state.appointment_at().map(|at| desk.moment(at).words).unwrap_or_default(),
        EventKind::Reassign => state.assignee().map(|id| person(desk, read, id)).unwrap_or_default(),
        EventKind::Close => state.closed().map_or_else(String::new, |(closing, _)| {
            let outcome = named(&names.outcomes, closing.outcome().as_str());
            let reason = closing.reason().map(|reason| named(&names.reasons, reason.as_str()));
            reason.map_or_else(|| outcome.to_owned(), |reason| format!("{outcome}: {reason}"))
        }),
        _ => String::new(),
    }
}
