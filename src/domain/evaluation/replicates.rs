//! Statistics of a predictor, with the same statistics of each replicate of the bootstrap.

use std::ops::Range;

use super::curve::{AtCutOff, Curve, Scored, Tally};
use super::figures::{ClassFigures, CutOffFigures, Estimate};
use super::units::Units;

/// The indices of the scores at which a predictor is read.
struct Readings {
    cut_offs: Vec<usize>,
    /// The bands, then the tenths.
    classes: Vec<Range<usize>>,
}

/// What does not change from replicate to replicate.
pub(super) struct Landmarks {
    /// The number of bands.
    pub(super) bands: usize,
    /// The lowest and the highest score of each tenth.
    pub(super) tenths: Vec<(i32, i32)>,
    /// 1 - specificity and sensitivity at each score.
    pub(super) points: Vec<(f64, f64)>,
}

/// The statistics in the order of the constants below: of all people, and of each replicate.
pub(super) struct Replicates {
    whole: Vec<f64>,
    drawn: Vec<Vec<f64>>,
    cut_offs: usize,
}

const PREVALENCE: usize = 0;
const AREA: usize = 1;
/// The first statistic of the first cut-off.
const CUT_OFFS: usize = 2;
/// Statistics of a cut-off.
const OF_CUT_OFF: usize = 7;
/// Statistics of a class: its share, and the share with the outcome in it.
const OF_CLASS: usize = 2;

/// The statistics of a cut-off in their order.
pub(super) const FLAGGED: usize = 0;
pub(super) const SENSITIVITY: usize = 1;
pub(super) const SPECIFICITY: usize = 2;

impl Replicates {
    /// Reads the scores of people at these cut-offs, at the bands between them if `banded`, and at tenths.
    pub(super) fn new(
        people: Vec<Scored>,
        units: &Units,
        (cut_offs, banded): (&[i32], bool),
        count: u64,
    ) -> (Self, Landmarks) {
        let tally = Tally::new(people, units.count());
        let whole = tally.weighed(&vec![1.0; units.count()]);
        let cut_offs: Vec<usize> = cut_offs.iter().map(|cut_off| tally.place(*cut_off)).collect();
        let bands = if banded { between(&cut_offs, tally.scores.len()) } else { Vec::new() };
        let tenths = whole.tenths();
        let range = |places: &Range<usize>| (tally.scores[places.start], tally.scores[places.end - 1]);
        let landmarks =
            Landmarks { bands: bands.len(), tenths: tenths.iter().map(range).collect(), points: whole.points() };
        let readings = Readings { cut_offs, classes: [bands, tenths].concat() };
        let replicate = |number| readings.of(&tally.weighed(&units.factors(number)));
        let replicates = Self {
            whole: readings.of(&whole),
            drawn: (0..count).map(replicate).collect(),
            cut_offs: readings.cut_offs.len(),
        };
        (replicates, landmarks)
    }

    pub(super) fn prevalence(&self) -> Estimate {
        self.estimate(PREVALENCE)
    }

    pub(super) fn area(&self) -> Estimate {
        self.estimate(AREA)
    }

    pub(super) fn cut_off(&self, index: usize, name: &str) -> CutOffFigures {
        let first = CUT_OFFS + index * OF_CUT_OFF;
        CutOffFigures {
            cut_off: name.to_owned(),
            flagged: self.estimate(first + FLAGGED),
            sensitivity: self.estimate(first + SENSITIVITY),
            specificity: self.estimate(first + SPECIFICITY),
            positive_predictive_value: self.estimate(first + 3),
            negative_predictive_value: self.estimate(first + 4),
            positive_likelihood_ratio: self.estimate(first + 5),
            negative_likelihood_ratio: self.estimate(first + 6),
        }
    }

    /// A class: the bands come first, then the tenths.
    pub(super) fn class(&self, index: usize, name: String, expected: Option<f64>) -> ClassFigures {
        let first = CUT_OFFS + self.cut_offs * OF_CUT_OFF + index * OF_CLASS;
        ClassFigures { class: name, share: self.estimate(first), observed: self.estimate(first + 1), expected }
    }

    /// The difference of the areas, replicate by replicate.
    pub(super) fn area_minus(&self, other: &Self) -> Estimate {
        self.minus(other, AREA)
    }

    /// The difference of one statistic of a cut-off, replicate by replicate.
    pub(super) fn cut_off_minus(&self, other: &Self, index: usize, statistic: usize) -> Estimate {
        self.minus(other, CUT_OFFS + index * OF_CUT_OFF + statistic)
    }

    fn minus(&self, other: &Self, index: usize) -> Estimate {
        let pairs = self.drawn.iter().zip(&other.drawn);
        estimate(self.whole[index] - other.whole[index], pairs.map(|(one, other)| one[index] - other[index]))
    }

    fn estimate(&self, index: usize) -> Estimate {
        estimate(self.whole[index], self.drawn.iter().map(|replicate| replicate[index]))
    }
}

impl Readings {
    /// The statistics of a curve.
    fn of(&self, curve: &Curve) -> Vec<f64> {
        let mut statistics = vec![curve.prevalence(), curve.area()];
        for place in &self.cut_offs {
            let at: AtCutOff = curve.at(*place);
            statistics.extend([
                at.flagged,
                at.sensitivity,
                at.specificity,
                at.positive_predictive_value,
                at.negative_predictive_value,
                at.positive_likelihood_ratio,
                at.negative_likelihood_ratio,
            ]);
        }
        for places in &self.classes {
            statistics.extend(<[f64; 2]>::from(curve.of(places.clone())));
        }
        statistics
    }
}

/// The ranges that these places bound.
fn between(places: &[usize], end: usize) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(places.iter().copied());
    let ends = places.iter().copied().chain(std::iter::once(end));
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

/// A value with the 2.5th and 97.5th percentile of its replicates. Without an interval if a quarter of them have no value. A
/// likelihood ratio may be infinite in a replicate; it then counts as above all others, and an infinite end is absent.
fn estimate(value: f64, replicates: impl Iterator<Item = f64>) -> Estimate {
    let (mut known, mut all) = (Vec::new(), 0);
    for replicate in replicates {
        all += 1;
        known.extend(Some(replicate).filter(|replicate| !replicate.is_nan()));
    }
    known.sort_unstable_by(f64::total_cmp);
    let finite = |value: &f64| value.is_finite();
    let enough = value.is_finite() && known.len() * 4 > all * 3;
    let at = |thousandths: usize| enough.then(|| percentile(&known, thousandths)).filter(finite);
    Estimate { value: Some(value).filter(finite), low: at(25), high: at(975) }
}

/// A percentile of ascending values, in thousandths, by linear interpolation.
fn percentile(ascending: &[f64], thousandths: usize) -> f64 {
    let position = (ascending.len() - 1) * thousandths;
    let (place, rest) = (position / 1_000, position % 1_000);
    if rest == 0 {
        return ascending[place];
    }
    let next = ascending[(place + 1).min(ascending.len() - 1)];
    ascending[place] + (next - ascending[place]) * super::real(rest) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: Option<f64>, other: f64) {
        assert!(one.is_some_and(|one| (one - other).abs() < 1e-12), "{one:?} is not {other}");
    }

    /// Of 0 to 40 the 2.5th percentile is at 40 x 0.025 = 1, the 97.5th at 39.
    #[test]
    fn an_interval_is_the_middle_95_percent_of_the_replicates() {
        let found = estimate(20.0, (0..=40).rev().map(f64::from));
        close(found.value, 20.0);
        close(found.low, 1.0);
        close(found.high, 39.0);
        // Of 0 and 10: 0.25 and 9.75.
        let found = estimate(5.0, [10.0, 0.0].into_iter());
        close(found.low, 0.25);
        close(found.high, 9.75);
    }

    #[test]
    fn replicates_without_a_value_are_left_out_and_too_many_leave_no_interval() {
        let found = estimate(1.0, [f64::NAN, 1.0, 1.0, 1.0, 1.0].into_iter());
        close(found.low, 1.0);
        let found = estimate(1.0, [f64::NAN, 1.0, f64::NAN, 1.0].into_iter());
        assert_eq!((found.low, found.high), (None, None));
        // An infinite replicate is the highest: leaving it out would move the upper end down.
        let found = estimate(1.0, [1.0, f64::INFINITY, 1.0, 1.0].into_iter());
        close(found.low, 1.0);
        assert_eq!(found.high, None);
        assert_eq!(estimate(f64::INFINITY, [1.0; 9].into_iter()), Estimate::default());
    }

    /// 40 people in 20 strata of 2 units: every replicate draws one unit of each stratum, twice its weight.
    #[test]
    fn a_difference_is_taken_replicate_by_replicate() {
        let stratum_of: Vec<usize> = (0..40).map(|unit| unit / 2).collect();
        let units = Units::of_survey(&(0..40).collect::<Vec<_>>(), &stratum_of, 11);
        let people = |shift: i32| {
            let one = |unit: usize| {
                let score = i32::try_from(unit % 7).unwrap() + if unit.is_multiple_of(3) { shift } else { 0 };
                Scored { unit, score, weight: 1.0, case: unit.is_multiple_of(3) }
            };
            (0..40).map(one).collect::<Vec<_>>()
        };
        let read = |shift| Replicates::new(people(shift), &units, (&[3][..], true), 200).0;
        let (one, other) = (read(0), read(2));
        let same = one.area_minus(&read(0));
        assert_eq!((same.value, same.low, same.high), (Some(0.0), Some(0.0), Some(0.0)));
        let better = other.area_minus(&one);
        assert!(better.low.unwrap() > 0.0 && better.low < better.value && better.value < better.high, "{better:?}");
        // The bands below 3 and from 3 on share all people.
        let shares = [0, 1].map(|band| one.class(band, String::new(), None).share.value.unwrap());
        assert!((shares[0] + shares[1] - 1.0).abs() < 1e-12);
        assert!(other.cut_off_minus(&one, 0, SENSITIVITY).value.unwrap() > 0.0);
    }
}
