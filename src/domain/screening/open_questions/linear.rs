//! Instruments that are a weighted sum of measurements, by sex, in exact arithmetic.

use crate::screening::answers::Answers;
use crate::screening::questionnaire::{Item, Kind};

/// The weighted sum for one sex. Scores are whole thousandths of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// A score at or above this is positive, thousandths.
    pub cut_off: i32,
    pub terms: Vec<Term>,
    /// Converts a score into a probability.
    pub logistic: Option<Logistic>,
}

/// One term: `times * (item - minus)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub item: Item,
    /// Subtracted from the item's value, in the item's units.
    pub minus: i32,
    /// Points for one unit of the item, thousandths.
    pub times: i32,
}

/// `1 / (1 + exp(-(score / divide_by - minus)))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic {
    /// The divisor of the score.
    pub divide_by: f64,
    /// Subtracted from the quotient.
    pub minus: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub lower: i32,
    pub upper: i32,
}

impl Linear {
    /// Thousandths in a point.
    pub const SCALE: i32 = 1000;

    /// The bounds of the score over every completion. An unknown age counts from `age_from`.
    #[must_use]
    pub fn bounds(&self, answers: &Answers, age_from: i32) -> Bounds {
        self.terms.iter().map(|term| term.bounds(answers, age_from)).fold(Bounds::ZERO, Bounds::plus)
    }

    /// The probability for a score in thousandths, to three decimals, limited to 0.001 to 0.999.
    #[must_use]
    pub fn probability(&self, score: i32) -> Option<f64> {
        let logistic = self.logistic?;
        let score = f64::from(score) / f64::from(Self::SCALE);
        let probability = 1.0 / (1.0 + (-(score / logistic.divide_by - logistic.minus)).exp());
        Some(((probability * 1000.0).round() / 1000.0).clamp(0.001, 0.999))
    }
}

impl Term {
    /// The bounds of the term: one value if the item is answered, otherwise those of its whole range.
    #[must_use]
    pub fn bounds(&self, answers: &Answers, age_from: i32) -> Bounds {
        if let Some(value) = answers.get(self.item) {
            return Bounds::exactly(self.of(value));
        }
        let Kind::Number { minimum, maximum, .. } = self.item.spec().kind else { return Bounds::ZERO };
        let minimum = if self.item == Item::Age { minimum.max(age_from) } else { minimum };
        let (one, other) = (self.of(minimum), self.of(maximum));
        Bounds { lower: one.min(other), upper: one.max(other) }
    }

    /// The term for one value of the item, thousandths of a point.
    const fn of(self, value: i32) -> i32 {
        self.times * (value - self.minus)
    }
}

impl Bounds {
    pub const ZERO: Self = Self::exactly(0);

    /// One value.
    #[must_use]
    pub const fn exactly(value: i32) -> Self {
        Self { lower: value, upper: value }
    }

    /// The bounds of a sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { lower: self.lower + other.lower, upper: self.upper + other.upper }
    }

    /// Bounds that cover both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { lower: self.lower.min(other.lower), upper: self.upper.max(other.upper) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_exact_and_its_range_is_that_of_its_item() {
        // 3.09 points for each kg above 50, in units of 0.1 kg.
        let term = Term { item: Item::GripStrengthKg, minus: 500, times: -309 };
        let mut answers = Answers::default();
        assert_eq!(term.bounds(&answers, 65), Bounds { lower: -154_500, upper: 154_500 });
        answers.set(Item::GripStrengthKg, Some(281));
        assert_eq!(term.bounds(&answers, 65), Bounds::exactly(67_671));
    }
}
