//! The open questions: the unanswered items that can still change the band, the flag or an instrument's outcome.
//!
//! An item is open if, for some completion of the other items, answering it changes one of these. The list is empty
//! exactly when no completion within the asked audiences changes any of them.

pub(crate) mod instruments;
pub mod item_set;
pub mod linear;
pub mod reach;
pub mod settling;

use std::cmp::Reverse;
use std::sync::Arc;

use super::answers::Answers;
use super::assessment::Assessment;
use super::condition::{Quantity, Truth, View};
use super::instrument::{Method, Outcome};
use super::pathway::{Criterion, Pathway};
use super::questionnaire::{Audiences, Item};
use super::rule_table::{Combination, Id, RedFlag, Rule, RuleTable, Unit};
use super::scoring::ScoreOptions;
use instruments::Others;
use item_set::ItemSet;
use reach::{Reach, Sums};

/// An unanswered item that can still change a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenQuestion {
    pub item: Item,
    /// Whether it can change the band.
    pub band: bool,
    /// Whether it can flag the submission.
    pub flagged: bool,
    /// The instruments whose outcome it can change.
    pub instruments: Vec<Id>,
    /// How many points of the own total depend on it.
    pub points: i32,
}

impl OpenQuestion {
    /// How many of band, flag and instruments it can change.
    #[must_use]
    pub fn could_change(&self) -> usize {
        usize::from(self.band) + usize::from(self.flagged) + self.instruments.len()
    }
}

/// The open questions of an assessment, those that can change most first.
#[must_use]
pub fn open_questions(
    table: &RuleTable,
    answers: &Answers,
    asked: ScoreOptions<'_>,
    assessment: &Assessment,
) -> Vec<OpenQuestion> {
    let fill = ItemSet::unanswered(answers, asked.audiences).with(begun(answers));
    let fill = fill.within(table.asked.items).without(table.asked.not_applicable(answers));
    let open = Open::new(table, answers, asked, fill, assessment);
    let mut questions: Vec<_> = fill.iter().map(|item| open.question(item)).collect();
    questions.retain(|question| question.could_change() > 0);
    let first = table.asked.first_open(answers, assessment.band_at_least);
    questions.sort_by_key(|question| {
        (!first.has(question.item), Reverse(question.could_change()), Reverse(question.points))
    });
    questions
}

/// The unanswered inputs of a measured value that was given, whichever audiences were asked. Example: the upper limit of a
/// laboratory value.
fn begun(answers: &Answers) -> ItemSet {
    let given = |quantity: &Quantity| answers.get(quantity.measured()).is_some();
    let begun = Quantity::DERIVED.into_iter().filter(given);
    begun.fold(ItemSet::EMPTY, |items, quantity| items.with(quantity.missing(answers)))
}

/// The state of a search.
pub(crate) struct Open<'a> {
    pub(crate) table: &'a RuleTable,
    pub(crate) answers: &'a Answers,
    asked: ScoreOptions<'a>,
    /// The items that can still be answered.
    pub(crate) fill: ItemSet,
    /// The assessment of the answers so far.
    assessment: &'a Assessment,
    /// For each unit of the own total, the possible sums of all other units.
    other_units: Vec<Sums>,
    /// For each component of each instrument, the points it can be decided to; empty if it cannot be decided.
    pub(crate) components: Vec<Vec<Sums>>,
    /// For each component of each instrument, the total of all other components.
    pub(crate) other_components: Vec<Vec<Others>>,
}

/// The bounds of a unit of the own total while only one item is unanswered, one pair for each possible result of the rest
/// of the unit, and the possible sums of the other units.
struct Hanging<'a> {
    spans: Vec<(i32, i32)>,
    others: &'a Sums,
}

impl<'a> Open<'a> {
    /// Precomputes what the search needs for every item.
    fn new(
        table: &'a RuleTable,
        answers: &'a Answers,
        asked: ScoreOptions<'a>,
        fill: ItemSet,
        assessment: &'a Assessment,
    ) -> Self {
        let mut open = Self {
            table,
            answers,
            asked,
            fill,
            assessment,
            other_units: vec![],
            components: vec![],
            other_components: vec![],
        };
        let units: Vec<Sums> = table.units.iter().map(|unit| open.reachable(unit.combination, &unit.rules)).collect();
        open.other_units = each_without_itself(&units, Sums::of(0), Sums::plus);
        let reach = open.reach(Audiences::ALL);
        let components = table.instruments.iter().map(|instrument| match &instrument.method {
            Method::Sum { components, .. } => components.iter().map(|component| reach.points(component)).collect(),
            Method::Linear(_) | Method::Category { .. } => Vec::new(),
        });
        open.components = components.collect();
        let others = table.instruments.iter().zip(&open.components);
        let others = others.map(|(instrument, points)| match &instrument.method {
            Method::Sum { components, .. } => {
                each_without_itself(&open.each(components, points), Others::NONE, Others::plus)
            }
            Method::Linear(_) | Method::Category { .. } => Vec::new(),
        });
        open.other_components = others.collect();
        open
    }

    fn question(&self, item: Item) -> OpenQuestion {
        let bands = self.table.bands;
        let (settled, flagged) = (self.assessment.band().is_some(), self.assessment.flagged_for_good());
        let units = self.table.units.iter().zip(&self.other_units).filter(|(unit, _)| unit.items.has(item));
        let hanging: Vec<Hanging<'_>> =
            units.map(|(unit, others)| Hanging { spans: self.hanging(unit, item), others }).collect();
        let crosses = |start| hanging.iter().any(|unit| unit.crosses(start));
        let (mut instruments, mut turns) = (Vec::new(), false);
        for (place, instrument) in self.table.instruments.iter().enumerate() {
            let result = self.assessment.instruments.get(place);
            let undetermined = result.is_some_and(|result| result.outcome == Outcome::Undetermined);
            let may_flag = instrument.flags && !flagged;
            if undetermined || may_flag {
                let step = self.step(place, item);
                turns |= may_flag && step.turns_positive;
                if undetermined && step.changes {
                    instruments.push(Arc::clone(&instrument.id));
                }
            }
        }
        OpenQuestion {
            item,
            band: !settled && (crosses(bands.moderate) || crosses(bands.high)),
            flagged: !flagged && (turns || crosses(bands.high) || self.can_flag(item)),
            instruments,
            points: hanging.iter().map(|unit| widest(&unit.spans)).sum(),
        }
    }

    /// Whether answering the item can raise a flag through a red flag or a pathway.
    fn can_flag(&self, item: Item) -> bool {
        let asked = self.reach(self.asked.audiences);
        let alarms = |flag: &RedFlag| flag.flags && flag.items.has(item) && asked.decides(&flag.when, item);
        self.table.red_flags.iter().any(alarms)
            || self.table.pathways.iter().any(|pathway| self.can_reach(pathway, item))
    }

    /// Whether answering the item can bring an asked pathway to its stage.
    fn can_reach(&self, pathway: &Pathway, item: Item) -> bool {
        let young = self.answers.get(Item::Age).is_some_and(|age| age < pathway.age_from);
        if young || !self.asked.pathways.contains(&pathway.id) {
            return false;
        }
        let reach = self.reach(Audiences::ALL);
        let decides = |any: &[Criterion]| any.iter().any(|criterion| reach.decides(&criterion.when, item));
        let can_be = |any: &[Criterion]| any.iter().any(|criterion| reach.can_be(&criterion.when, true));
        let (strength, performance) = (&pathway.strength_low[..], &pathway.performance_low[..]);
        let slow = !pathway.needs_performance || can_be(performance);
        (item == Item::Age && can_be(strength) && slow)
            || (decides(strength) && slow)
            || (pathway.needs_performance && can_be(strength) && decides(performance))
    }

    /// The reach under these audiences. Only the items of `fill` are still to be answered.
    pub(crate) const fn reach(&self, audiences: Audiences) -> Reach<'_> {
        Reach { view: View { answers: self.answers, audiences }, fill: self.fill }
    }

    /// The possible sums of a unit of the own total.
    fn reachable(&self, combination: Option<Combination>, rules: &[usize]) -> Sums {
        let rules = rules.iter().map(|index| &self.table.rules[*index]);
        let reach = self.reach(self.asked.audiences);
        let possible = rules.clone().filter(|rule| reach.can_be(&rule.when, true));
        let certain = |rule: &&Rule| rule.when.evaluate(reach.view) == Truth::True;
        let floor = rules.filter(certain).map(|rule| rule.points).max().unwrap_or(0);
        match combination {
            None | Some(Combination::Cap(_)) => {
                let sums = possible.fold(Sums::of(0), |sums, rule| {
                    let with = sums.plus(Sums::of(rule.points));
                    if reach.can_be(&rule.when, false) { sums.or(with) } else { with }
                });
                if let Some(Combination::Cap(cap)) = combination { sums.capped(cap) } else { sums }
            }
            Some(Combination::Steps(_)) => {
                let steps = possible.fold(Sums::NONE, |sums, rule| sums.or(Sums::of(rule.points)));
                // Items that are not asked add nothing.
                if steps.is_empty() { Sums::of(0) } else { steps }
            }
            Some(Combination::HighestOf) => {
                possible.fold(Sums::of(floor), |sums, rule| sums.or(Sums::of(rule.points.max(floor))))
            }
        }
    }

    /// The bounds of a unit while only this item is unanswered, one pair for each possible result of the rest of the unit.
    /// Empty if the unit does not depend on the item.
    fn hanging(&self, unit: &Unit, item: Item) -> Vec<(i32, i32)> {
        let reach = self.reach(self.asked.audiences);
        let hangs = |index: &usize| reach.hangs_on(&self.table.rules[*index].when, item);
        let (hanging, rest): (Vec<usize>, Vec<usize>) = unit.rules.iter().partition(|index| hangs(index));
        if hanging.is_empty() {
            return Vec::new();
        }
        let points = hanging.iter().map(|index| self.table.rules[*index].points);
        match unit.combination {
            None => vec![(0, points.sum())],
            Some(Combination::Steps(_)) => {
                vec![(points.clone().min().unwrap_or(0), points.max().unwrap_or(0))]
            }
            Some(Combination::HighestOf) => {
                let most = points.max().unwrap_or(0);
                self.reachable(unit.combination, &rest).iter().map(|floor| (floor, floor.max(most))).collect()
            }
            Some(Combination::Cap(cap)) => {
                let most: i32 = points.sum();
                self.reachable(unit.combination, &rest).iter().map(|sum| (sum, (sum + most).min(cap))).collect()
            }
        }
    }
}

/// The greatest width of the spans, points.
fn widest(spans: &[(i32, i32)]) -> i32 {
    spans.iter().map(|span| span.1 - span.0).max().unwrap_or(0)
}

impl Hanging<'_> {
    /// Whether the item alone decides on which side of a band's start the own total is.
    fn crosses(&self, start: i32) -> bool {
        let crosses = |sum: i32| self.spans.iter().any(|span| sum + span.0 < start && start <= sum + span.1);
        !self.spans.is_empty() && self.others.iter().any(crosses)
    }
}

/// For each entry, the sum of all other entries.
fn each_without_itself<T: Copy>(entries: &[T], none: T, plus: impl Fn(T, T) -> T) -> Vec<T> {
    let mut after = vec![none; entries.len() + 1];
    for place in (0..entries.len()).rev() {
        after[place] = plus(after[place + 1], entries[place]);
    }
    let mut before = none;
    let others = entries.iter().enumerate().map(|(place, entry)| {
        let others = plus(before, after[place + 1]);
        before = plus(before, *entry);
        others
    });
    others.collect()
}
