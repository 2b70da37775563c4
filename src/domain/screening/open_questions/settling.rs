//! The smallest sets of open items whose answers can settle an instrument's outcome.
//!
//! "Can" refers to the most favourable answers: with three points on SARC-F and two items open, either alone can make it
//! positive, so each is a set. Fewer items than these cannot settle the outcome, whatever the answers.

use super::item_set::ItemSet;
use super::linear::{Bounds, Linear};
use super::reach::Reach;
use crate::screening::answers::Answers;
use crate::screening::condition::View;
use crate::screening::instrument::{Component, Instrument, Method, Outcome};
use crate::screening::questionnaire::{Audiences, Item};

/// The maximum number of sets returned.
const MOST_SETS: usize = 24;

impl Instrument {
    /// The unanswered items that the instrument depends on, apart from its age range.
    #[must_use]
    pub fn waits_for(&self, answers: &Answers) -> ItemSet {
        let view = View { answers, audiences: Audiences::ALL };
        let answerable = ItemSet::unanswered(answers, Audiences::ALL);
        let items = match &self.method {
            Method::Sum { components, .. } => {
                components.iter().fold(ItemSet::EMPTY, |items, component| items.with(component.waits_for(view)))
            }
            Method::Linear(by_sex) => {
                let terms = by_sex.iter().flat_map(|linear| &linear.terms).map(|term| term.item);
                terms.chain([Item::Sex]).collect()
            }
            Method::Category { positive, .. } => positive.when.waits_for(view),
        };
        items.within(answerable)
    }

    /// The smallest sets of unanswered items whose answers can settle the outcome, whichever audiences are asked. Empty if
    /// it is settled, or if nothing can settle it, such as a grip test that the person was unable to do.
    #[must_use]
    pub fn would_settle(&self, answers: &Answers) -> Vec<ItemSet> {
        let age = answers.get(Item::Age);
        if self.result(self.read(answers), age).outcome != Outcome::Undetermined {
            return Vec::new();
        }
        if age.is_none() {
            // Below the instrument's age it does not apply, whatever the other answers.
            return vec![ItemSet::of(Item::Age)];
        }
        let open = self.waits_for(answers);
        let choices = self.choices(answers);
        let could = |items: &ItemSet| self.could_settle(answers, &choices, *items);
        let sizes = (1..=open.len()).map(|size| open.subsets(size).filter(could).take(MOST_SETS).collect::<Vec<_>>());
        sizes.into_iter().find(|sets| !sets.is_empty()).unwrap_or_default()
    }

    /// For each component of a sum, the possible results of answering each subset of its open items.
    fn choices(&self, answers: &Answers) -> Vec<Vec<Choice>> {
        let Method::Sum { components, .. } = &self.method else { return Vec::new() };
        let view = View { answers, audiences: Audiences::ALL };
        let answerable = ItemSet::unanswered(answers, Audiences::ALL);
        components.iter().map(|component| component.choices(view, answerable)).collect()
    }

    /// Whether some answers to these items settle the outcome.
    fn could_settle(&self, answers: &Answers, choices: &[Vec<Choice>], fill: ItemSet) -> bool {
        match &self.method {
            Method::Sum { .. } => {
                let chosen = |choices: &'_ Vec<Choice>| {
                    // The choices ascend by size, so the last match is the largest answered subset.
                    choices.iter().rfind(|choice| fill.covers(choice.items)).copied()
                };
                let (mut most, mut least) = (Bounds::ZERO, Bounds::ZERO);
                for choice in choices.iter().filter_map(chosen) {
                    (most, least) = (most.plus(choice.most), least.plus(choice.least));
                }
                [most, least].into_iter().any(|bounds| self.outcome(bounds) != Outcome::Undetermined)
            }
            Method::Linear(by_sex) => {
                let possible = |sex: usize| answers.get(Item::Sex).is_none_or(|known| usize::from(known != 0) == sex);
                let one = |sex: usize| linear_could_be(&by_sex[sex], answers, fill);
                let both = [0, 1].into_iter().filter(|sex| possible(*sex)).map(one);
                if fill.has(Item::Sex) {
                    both.into_iter().any(|(positive, negative)| positive || negative)
                } else {
                    let agreed = both.reduce(|one, other| (one.0 && other.0, one.1 && other.1));
                    agreed.is_some_and(|(positive, negative)| positive || negative)
                }
            }
            Method::Category { positive, .. } => {
                let reach = Reach { view: View { answers, audiences: Audiences::ALL }, fill };
                reach.can_be(&positive.when, true) || reach.can_be(&positive.when, false)
            }
        }
    }
}

/// The possible results of answering a subset of a component's open items.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// The answered items.
    items: ItemSet,
    /// The highest result of the component.
    most: Bounds,
    /// The lowest result of the component.
    least: Bounds,
}

impl Component {
    /// One choice for each subset of the open items, ascending by size.
    fn choices(&self, view: View<'_>, answerable: ItemSet) -> Vec<Choice> {
        let (open, waiting) = (self.bounds(view), self.waits_for(view).within(answerable));
        let parts = (0..=waiting.len()).flat_map(|size| waiting.subsets(size));
        let choice = |fill: ItemSet| {
            let decided = Reach { view, fill }.points(self).ends();
            let at = |end: Option<i32>| end.map_or(open, Bounds::exactly);
            Choice { items: fill, most: at(decided.map(|ends| ends.1)), least: at(decided.map(|ends| ends.0)) }
        };
        parts.map(choice).collect()
    }

    /// The unanswered items that the component depends on.
    #[must_use]
    pub fn waits_for(&self, view: View<'_>) -> ItemSet {
        let bounds = self.bounds(view);
        if bounds.lower == bounds.upper {
            return ItemSet::EMPTY;
        }
        self.steps.iter().fold(ItemSet::EMPTY, |items, (when, _)| items.with(when.waits_for(view)))
    }
}

/// Whether answering these items can make it positive, and whether it can make it negative.
fn linear_could_be(linear: &Linear, answers: &Answers, fill: ItemSet) -> (bool, bool) {
    let (mut most, mut least) = (0, 0);
    for term in &linear.terms {
        let bounds = term.bounds(answers, 0);
        let filled = fill.has(term.item);
        most += if filled { bounds.upper } else { bounds.lower };
        least += if filled { bounds.lower } else { bounds.upper };
    }
    (most >= linear.cut_off, least < linear.cut_off)
}
