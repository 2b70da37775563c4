//! Fixed-point numbers and fractions, so that comparisons with cut-offs are exact.

use std::cmp::Ordering;

/// Converts a decimal into whole units of `1 / scale`; `None` if it is not a multiple of that unit. Exact: a JSON
/// parser turns the decimal's text into the double nearest to `units / scale`.
pub fn to_units(value: f64, scale: i32) -> Option<i32> {
    let scaled = (value * f64::from(scale)).round();
    if scaled.abs() > f64::from(i32::MAX) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within i32, checked above")]
    let units = scaled as i32;
    #[expect(clippy::float_cmp, reason = "equal decimals parse to equal doubles, different decimals to different ones")]
    let exact = f64::from(units) / f64::from(scale) == value;
    exact.then_some(units)
}

/// A quantity as an exact fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    pub numerator: i64,
    /// Above zero.
    pub denominator: i64,
}

impl Fraction {
    pub fn compare(self, threshold: Threshold) -> Ordering {
        let left = i128::from(self.numerator) * i128::from(Threshold::SCALE);
        let right = i128::from(threshold.thousandths) * i128::from(self.denominator);
        left.cmp(&right)
    }

    /// The value rounded to one decimal, for display only; never compare with it.
    pub fn rounded(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "displayed with one decimal")]
        let exact = self.numerator as f64 / self.denominator as f64;
        (exact * 10.0).round() / 10.0
    }
}

/// A threshold of the rule table, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold {
    pub thousandths: i64,
}

impl Threshold {
    const SCALE: i32 = 1_000;

    /// The threshold as a decimal, for display only.
    pub fn value(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "thresholds are small")]
        let thousandths = self.thousandths as f64;
        thousandths / f64::from(Self::SCALE)
    }
}
