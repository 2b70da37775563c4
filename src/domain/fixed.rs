//! Fixed-point numbers and fractions, so that a comparison at a cut-off is a comparison of integers.

use std::cmp::Ordering;

/// Turns a decimal into whole units of `1 / scale`, or `None` when it is not a multiple of that unit.
///
/// Exact: the nearest double of `units / scale` is what a JSON parser makes of that decimal's text.
#[must_use]
pub fn to_units(value: f64, scale: i32) -> Option<i32> {
    let scaled = (value * f64::from(scale)).round();
    if scaled.abs() > f64::from(i32::MAX) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within i32, checked above")]
    let units = scaled as i32;
    #[expect(clippy::float_cmp, reason = "the same decimal gives the same double, any other decimal another one")]
    let exact = f64::from(units) / f64::from(scale) == value;
    exact.then_some(units)
}

/// A quantity as an exact fraction with a denominator above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Numerator.
    pub numerator: i64,
    /// Denominator, above zero.
    pub denominator: i64,
}

impl Fraction {
    /// Compares with a threshold, exactly.
    #[must_use]
    pub fn compare(self, threshold: Threshold) -> Ordering {
        let left = i128::from(self.numerator) * i128::from(Threshold::SCALE);
        let right = i128::from(threshold.thousandths) * i128::from(self.denominator);
        left.cmp(&right)
    }

    /// The value rounded to one decimal, for showing; never compare with it.
    #[must_use]
    pub fn rounded(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "shown to one decimal only")]
        let exact = self.numerator as f64 / self.denominator as f64;
        (exact * 10.0).round() / 10.0
    }
}

/// A threshold of the rule table, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold {
    /// The value times 1,000.
    pub thousandths: i64,
}

impl Threshold {
    const SCALE: i32 = 1_000;

    /// The threshold as a decimal, for showing.
    #[must_use]
    pub fn value(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "thresholds are small")]
        let thousandths = self.thousandths as f64;
        thousandths / f64::from(Self::SCALE)
    }
}
