//! The effect of answering an item on an instrument's outcome, for the search for open questions.

use super::Open;
use super::linear::{Bounds, Linear};
use super::reach::Sums;
use crate::screening::condition::{Condition, Truth};
use crate::screening::instrument::{Component, Method, Outcome};
use crate::screening::questionnaire::{Audiences, Item};

/// The total of some components: the possible sums of those that can be decided, and the bounds of those that cannot.
#[derive(Clone, Copy)]
pub(crate) struct Others {
    sums: Sums,
    stuck: Bounds,
}

/// The effect of answering an item last on an instrument's outcome.
#[derive(Clone, Copy, Default)]
pub(crate) struct Step {
    pub(crate) changes: bool,
    pub(crate) turns_positive: bool,
}

impl Open<'_> {
    /// The total of each component of an instrument.
    pub(crate) fn each(&self, components: &[Component], points: &[Sums]) -> Vec<Others> {
        let view = self.reach(Audiences::ALL).view;
        let come_to = |(component, sums): (&Component, &Sums)| {
            if sums.is_empty() {
                Others { stuck: component.bounds(view), ..Others::NONE }
            } else {
                Others { sums: *sums, ..Others::NONE }
            }
        };
        components.iter().zip(points).map(come_to).collect()
    }

    /// The effect on an instrument when the item is answered last of the items that can be answered.
    pub(crate) fn step(&self, place: usize, item: Item) -> Step {
        let mut step = Step::default();
        let instrument = &self.table.instruments[place];
        let age = self.answers.get(Item::Age);
        if age.is_some_and(|age| age < instrument.age_from) {
            return step;
        }
        match &instrument.method {
            Method::Sum { components, .. } => self.sum_step(place, components, item, &mut step),
            Method::Linear(by_sex) => self.linear_step(by_sex, instrument.age_from, item, &mut step),
            Method::Category { positive, .. } => {
                let reach = self.reach(Audiences::ALL);
                let when = &positive.when;
                let waiting = self.fill.has(item) && when.waits_for(reach.view).has(item);
                for (holds, after) in [(true, Outcome::Positive), (false, Outcome::Negative)] {
                    if waiting && reach.can_be(when, holds) {
                        step.see(Outcome::Undetermined, after);
                    }
                }
            }
        }
        if age.is_none() && item == Item::Age {
            // The age decides: below the instrument's range, or old enough for the outcome of the other items.
            step.see(Outcome::Undetermined, Outcome::NotApplicable);
            if self.positive_without_age(place) {
                step.see(Outcome::Undetermined, Outcome::Positive);
            }
        }
        step
    }

    /// Whether the instrument can be positive once the age is known.
    fn positive_without_age(&self, place: usize) -> bool {
        let instrument = &self.table.instruments[place];
        match &instrument.method {
            Method::Sum { components, .. } => {
                let each = self.each(components, &self.components[place]).into_iter();
                let Others { sums, stuck } = each.fold(Others::NONE, Others::plus);
                sums.iter().any(|sum| instrument.outcome(Bounds::exactly(sum).plus(stuck)) == Outcome::Positive)
            }
            Method::Linear(by_sex) => by_sex.iter().any(|linear| {
                let (free, stuck) = self.linear_parts(linear, instrument.age_from, None);
                free.upper + stuck.lower >= linear.cut_off
            }),
            Method::Category { positive, .. } => self.reach(Audiences::ALL).can_be(&positive.when, true),
        }
    }

    /// Records the outcome change for each sum of the other components, before and after this component is decided.
    fn sum_step(&self, place: usize, components: &[Component], item: Item, step: &mut Step) {
        let reach = self.reach(Audiences::ALL);
        let hangs = |component: &Component| {
            component.items.has(item) && component.steps.iter().any(|(when, _)| reach.hangs_on(when, item))
        };
        let Some(own) = components.iter().position(hangs) else { return };
        let instrument = &self.table.instruments[place];
        let Others { sums, stuck } = self.other_components[place][own];
        let worth = |step: &(Condition, i32)| (step.0.evaluate(reach.view) != Truth::False).then_some(step.1);
        let possible = components[own].steps.iter().filter_map(worth);
        let open = possible.fold(Bounds::ZERO, |open, points| open.or(Bounds::exactly(points)));
        for sum in sums.iter() {
            let base = Bounds::exactly(sum).plus(stuck);
            let before = instrument.outcome(base.plus(open));
            for points in self.components[place][own].iter() {
                step.see(before, instrument.outcome(base.plus(Bounds::exactly(points))));
            }
            if step.changes && step.turns_positive {
                return;
            }
        }
    }

    /// Records whether the cut-off is within the range of the item's term.
    fn linear_step(&self, by_sex: &[Linear; 2], age_from: i32, item: Item, step: &mut Step) {
        let sex = self.answers.get(Item::Sex);
        let possible = [0, 1].into_iter().filter(|place| sex.is_none_or(|sex| usize::from(sex != 0) == *place));
        for place in possible {
            let linear = &by_sex[place];
            let own = linear.terms.iter().find(|term| term.item == item);
            let own = own.map(|term| term.bounds(self.answers, age_from));
            let but = own.map(|_| item);
            let own = match own {
                Some(own) => own,
                None if item == Item::Sex && sex.is_none() => Bounds::ZERO,
                None => continue,
            };
            let (free, stuck) = self.linear_parts(linear, age_from, but);
            // The outcome becomes positive if, for some completion of the others, the cut-off is within the range of the
            // item's term.
            let positive = free.upper + own.upper + stuck.lower >= linear.cut_off;
            let not_before = free.lower + own.lower + stuck.lower < linear.cut_off;
            let negative = free.lower + own.lower + stuck.upper < linear.cut_off;
            let not_yet = free.upper + own.upper + stuck.upper >= linear.cut_off;
            if positive && (not_before || item == Item::Sex) {
                step.see(Outcome::Undetermined, Outcome::Positive);
            }
            if negative && (not_yet || item == Item::Sex) {
                step.see(Outcome::Undetermined, Outcome::Negative);
            }
        }
    }

    /// Bounds of the terms that can be answered and of those that cannot, without the term of `but`.
    fn linear_parts(&self, linear: &Linear, age_from: i32, but: Option<Item>) -> (Bounds, Bounds) {
        let (mut free, mut stuck) = (Bounds::ZERO, Bounds::ZERO);
        for term in linear.terms.iter().filter(|term| Some(term.item) != but) {
            let bounds = term.bounds(self.answers, age_from);
            let answered = self.answers.get(term.item).is_some();
            if answered || self.fill.has(term.item) {
                free = free.plus(bounds);
            } else {
                stuck = stuck.plus(bounds);
            }
        }
        (free, stuck)
    }
}

impl Step {
    fn see(&mut self, before: Outcome, after: Outcome) {
        self.changes |= before != after;
        self.turns_positive |= before != after && after == Outcome::Positive;
    }
}

impl Others {
    /// A sum of zero.
    pub(crate) const NONE: Self = Self { sums: Sums::of(0), stuck: Bounds::ZERO };

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { sums: self.sums.plus(other.sums), stuck: self.stuck.plus(other.stuck) }
    }
}
