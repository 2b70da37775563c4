//! Why a case refuses a command, in the words of the page.

use crate::domain::follow_ups::Refusal;
use crate::http::pages::staff::desk::{Desk, named};

/// The refusals of the state machine by the names of their texts.
const NAMES: [(Refusal, &str); 12] = [
    (Refusal::NotClosed, "not_closed"),
    (Refusal::Closed, "closed"),
    (Refusal::Unassigned, "unassigned"),
    (Refusal::NotAssignee, "not_assignee"),
    (Refusal::HasItAlready, "has_it_already"),
    (Refusal::NotBooked, "not_booked"),
    (Refusal::StillBooked, "still_booked"),
    (Refusal::AppointmentAhead, "appointment_ahead"),
    (Refusal::AppointmentOutOfRange, "appointment_out_of_range"),
    (Refusal::NeverTried, "never_tried"),
    (Refusal::OnlyNotNeeded, "only_not_needed"),
    (Refusal::Exhausted, "exhausted"),
];

/// The text of a refusal that the API words as `sentence`.
pub(in crate::http::pages::staff) fn refusal(desk: &Desk, sentence: &str) -> &'static str {
    let known = NAMES.iter().find(|(refusal, _)| refusal.sentence() == sentence);
    named(&desk.texts.names.refusals, known.map_or("other", |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::language::Language;
    use crate::http::pages::texts;

    #[test]
    fn each_refusal_has_a_text_of_its_own() {
        let sentences: BTreeSet<_> = NAMES.iter().map(|(refusal, _)| refusal.sentence()).collect();
        assert_eq!(sentences.len(), NAMES.len());
        for language in Language::ALL {
            let Ok(texts) = texts::of(language) else { panic!("{language:?}") };
            let refusals = &texts.staff.names.refusals;
            let named: BTreeSet<_> = NAMES.iter().map(|(_, name)| *name).chain(["other"]).collect();
            assert_eq!(refusals.keys().map(String::as_str).collect::<BTreeSet<_>>(), named, "{language:?}");
        }
    }
}
