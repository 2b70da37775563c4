//! Conditions of the rule table: a closed grammar over items and derived quantities, in three-valued logic.

use std::cmp::Ordering;
use std::sync::Arc;

use super::answers::Answers;
use super::instrument::Component;
use super::open_questions::item_set::ItemSet;
use super::open_questions::linear::Bounds;
use super::questionnaire::{Audiences, Item, Kind};
use crate::fixed::{Fraction, Threshold};

/// The truth value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    /// It depends on an unanswered item.
    Unknown,
}

/// An item, or a quantity derived from several items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    Item(Item),
    /// Weight / height squared, kg/m2.
    Bmi,
    /// Weight lost in 6 months, per cent of the weight before the loss.
    WeightLoss6MonthsPercent,
    /// Weight lost in 12 months, per cent of the weight before the loss.
    WeightLoss12MonthsPercent,
    /// Creatine kinase / its stated upper limit.
    CreatineKinaseRatio,
    /// Myoglobin / its stated upper limit.
    MyoglobinRatio,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub threshold: Threshold,
    /// Whether the cut-off itself is in the range.
    pub inclusive: bool,
}

/// The check of a quantity's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A number in a range.
    Between {
        /// `at_least` or `more_than`.
        low: Option<End>,
        /// `at_most` or `less_than`.
        high: Option<End>,
    },
    /// A flag (bit 0 for no, bit 1 for yes) or a choice that equals one of these bits.
    OneOf(u32),
    /// A set that contains the option of this bit.
    Includes(u32),
}

/// A condition of the rule table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Test {
        quantity: Quantity,
        check: Check,
    },
    /// True if any part is true.
    AnyOf(Vec<Condition>),
    /// True if every part is true.
    AllOf(Vec<Condition>),
    /// One condition for each sex, in the order of the options of [`Item::Sex`].
    BySex(Box<[Condition; 2]>),
    /// Conditions by minimum age, ascending. Below the first age it is false.
    ByAge(Vec<(i32, Condition)>),
    /// A measured test that also counts as failed if the person was unable to do it.
    OrUnable {
        /// The bit of the test in [`Item::TestsUnable`].
        unable: u32,
        measured: Item,
        /// The condition on the measured value.
        test: Box<Condition>,
    },
    /// A bound of an instrument's total: true if its lowest total is at least this, false if its highest is below.
    TotalAtLeast {
        components: Arc<[Component]>,
        points: i32,
    },
}

/// Answers, with the audiences that were asked.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub answers: &'a Answers,
    /// An unanswered item outside these audiences counts as not asked, so that it cannot change a result.
    pub audiences: Audiences,
}

/// The known value of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownValue {
    Value(Fraction),
    /// Asked and not answered.
    Open,
    NotAsked,
}

impl Condition {
    /// Evaluates in Kleene's three-valued logic: an unanswered item gives unknown unless the other parts decide.
    #[must_use]
    pub fn evaluate(&self, view: View<'_>) -> Truth {
        match self {
            Self::Test { quantity, check } => match view.known(*quantity) {
                KnownValue::Value(value) => Truth::from(check.holds(value)),
                KnownValue::Open => Truth::Unknown,
                KnownValue::NotAsked => Truth::False,
            },
            Self::AnyOf(parts) => Truth::any(parts.iter().map(|part| part.evaluate(view))),
            Self::AllOf(parts) => Truth::all(parts.iter().map(|part| part.evaluate(view))),
            Self::BySex(parts) => match view.answers.get(Item::Sex) {
                Some(sex) => parts[usize::from(sex != 0)].evaluate(view),
                None => Truth::agreed(parts.iter().map(|part| part.evaluate(view))),
            },
            Self::ByAge(rows) => match view.answers.get(Item::Age) {
                Some(age) => row_of(rows, age).map_or(Truth::False, |part| part.evaluate(view)),
                None => Truth::agreed(rows.iter().map(|row| row.1.evaluate(view))),
            },
            Self::OrUnable { unable, .. } if view.is_unable(*unable) => Truth::True,
            Self::OrUnable { measured, .. } if view.is_not_asked(*measured) => Truth::False,
            Self::OrUnable { measured, .. } if view.answers.get(*measured).is_none() => Truth::Unknown,
            Self::OrUnable { test, .. } => test.evaluate(view),
            Self::TotalAtLeast { components, points } => {
                let total = total(components, view.answers);
                Truth::of_bounds(total.lower >= *points, total.upper < *points)
            }
        }
    }

    /// The parts of the condition; of a condition by sex or age only those that can apply to these answers.
    #[must_use]
    pub fn parts(&self, answers: &Answers) -> Vec<&Self> {
        match (self, answers.get(Item::Sex), answers.get(Item::Age)) {
            (Self::BySex(parts), Some(sex), _) => vec![&parts[usize::from(sex != 0)]],
            (Self::ByAge(rows), _, Some(age)) => row_of(rows, age).into_iter().collect(),
            _ => self.all_parts(),
        }
    }

    /// The quantities that make the condition true: of `any_of`, only those of true parts. Empty unless the condition is
    /// true.
    #[must_use]
    pub fn observed(&self, view: View<'_>) -> Vec<Quantity> {
        if self.evaluate(view) != Truth::True {
            return Vec::new();
        }
        match self {
            Self::Test { quantity, .. } => vec![*quantity],
            Self::AnyOf(parts) | Self::AllOf(parts) => {
                let mut quantities: Vec<Quantity> = parts.iter().flat_map(|part| part.observed(view)).collect();
                let mut seen = std::collections::HashSet::new();
                quantities.retain(|quantity| seen.insert(*quantity));
                quantities
            }
            Self::BySex(_) | Self::ByAge(_) => {
                self.parts(view.answers).first().map_or_else(Vec::new, |part| part.observed(view))
            }
            Self::OrUnable { measured, .. } => vec![Quantity::Item(*measured)],
            Self::TotalAtLeast { components, .. } => components.iter().map(|component| component.quantity).collect(),
        }
    }

    #[must_use]
    pub fn tests(&self) -> Vec<(Quantity, &Check)> {
        match self {
            Self::Test { quantity, check } => vec![(*quantity, check)],
            _ => self.all_parts().into_iter().flat_map(Self::tests).collect(),
        }
    }

    #[must_use]
    pub fn items(&self) -> ItemSet {
        let own: &[Item] = match self {
            Self::Test { quantity, .. } => quantity.inputs(),
            Self::BySex(_) => &[Item::Sex],
            Self::ByAge(_) => &[Item::Age],
            Self::OrUnable { .. } => &[Item::TestsUnable],
            Self::TotalAtLeast { components, .. } => {
                return components.iter().fold(ItemSet::EMPTY, |items, component| items.with(component.items));
            }
            Self::AnyOf(_) | Self::AllOf(_) => &[],
        };
        let parts = self.all_parts().into_iter().map(Self::items);
        parts.fold(own.iter().copied().collect(), ItemSet::with)
    }

    /// The unanswered items that this condition depends on; empty when it is decided.
    #[must_use]
    pub fn waits_for(&self, view: View<'_>) -> ItemSet {
        if self.evaluate(view) != Truth::Unknown {
            return ItemSet::EMPTY;
        }
        let own = match self {
            Self::Test { quantity, .. } => quantity.missing(view.answers),
            Self::BySex(_) => Quantity::Item(Item::Sex).missing(view.answers),
            Self::ByAge(_) => Quantity::Item(Item::Age).missing(view.answers),
            Self::TotalAtLeast { components, .. } => {
                let all = View { audiences: Audiences::ALL, ..view };
                components.iter().fold(ItemSet::EMPTY, |items, component| items.with(component.waits_for(all)))
            }
            _ => ItemSet::EMPTY,
        };
        self.parts(view.answers).into_iter().fold(own, |items, part| items.with(part.waits_for(view)))
    }

    /// All parts, including those of the other sex and of other ages.
    fn all_parts(&self) -> Vec<&Self> {
        match self {
            Self::Test { .. } | Self::TotalAtLeast { .. } => Vec::new(),
            Self::AnyOf(parts) | Self::AllOf(parts) => parts.iter().collect(),
            Self::BySex(parts) => parts.iter().collect(),
            Self::ByAge(rows) => rows.iter().map(|row| &row.1).collect(),
            Self::OrUnable { test, .. } => vec![test],
        }
    }
}

/// The bounds of a sum over every completion. An unanswered item can have any value, whichever audiences were asked.
pub(crate) fn total(components: &[Component], answers: &Answers) -> Bounds {
    let view = View { answers, audiences: Audiences::ALL };
    components.iter().map(|component| component.bounds(view)).fold(Bounds::ZERO, Bounds::plus)
}

/// The row that applies to an age; `None` below the first.
fn row_of(rows: &[(i32, Condition)], age: i32) -> Option<&Condition> {
    rows.iter().rfind(|(from, _)| *from <= age).map(|row| &row.1)
}

impl Check {
    #[must_use]
    pub fn holds(&self, value: Fraction) -> bool {
        match self {
            Self::Between { low, high } => {
                low.is_none_or(|end| end.passes(value, Ordering::Greater))
                    && high.is_none_or(|end| end.passes(value, Ordering::Less))
            }
            Self::OneOf(mask) => u32::try_from(value.numerator).is_ok_and(|bit| bit < 32 && mask & (1 << bit) != 0),
            Self::Includes(mask) => u32::try_from(value.numerator).is_ok_and(|set| set & mask != 0),
        }
    }
}

impl End {
    /// Whether the value is on this side of the cut-off, or equal to it if the end is inclusive.
    fn passes(self, value: Fraction, side: Ordering) -> bool {
        let ordering = value.compare(self.threshold);
        ordering == side || (self.inclusive && ordering == Ordering::Equal)
    }
}

impl Truth {
    pub(crate) fn any(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::False, |sum, part| match (sum, part) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::False, Self::False) => Self::False,
        })
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::True, |product, part| match (product, part) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::True, Self::True) => Self::True,
        })
    }

    /// The common value of all parts, unknown if they differ; false if there are none.
    fn agreed(parts: impl Iterator<Item = Self>) -> Self {
        parts.reduce(|one, other| if one == other { one } else { Self::Unknown }).unwrap_or(Self::False)
    }

    /// `all`: every completion is true; `none`: no completion is.
    const fn of_bounds(all: bool, none: bool) -> Self {
        match (all, none) {
            (true, _) => Self::True,
            (_, true) => Self::False,
            (false, false) => Self::Unknown,
        }
    }

    /// The value as a boolean; `None` if unknown.
    #[must_use]
    pub const fn decided(self) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::Unknown => None,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl View<'_> {
    /// The value of a quantity under these answers. If the measured value is given, its other inputs count as asked: a
    /// laboratory value without its upper limit is open, not harmless.
    #[must_use]
    pub fn known(self, quantity: Quantity) -> KnownValue {
        let given = self.answers.get(quantity.measured()).is_some();
        if !given && quantity.inputs().iter().any(|item| self.is_not_asked(*item)) {
            return KnownValue::NotAsked;
        }
        self.value(quantity).map_or(KnownValue::Open, KnownValue::Value)
    }

    /// Whether a condition is undecided although one of its tests holds, the measured value of an open test is above 0,
    /// or an open total has points. Tests of age and sex do not count, because they carry no information about the
    /// person's health.
    #[must_use]
    pub fn is_half_met(self, condition: &Condition) -> bool {
        condition.evaluate(self) == Truth::Unknown && self.is_begun(condition)
    }

    fn is_begun(self, condition: &Condition) -> bool {
        let given = |quantity: Quantity| self.answers.get(quantity.measured()).is_some_and(|value| value > 0);
        match condition {
            Condition::Test { quantity: Quantity::Item(Item::Age | Item::Sex), .. } => false,
            Condition::Test { quantity, check } => match self.known(*quantity) {
                KnownValue::Value(value) => check.holds(value),
                KnownValue::Open => given(*quantity),
                KnownValue::NotAsked => false,
            },
            Condition::TotalAtLeast { components, .. } => total(components, self.answers).lower > 0,
            _ => condition.parts(self.answers).into_iter().any(|part| self.is_begun(part)),
        }
    }

    #[must_use]
    pub fn is_unable(self, test: u32) -> bool {
        self.answers.get(Item::TestsUnable).is_some_and(|unable| unable.unsigned_abs() & test != 0)
    }

    /// Whether the item is unanswered and outside the audiences.
    fn is_not_asked(self, item: Item) -> bool {
        self.answers.get(item).is_none() && !self.audiences.include(item.spec().audience())
    }

    /// The value of the quantity; `None` unless all its inputs are answered.
    fn value(self, quantity: Quantity) -> Option<Fraction> {
        let get = |item: Item| self.answers.get(item).map(i64::from);
        let (numerator, denominator) = match quantity {
            Quantity::Item(item) => {
                let scale = if let Kind::Number { scale, .. } = item.spec().kind { scale } else { 1 };
                (get(item)?, i64::from(scale))
            }
            // Weight in 0.1 kg and height in 0.1 cm: kg/m2 = weight * 100,000 / height^2.
            Quantity::Bmi => (get(Item::WeightKg)? * 100_000, get(Item::HeightCm)?.pow(2)),
            Quantity::WeightLoss6MonthsPercent => {
                let lost = get(Item::WeightLoss6MonthsKg)?;
                (lost * 100, get(Item::WeightKg)? + lost)
            }
            Quantity::WeightLoss12MonthsPercent => {
                let lost = get(Item::WeightLossPastYearKg)?;
                (lost * 100, get(Item::WeightKg)? + lost)
            }
            Quantity::CreatineKinaseRatio => (get(Item::CreatineKinaseUL)?, get(Item::CreatineKinaseUpperLimitUL)?),
            Quantity::MyoglobinRatio => (get(Item::MyoglobinUgL)?, get(Item::MyoglobinUpperLimitUgL)?),
        };
        Some(Fraction { numerator, denominator })
    }
}

impl Quantity {
    /// The quantities that are computed from several items.
    pub const DERIVED: [Self; 5] = [
        Self::Bmi,
        Self::WeightLoss6MonthsPercent,
        Self::WeightLoss12MonthsPercent,
        Self::CreatineKinaseRatio,
        Self::MyoglobinRatio,
    ];

    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Item(item) => item.id(),
            Self::Bmi => "bmi",
            Self::WeightLoss6MonthsPercent => "weight_loss_6_months_percent",
            Self::WeightLoss12MonthsPercent => "weight_loss_12_months_percent",
            Self::CreatineKinaseRatio => "creatine_kinase_ratio",
            Self::MyoglobinRatio => "myoglobin_ratio",
        }
    }

    /// Returns the quantity with this name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        let derived = Self::DERIVED.into_iter().find(|quantity| quantity.id() == id);
        derived.or_else(|| Item::from_id(id).map(Self::Item))
    }

    /// The item whose value is judged; the other inputs only scale it.
    #[must_use]
    pub const fn measured(self) -> Item {
        match self {
            Self::Item(item) => item,
            Self::Bmi => Item::WeightKg,
            Self::WeightLoss6MonthsPercent => Item::WeightLoss6MonthsKg,
            Self::WeightLoss12MonthsPercent => Item::WeightLossPastYearKg,
            Self::CreatineKinaseRatio => Item::CreatineKinaseUL,
            Self::MyoglobinRatio => Item::MyoglobinUgL,
        }
    }

    /// The unanswered inputs.
    #[must_use]
    pub fn missing(&self, answers: &Answers) -> ItemSet {
        self.inputs().iter().copied().filter(|item| answers.get(*item).is_none()).collect()
    }

    /// The items it is computed from.
    #[must_use]
    pub const fn inputs(&self) -> &[Item] {
        match self {
            Self::Item(item) => std::slice::from_ref(item),
            Self::Bmi => &[Item::WeightKg, Item::HeightCm],
            Self::WeightLoss6MonthsPercent => &[Item::WeightKg, Item::WeightLoss6MonthsKg],
            Self::WeightLoss12MonthsPercent => &[Item::WeightKg, Item::WeightLossPastYearKg],
            Self::CreatineKinaseRatio => &[Item::CreatineKinaseUL, Item::CreatineKinaseUpperLimitUL],
            Self::MyoglobinRatio => &[Item::MyoglobinUgL, Item::MyoglobinUpperLimitUgL],
        }
    }
}
