//! The plan of the demo: for each person of the cohort the submissions, their sender, and the story of the follow-up. Times
//! are distances to the start, so that the last sixty days look alike whenever the demo is created.

use std::cmp::Reverse;

use super::cohort::{SIZE, cohort};
use super::stories::{ACTIVE, CLOSED, IN_CARE, Story, UNTOUCHED};
use crate::domain::access::actor::Role;
use crate::domain::screening::answers::Answers;
use crate::domain::screening::pathway::PathwayId;
use crate::domain::screening::questionnaire::{Audiences, Item};
use crate::domain::screening::rule_table::RuleTable;
use crate::domain::screening::scoring::{ScoreOptions, score};
use crate::domain::screening::urgency::Urgency;

/// The number of submissions. Twelve people of the cohort are screened three times, the others once.
pub const SUBMISSIONS: usize = SIZE + 24;

/// A day, minutes.
pub(super) const DAY: i64 = 24 * 60;
/// The number of people who are screened on each of the sixty days.
const A_DAY: i64 = 5;
/// Spreads neighbours in the cohort over the days. It has no common divisor with the number of people.
const STRIDE: usize = 97;
/// Follow-ups of the last days wait for staff, days.
const FRESH: i64 = 3;
/// Older follow-ups are closed, days.
const OLD: i64 = 30;

pub(super) struct Person {
    /// The index in the cohort, from 0.
    pub(super) place: usize,
    /// The role of the credential that sends the submissions.
    pub(super) sender: Role,
    /// The earliest first.
    pub(super) screens: Vec<Screen>,
    /// The urgency of the last submission; `None` if it is not flagged.
    urgency: Option<Urgency>,
    pub(super) story: Story,
}

pub(super) struct Screen {
    /// Minutes from the submission to the start.
    pub(super) minutes: i64,
    pub(super) answers: Answers,
}

/// The people of the cohort, those whose last submission is oldest first. Of the follow-ups due today, the latest waits for
/// staff, as the tour in the README shows.
pub(super) fn plan(table: &RuleTable, pathways: &[PathwayId]) -> Vec<Person> {
    let people = cohort(&table.asked).into_iter().enumerate();
    let mut people: Vec<Person> = people.map(|(place, answers)| Person::new(table, pathways, place, answers)).collect();
    people.sort_by_key(|person| Reverse(minutes(person.place)));
    let latest = people.iter().rfind(|person| person.urgency == Some(Urgency::Today)).map(|person| person.place);
    let (mut closed, mut active) = (CLOSED.into_iter().cycle(), ACTIVE.into_iter().cycle());
    for person in &mut people {
        let days = minutes(person.place) / DAY;
        let waits = days < FRESH || latest == Some(person.place);
        let story = match person.urgency.filter(|_| !waits) {
            None => Some(UNTOUCHED),
            Some(Urgency::Today) => Some(IN_CARE),
            Some(_) if days > OLD => closed.next(),
            Some(_) => active.next(),
        };
        person.story = story.unwrap_or(UNTOUCHED);
    }
    people
}

impl Person {
    fn new(table: &RuleTable, pathways: &[PathwayId], place: usize, answers: Answers) -> Self {
        let options = ScoreOptions { audiences: Audiences::PERSON, pathways };
        let urgency = score(table, &answers, options).urgency;
        let sender = if urgency == Some(Urgency::Today) { Role::Intake } else { sender(place) };
        Self { place, sender, screens: screens(place, answers), urgency, story: UNTOUCHED }
    }
}

/// Minutes from the last submission of a person to the start: five people a day, during seven hours before the time of day
/// of the start.
fn minutes(place: usize) -> i64 {
    let slot = i64::try_from(place * STRIDE % SIZE).unwrap_or_default();
    slot / A_DAY * DAY + slot % A_DAY * 96 + 20
}

/// One person in ten answers on the web site, and staff enter the answers of another one.
const fn sender(place: usize) -> Role {
    match place % 10 {
        4 => Role::Staff,
        9 => Role::Browser,
        _ => Role::Intake,
    }
}

/// One person in twelve was screened twice before, if the last submission leaves time for it. The difficulties increased
/// after the first screen.
fn screens(place: usize, answers: Answers) -> Vec<Screen> {
    let last = minutes(place);
    let mut screens = Vec::new();
    if place > 0 && place.is_multiple_of(12) && last / DAY <= OLD {
        screens.push(Screen { minutes: last + 28 * DAY, answers: stronger(&answers) });
        screens.push(Screen { minutes: last + 14 * DAY, answers: answers.clone() });
    }
    screens.push(Screen { minutes: last, answers });
    screens
}

/// The same answers with each difficulty one grade lower. The first grade of these items is the lowest.
fn stronger(answers: &Answers) -> Answers {
    let mut stronger = answers.clone();
    for item in [
        Item::CarryingDifficulty,
        Item::WalkingDifficulty,
        Item::ChairRiseDifficulty,
        Item::StairDifficulty,
        Item::Fatigue,
    ] {
        stronger.set(item, answers.get(item).map(|grade| (grade - 1).max(0)));
    }
    stronger
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::app::demo::stories::{Action, Appointment};
    use crate::rules::Releases;

    fn people() -> Vec<Person> {
        plan(&Releases::load().unwrap().current().table, &[PathwayId::Ewgsop2])
    }

    #[test]
    fn each_of_the_last_sixty_days_has_submissions() {
        let people = people();
        let times: Vec<i64> = people.iter().flat_map(|one| &one.screens).map(|screen| screen.minutes).collect();
        assert_eq!(times.len(), SUBMISSIONS);
        assert!(times.iter().all(|minutes| (1..60 * DAY).contains(minutes)));
        let days: BTreeSet<i64> = times.iter().map(|minutes| minutes / DAY).collect();
        assert_eq!(days, (0..60).collect());
        let last: BTreeSet<i64> = people.iter().map(|one| minutes(one.place)).collect();
        assert_eq!(last.len(), SIZE, "each person has a time of their own");
        assert!(people.iter().all(|one| one.screens.is_sorted_by_key(|screen| Reverse(screen.minutes))));
    }

    #[test]
    fn every_step_is_after_the_one_before_and_before_the_start() {
        for person in people() {
            let hours: Vec<i64> = person.story.iter().map(|step| step.hours).collect();
            assert!(hours.is_sorted_by(|one, other| one < other), "{hours:?}");
            assert!(hours.last().is_none_or(|last| last * 60 < minutes(person.place)), "{hours:?}");
            for step in person.story {
                if let Action::Book(Appointment::After(at)) = step.action {
                    assert!(at > step.hours, "the appointment is after the booking");
                }
            }
        }
    }

    #[test]
    fn the_tour_of_the_readme_finds_its_people() {
        let people = people();
        let first = people.iter().find(|one| one.place == 0).unwrap();
        assert_eq!((first.screens.len(), first.sender), (1, Role::Intake));
        let waits = |one: &&Person| one.urgency == Some(Urgency::Today) && one.story.is_empty();
        let next = people.iter().find(waits).unwrap();
        assert_eq!((next.screens.len(), next.sender), (1, Role::Intake));
    }
}
