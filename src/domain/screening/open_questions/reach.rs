//! The results that answers can still reach: the truth values and points of some plausible completion.
//!
//! [`Condition::evaluate`] gives the result for the answers so far; this module gives the possible results once some open
//! items are answered. Only plausible completions count: those that the service would accept.
//!
//! Each part of a condition is evaluated on its own. That is exact because the parts of one condition, the components of
//! one instrument and the units of the own total read different items, which the linter checks. Weight, height and weight
//! losses are the exception: there, every cut-off is met at the same end of their plausible range.

use super::item_set::ItemSet;
use super::linear::Bounds;
use crate::fixed::Fraction;
use crate::screening::answers::{CHAIR_STANDS_FLOOR, GRIP_FLOOR};
use crate::screening::condition::{Check, Condition, End, KnownValue, Quantity, Truth, View};
use crate::screening::instrument::Component;
use crate::screening::questionnaire::{Audiences, Item, Kind};

/// Answers, and the unanswered items that can still be answered.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    pub view: View<'a>,
    /// The items that a completion may answer; the others stay unanswered.
    pub fill: ItemSet,
}

/// The sums that completions reach, each from 0 to 127, as a bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums(u128);

impl Reach<'_> {
    /// Whether some completion gives the condition this truth value.
    #[must_use]
    pub fn can_be(&self, condition: &Condition, wanted: bool) -> bool {
        let parts = || condition.parts(self.view.answers).into_iter();
        let all = |wanted| parts().all(|part| self.can_be(part, wanted));
        let some = |wanted| parts().any(|part| self.can_be(part, wanted));
        match condition {
            Condition::Test { quantity, check } => self.test_can_be(*quantity, check, wanted),
            Condition::AnyOf(_) => {
                if wanted {
                    some(true)
                } else {
                    all(false)
                }
            }
            Condition::AllOf(_) => {
                if wanted {
                    all(true)
                } else {
                    some(false)
                }
            }
            Condition::BySex(_) => {
                if self.fill.has(Item::Sex) {
                    some(wanted)
                } else {
                    all(wanted)
                }
            }
            Condition::ByAge(_) => {
                if self.fill.has(Item::Age) {
                    some(wanted)
                } else {
                    all(wanted)
                }
            }
            Condition::OrUnable { unable, measured, test } => {
                let fails = self.view.is_unable(*unable);
                let fails_or_may = fails || self.may_be_unable(*measured);
                if wanted { fails_or_may || self.can_be(test, true) } else { !fails && self.can_be(test, false) }
            }
            Condition::TotalAtLeast { components, points } => {
                let Bounds { lower, upper } = self.best(components, wanted);
                if wanted { lower >= *points } else { upper < *points }
            }
        }
    }

    /// Whether answering this item can make the condition true.
    #[must_use]
    pub fn decides(&self, condition: &Condition, item: Item) -> bool {
        let parts = condition.parts(self.view.answers);
        match condition {
            Condition::Test { quantity, .. } => quantity.inputs().contains(&item) && self.can_be(condition, true),
            Condition::AllOf(_) => {
                let decides = parts.iter().any(|part| self.decides(part, item));
                decides && parts.iter().all(|part| self.can_be(part, true))
            }
            Condition::AnyOf(_) => parts.iter().any(|part| self.decides(part, item)),
            Condition::BySex(_) | Condition::ByAge(_) => {
                let by = if matches!(condition, Condition::BySex(_)) { Item::Sex } else { Item::Age };
                let splits = item == by && self.can_be(condition, true) && self.can_be(condition, false);
                splits || parts.iter().any(|part| self.decides(part, item))
            }
            Condition::OrUnable { measured, test, .. } => {
                (item == Item::TestsUnable && self.may_be_unable(*measured)) || self.decides(test, item)
            }
            Condition::TotalAtLeast { .. } => condition.items().has(item) && self.can_be(condition, true),
        }
    }

    /// Whether the condition can stay undecided when everything but this item is answered.
    #[must_use]
    pub fn hangs_on(&self, condition: &Condition, item: Item) -> bool {
        let parts = condition.parts(self.view.answers);
        let hanging = || parts.iter().any(|part| self.hangs_on(part, item));
        let others = |wanted| parts.iter().all(|part| self.can_be(part, wanted) || self.hangs_on(part, item));
        match condition {
            Condition::Test { quantity, .. } => {
                quantity.inputs().contains(&item) && condition.evaluate(self.view) == Truth::Unknown
            }
            Condition::AllOf(_) => hanging() && others(true),
            Condition::AnyOf(_) => hanging() && others(false),
            Condition::BySex(_) => hanging() || (item == Item::Sex && self.splits(condition)),
            Condition::ByAge(_) => hanging() || (item == Item::Age && self.splits(condition)),
            Condition::OrUnable { test, .. } => self.hangs_on(test, item),
            Condition::TotalAtLeast { .. } => {
                condition.items().has(item) && condition.evaluate(self.view) == Truth::Unknown
            }
        }
    }

    /// The bounds of a sum after the completion with the highest or the lowest total. A component that no completion
    /// decides keeps its bounds.
    fn best(&self, components: &[Component], highest: bool) -> Bounds {
        let view = View { audiences: Audiences::ALL, ..self.view };
        let all = Self { view, fill: self.fill };
        let each = components.iter().map(|component| match all.points(component).ends() {
            Some((least, most)) => Bounds::exactly(if highest { most } else { least }),
            None => component.bounds(view),
        });
        each.fold(Bounds::ZERO, Bounds::plus)
    }

    /// The points that a component of an instrument can be decided to; empty if it cannot be decided.
    #[must_use]
    pub fn points(&self, component: &Component) -> Sums {
        let mut points = Sums::NONE;
        let mut otherwise = true;
        for (when, worth) in &component.steps {
            if self.can_be(when, true) {
                points = points.or(Sums::of(*worth));
            }
            otherwise = otherwise && self.can_be(when, false);
        }
        if otherwise { points.or(Sums::of(0)) } else { points }
    }

    /// Whether the person may still be reported unable to do a test; not if the test has a value.
    fn may_be_unable(&self, measured: Item) -> bool {
        self.view.answers.get(measured).is_none() && self.fill.has(Item::TestsUnable)
    }

    /// Whether completions can decide the condition either way.
    fn splits(&self, condition: &Condition) -> bool {
        self.can_be(condition, true) && self.can_be(condition, false)
    }

    /// Whether some reachable value gives the check this result.
    fn test_can_be(&self, quantity: Quantity, check: &Check, wanted: bool) -> bool {
        match self.view.known(quantity) {
            KnownValue::Value(value) => check.holds(value) == wanted,
            KnownValue::NotAsked => !wanted,
            KnownValue::Open if !self.fill.covers(quantity.missing(self.view.answers)) => false,
            KnownValue::Open => self.values(quantity, check).into_iter().any(|value| check.holds(value) == wanted),
        }
    }

    /// Values that a completion can give the quantity, enough to produce each result of the check.
    fn values(&self, quantity: Quantity, check: &Check) -> Vec<Fraction> {
        let Quantity::Item(item) = quantity else { return self.extremes(quantity).into() };
        let whole = |numerator| Fraction { numerator, denominator: 1 };
        match item.spec().kind {
            Kind::Flag => vec![whole(0), whole(1)],
            Kind::Choice(options) => (0..).zip(options).map(|(index, _)| whole(index)).collect(),
            Kind::Set { options, .. } => vec![whole(0), whole((1 << options.len()) - 1)],
            Kind::Number { scale, step, .. } => {
                let range = self.range(item);
                let mut values = vec![range.0, range.1];
                if let Check::Between { low, high } = check {
                    for End { threshold, .. } in [low, high].into_iter().flatten() {
                        let near = threshold.thousandths * i64::from(scale) / 1000;
                        values.extend([near - i64::from(step), near, near + i64::from(step)]);
                    }
                }
                values.retain(|value| (range.0..=range.1).contains(value));
                values.into_iter().map(|numerator| Fraction { numerator, denominator: scale.into() }).collect()
            }
        }
    }

    /// The lowest and the highest plausible value of a derived quantity.
    fn extremes(&self, quantity: Quantity) -> [Fraction; 2] {
        let (weight, height) = (self.range(Item::WeightKg), self.range(Item::HeightCm));
        match quantity {
            Quantity::Bmi => {
                let bmi =
                    |weight: i64, height: i64| Fraction { numerator: weight * 100_000, denominator: height * height };
                let tallest = height.1.min((weight.0 * 10_000).isqrt());
                let shortest = height.0.max((weight.1 * 1_250).isqrt());
                [bmi(weight.0, tallest), bmi(weight.1, shortest)]
            }
            Quantity::WeightLoss6MonthsPercent | Quantity::WeightLoss12MonthsPercent => {
                let lost = self.range(quantity.measured());
                let share = |lost: i64, weight: i64| Fraction { numerator: lost * 100, denominator: weight + lost };
                [share(lost.0, weight.1), share(lost.1.min(weight.1), weight.0.max(lost.1.min(weight.1)))]
            }
            Quantity::CreatineKinaseRatio | Quantity::MyoglobinRatio => {
                let [value, limit] = [quantity.inputs()[0], quantity.inputs()[1]].map(|item| self.range(item));
                [
                    Fraction { numerator: value.0, denominator: limit.1 },
                    Fraction { numerator: value.1, denominator: limit.0 },
                ]
            }
            Quantity::Item(item) => {
                let (least, greatest) = self.range(item);
                [least, greatest].map(|numerator| Fraction { numerator, denominator: 1 })
            }
        }
    }

    /// The range of a number in its units: the answer, or the values that are plausible with the other answers.
    fn range(&self, item: Item) -> (i64, i64) {
        let get = |item: Item| self.view.answers.get(item).map(i64::from);
        if let Some(value) = get(item) {
            return (value, value);
        }
        let Kind::Number { minimum, maximum, .. } = item.spec().kind else { return (0, 0) };
        let (minimum, maximum) = (i64::from(minimum), i64::from(maximum));
        let least = |items: &[Item]| items.iter().filter_map(|item| get(*item)).min().unwrap_or(maximum);
        let greatest = |items: &[Item]| items.iter().filter_map(|item| get(*item)).max().unwrap_or(minimum);
        let losses = [Item::WeightLoss6MonthsKg, Item::WeightLossPastYearKg];
        let (low, high) = match item {
            Item::WeightLoss6MonthsKg => (minimum, least(&[Item::WeightLossPastYearKg, Item::WeightKg])),
            Item::WeightLossPastYearKg => (greatest(&losses[..1]), least(&[Item::WeightKg])),
            // A body mass index from 10 to 80: weight * 10,000 from height^2 to 8 height^2.
            Item::WeightKg => {
                let (light, heavy) = get(Item::HeightCm).map_or((minimum, maximum), |height| {
                    ((height * height + 9_999) / 10_000, 8 * height * height / 10_000)
                });
                (light.max(greatest(&losses)), heavy)
            }
            Item::GripStrengthKg => (GRIP_FLOOR.into(), maximum),
            Item::FiveChairStandsS => (CHAIR_STANDS_FLOOR.into(), maximum),
            Item::HeightCm => get(Item::WeightKg).map_or((minimum, maximum), |weight| {
                let root = (weight * 1_250).isqrt();
                (if root * root < weight * 1_250 { root + 1 } else { root }, (weight * 10_000).isqrt())
            }),
            _ => (minimum, maximum),
        };
        (low.max(minimum), high.min(maximum))
    }
}

impl Sums {
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn of(sum: i32) -> Self {
        Self(1 << (sum.unsigned_abs() & 127))
    }

    /// The union.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Every sum of one element of each set.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(other.iter().fold(0, |sums, sum| sums | self.0 << sum))
    }

    /// The sums, limited to the cap.
    #[must_use]
    pub fn capped(self, cap: i32) -> Self {
        self.iter().fold(Self::NONE, |sums, sum| sums.or(Self::of(sum.min(cap))))
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The sums, ascending.
    pub fn iter(self) -> impl Iterator<Item = i32> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let sum = left.trailing_zeros();
            // Clears the lowest bit.
            left &= left.checked_sub(1)?;
            i32::try_from(sum).ok()
        })
    }

    /// The lowest and the highest sum; `None` if there is none.
    #[must_use]
    pub fn ends(self) -> Option<(i32, i32)> {
        let place = |zeros: u32| i32::try_from(zeros).ok();
        if self.is_empty() { None } else { Some((place(self.0.trailing_zeros())?, place(self.0.ilog2())?)) }
    }
}
