//! What to ask next: the unanswered items that can still change the band, the flag or an instrument's outcome.
//!
//! An item is open when some completion of the other items exists after which answering it changes one of these. The
//! list is empty exactly when no completion within the asked audience changes any of them.

use std::cmp::Reverse;
use std::sync::Arc;

use super::answers::Answers;
use super::assessment::Assessment;
use super::condition::{Condition, Quantity, Truth, View};
use super::instrument::{Component, Method, Outcome};
use super::item_set::ItemSet;
use super::linear::{Bounds, Linear};
use super::pathway::{Criterion, Pathway};
use super::questionnaire::{Audiences, Item};
use super::reach::{Reach, Sums};
use super::rule_table::{Combination, Id, Rule, RuleTable, Unit};
use super::scoring::Asked;

/// An unanswered item that can still change something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenQuestion {
    /// The item.
    pub item: Item,
    /// Whether it can change the band.
    pub band: bool,
    /// Whether it can flag.
    pub flagged: bool,
    /// The instruments whose outcome it can change.
    pub instruments: Vec<Id>,
    /// How many points of the own total hang on it.
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
    asked: Asked<'_>,
    assessment: &Assessment,
) -> Vec<OpenQuestion> {
    let fill = ItemSet::unanswered(answers, asked.audiences).with(begun(answers));
    let open = Open::new(table, answers, asked, fill, assessment);
    let mut questions: Vec<_> = fill.iter().map(|item| open.question(item)).collect();
    questions.retain(|question| question.could_change() > 0);
    questions.sort_by_key(|question| (Reverse(question.could_change()), Reverse(question.points)));
    questions
}

/// The items that a given value waits for, whoever was asked: a laboratory value came with its upper limit.
fn begun(answers: &Answers) -> ItemSet {
    let given = |quantity: &Quantity| answers.get(quantity.measured()).is_some();
    let begun = Quantity::DERIVED.into_iter().filter(given);
    begun.fold(ItemSet::EMPTY, |items, quantity| items.with(quantity.missing(answers)))
}

/// Answers under search.
struct Open<'a> {
    table: &'a RuleTable,
    answers: &'a Answers,
    asked: Asked<'a>,
    /// The items that can still be answered.
    fill: ItemSet,
    /// What is known now.
    assessment: &'a Assessment,
    /// For each unit of the own total, what all the others can sum up to.
    other_units: Vec<Sums>,
    /// For each component of each instrument, what it can be decided to; none where it cannot be decided.
    components: Vec<Vec<Sums>>,
}

impl<'a> Open<'a> {
    /// Works out once what every item's search needs.
    fn new(
        table: &'a RuleTable,
        answers: &'a Answers,
        asked: Asked<'a>,
        fill: ItemSet,
        assessment: &'a Assessment,
    ) -> Self {
        let mut open =
            Self { table, answers, asked, fill, assessment, other_units: Vec::new(), components: Vec::new() };
        let units: Vec<Sums> = table.units.iter().map(|unit| open.reachable(unit)).collect();
        open.other_units = each_without_itself(&units);
        let reach = open.reach(Audiences::EVERYBODY);
        let components = table.instruments.iter().map(|instrument| match &instrument.method {
            Method::Sum { components, .. } => components.iter().map(|component| reach.points(component)).collect(),
            Method::Linear(_) | Method::Category { .. } => Vec::new(),
        });
        open.components = components.collect();
        open
    }

    /// What one item can change.
    fn question(&self, item: Item) -> OpenQuestion {
        let bands = self.table.bands;
        let settled = self.assessment.band().is_some();
        let units = self.table.units.iter().filter(|unit| unit.items.has(item));
        let points = units.map(|unit| widest(&self.hanging(unit, item))).sum();
        let results = self.assessment.instruments.iter().enumerate();
        let undetermined = results.filter(|(_, result)| result.outcome == Outcome::Undetermined);
        let changing = undetermined.filter(|(place, _)| self.can_change(*place, item));
        OpenQuestion {
            item,
            band: !settled && (self.can_cross(item, bands.moderate) || self.can_cross(item, bands.high)),
            flagged: !self.assessment.flagged() && self.can_flag(item),
            instruments: changing.map(|(_, result)| Arc::clone(&result.instrument)).collect(),
            points,
        }
    }

    /// Whether the item can be what flags: by the band, a red flag, an instrument or a pathway.
    fn can_flag(&self, item: Item) -> bool {
        let asked = self.reach(self.asked.audiences);
        let table = self.table;
        self.can_cross(item, table.bands.high)
            || table.red_flags.iter().any(|flag| flag.flags && flag.items.has(item) && asked.decides(&flag.when, item))
            || (0..table.instruments.len())
                .any(|place| table.instruments[place].flags && self.can_turn_positive(place, item))
            || table.pathways.iter().any(|pathway| self.can_reach(pathway, item))
    }

    /// Whether the item can be what brings an asked pathway to its stage.
    fn can_reach(&self, pathway: &Pathway, item: Item) -> bool {
        let young = self.answers.get(Item::Age).is_some_and(|age| age < pathway.age_from);
        if young || !self.asked.pathways.contains(&pathway.id) {
            return false;
        }
        let reach = self.reach(Audiences::EVERYBODY);
        let decides = |any: &[Criterion]| any.iter().any(|criterion| reach.decides(&criterion.when, item));
        let can_be = |any: &[Criterion]| any.iter().any(|criterion| reach.can_be(&criterion.when, true));
        let (strength, performance) = (&pathway.strength_low[..], &pathway.performance_low[..]);
        let slow = !pathway.needs_performance || can_be(performance);
        (item == Item::Age && can_be(strength) && slow)
            || (decides(strength) && slow)
            || (pathway.needs_performance && can_be(strength) && decides(performance))
    }

    /// What is known under the rules of these audiences, with everything that is really asked still to come.
    const fn reach(&self, audiences: Audiences) -> Reach<'_> {
        Reach { view: View { answers: self.answers, audiences }, fill: self.fill }
    }

    /// Whether the own total can lie on either side of a band's start because of this item alone.
    fn can_cross(&self, item: Item, start: i32) -> bool {
        let units = self.table.units.iter().zip(&self.other_units).filter(|(unit, _)| unit.items.has(item));
        units.into_iter().any(|(unit, others)| {
            let spans = self.hanging(unit, item);
            others.iter().any(|sum| spans.iter().any(|span| sum + span.0 < start && start <= sum + span.1))
        })
    }

    /// The sums that a unit of the own total can come to.
    fn reachable(&self, unit: &Unit) -> Sums {
        let rules = unit.rules.iter().map(|index| &self.table.rules[*index]);
        let reach = self.reach(self.asked.audiences);
        let possible = rules.clone().filter(|rule| reach.can_be(&rule.when, true));
        let certain = |rule: &&Rule| rule.when.evaluate(reach.view) == Truth::True;
        let floor = rules.filter(certain).map(|rule| rule.points).max().unwrap_or(0);
        match unit.combination {
            None | Some(Combination::Cap(_)) => {
                let sums = possible.fold(Sums::of(0), |sums, rule| {
                    let with = sums.plus(Sums::of(rule.points));
                    if reach.can_be(&rule.when, false) { sums.or(with) } else { with }
                });
                if let Some(Combination::Cap(cap)) = unit.combination { sums.capped(cap) } else { sums }
            }
            Some(Combination::Steps(_)) => {
                let steps = possible.fold(Sums::NONE, |sums, rule| sums.or(Sums::of(rule.points)));
                // An item that is not asked adds nothing.
                if steps.is_empty() { Sums::of(0) } else { steps }
            }
            Some(Combination::HighestOf) => {
                possible.fold(Sums::of(floor), |sums, rule| sums.or(Sums::of(rule.points.max(floor))))
            }
        }
    }

    /// The bounds of a unit while only this item is unanswered, for each way the rest of the unit can come out. Empty
    /// when nothing hangs on the item.
    fn hanging(&self, unit: &Unit, item: Item) -> Vec<(i32, i32)> {
        let reach = self.reach(self.asked.audiences);
        let rules = unit.rules.iter().map(|index| &self.table.rules[*index]);
        let (hanging, rest): (Vec<_>, Vec<_>) = rules.partition(|rule| reach.hangs_on(&rule.when, item));
        if hanging.is_empty() {
            return Vec::new();
        }
        let points = hanging.iter().map(|rule| rule.points);
        let rest = Unit { combination: unit.combination, rules: self.places(&rest), items: unit.items };
        match unit.combination {
            None => vec![(0, points.sum())],
            Some(Combination::Steps(_)) => {
                vec![(points.clone().min().unwrap_or(0), points.max().unwrap_or(0))]
            }
            Some(Combination::HighestOf) => {
                let most = points.max().unwrap_or(0);
                self.reachable(&rest).iter().map(|floor| (floor, floor.max(most))).collect()
            }
            Some(Combination::Cap(cap)) => {
                let most: i32 = points.sum();
                self.reachable(&rest).iter().map(|sum| (sum, (sum + most).min(cap))).collect()
            }
        }
    }

    /// The places of rules in the table.
    fn places(&self, rules: &[&Rule]) -> Vec<usize> {
        let place = |id: &Id| self.table.rules.iter().position(|rule| rule.id == *id);
        rules.iter().filter_map(|rule| place(&rule.id)).collect()
    }

    /// Whether answering the item can change an instrument's outcome.
    fn can_change(&self, place: usize, item: Item) -> bool {
        self.steps(place, item).iter().any(|(before, after)| before != after)
    }

    /// Whether answering the item can make an instrument positive.
    fn can_turn_positive(&self, place: usize, item: Item) -> bool {
        let turns = |(before, after): &(Outcome, Outcome)| before != after && *after == Outcome::Positive;
        self.steps(place, item).iter().any(turns)
    }

    /// The outcomes before and after answering the item last of those that can be answered.
    fn steps(&self, place: usize, item: Item) -> Vec<(Outcome, Outcome)> {
        let instrument = &self.table.instruments[place];
        let age = self.answers.get(Item::Age);
        if age.is_some_and(|age| age < instrument.age_from) {
            return Vec::new();
        }
        let mut steps = match &instrument.method {
            Method::Sum { components, .. } => self.sum_steps(place, components, item),
            Method::Linear(by_sex) => self.linear_steps(by_sex, instrument.age_from, item),
            Method::Category { positive, .. } => {
                let reach = self.reach(Audiences::EVERYBODY);
                let when = &positive.when;
                let waiting = when.waits_for(reach.view).has(item) && self.fill.has(item);
                let after = [(true, Outcome::Positive), (false, Outcome::Negative)];
                let after = after.into_iter().filter(|(holds, _)| waiting && reach.can_be(when, *holds));
                after.map(|(_, outcome)| (Outcome::Undetermined, outcome)).collect()
            }
        };
        if age.is_none() && item == Item::Age {
            // Too young for the instrument, or old enough for what the rest already says.
            steps.push((Outcome::Undetermined, Outcome::NotApplicable));
            steps.extend(self.without_age(place).map(|outcome| (Outcome::Undetermined, outcome)));
        }
        steps
    }

    /// The outcomes that the instrument can come to once an age allows it.
    fn without_age(&self, place: usize) -> impl Iterator<Item = Outcome> {
        let instrument = &self.table.instruments[place];
        let can_be_positive = match &instrument.method {
            Method::Sum { components, .. } => {
                let (sums, stuck) = self.others(place, components, None);
                let outcome = |sum| instrument.outcome(Bounds::exactly(sum).plus(stuck));
                sums.iter().any(|sum| outcome(sum) == Outcome::Positive)
            }
            Method::Linear(by_sex) => by_sex.iter().any(|linear| {
                let (free, stuck) = self.linear_parts(linear, instrument.age_from, None);
                free.upper + stuck.lower >= linear.cut_off
            }),
            Method::Category { positive, .. } => self.reach(Audiences::EVERYBODY).can_be(&positive.when, true),
        };
        can_be_positive.then_some(Outcome::Positive).into_iter()
    }

    /// The steps of a sum: for each sum of the other components, before and after this one is decided.
    fn sum_steps(&self, place: usize, components: &[Component], item: Item) -> Vec<(Outcome, Outcome)> {
        let reach = self.reach(Audiences::EVERYBODY);
        let hangs = |component: &Component| {
            component.items.has(item) && component.steps.iter().any(|(when, _)| reach.hangs_on(when, item))
        };
        let Some(own) = components.iter().position(hangs) else { return Vec::new() };
        let instrument = &self.table.instruments[place];
        let (sums, stuck) = self.others(place, components, Some(own));
        let worth = |step: &(Condition, i32)| (step.0.evaluate(reach.view) != Truth::False).then_some(step.1);
        let possible = components[own].steps.iter().filter_map(worth);
        let open = possible.fold(Bounds::ZERO, |open, points| open.or(Bounds::exactly(points)));
        let mut steps = Vec::new();
        for sum in sums.iter() {
            let base = Bounds::exactly(sum).plus(stuck);
            let before = instrument.outcome(base.plus(open));
            let points = self.components[place][own].iter();
            steps.extend(points.map(|points| (before, instrument.outcome(base.plus(Bounds::exactly(points))))));
        }
        steps
    }

    /// The sums of the components that can be decided, and the bounds of those that cannot, but for one.
    fn others(&self, place: usize, components: &[Component], but: Option<usize>) -> (Sums, Bounds) {
        let view = self.reach(Audiences::EVERYBODY).view;
        let (mut sums, mut stuck) = (Sums::of(0), Bounds::ZERO);
        for (other, points) in self.components[place].iter().enumerate().filter(|(other, _)| Some(*other) != but) {
            if points.is_empty() {
                stuck = stuck.plus(components[other].bounds(view));
            } else {
                sums = sums.plus(*points);
            }
        }
        (sums, stuck)
    }

    /// The steps of a weighted sum: whether the cut-off lies within what the item can add.
    fn linear_steps(&self, by_sex: &[Linear; 2], age_from: i32, item: Item) -> Vec<(Outcome, Outcome)> {
        let sex = self.answers.get(Item::Sex);
        let possible = [0, 1].into_iter().filter(|place| sex.is_none_or(|sex| usize::from(sex != 0) == *place));
        let mut steps = Vec::new();
        for place in possible {
            let linear = &by_sex[place];
            let own = linear.terms.iter().find(|term| term.item == item);
            let own = own.map(|term| term.bounds(self.answers, age_from));
            let (free, stuck) = self.linear_parts(linear, age_from, own.map(|_| item));
            let own = match own {
                Some(own) => own,
                None if item == Item::Sex && sex.is_none() => Bounds::ZERO,
                None => continue,
            };
            // It turns positive when some completion of the others leaves the cut-off within what the item can add.
            let positive = free.upper + own.upper + stuck.lower >= linear.cut_off;
            let not_before = free.lower + own.lower + stuck.lower < linear.cut_off;
            let negative = free.lower + own.lower + stuck.upper < linear.cut_off;
            let not_yet = free.upper + own.upper + stuck.upper >= linear.cut_off;
            if positive && (not_before || item == Item::Sex) {
                steps.push((Outcome::Undetermined, Outcome::Positive));
            }
            if negative && (not_yet || item == Item::Sex) {
                steps.push((Outcome::Undetermined, Outcome::Negative));
            }
        }
        steps
    }

    /// Bounds of the terms, but for one item's, that can be answered, and of those that cannot.
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

/// The widest of some spans, points.
fn widest(spans: &[(i32, i32)]) -> i32 {
    spans.iter().map(|span| span.1 - span.0).max().unwrap_or(0)
}

/// For each entry, what all the others sum up to.
fn each_without_itself(units: &[Sums]) -> Vec<Sums> {
    let mut after = vec![Sums::of(0); units.len() + 1];
    for place in (0..units.len()).rev() {
        after[place] = after[place + 1].plus(units[place]);
    }
    let mut before = Sums::of(0);
    let others = units.iter().enumerate().map(|(place, unit)| {
        let others = before.plus(after[place + 1]);
        before = before.plus(*unit);
        others
    });
    others.collect()
}
