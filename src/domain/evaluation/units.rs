//! Sampling units, and the resampling of them.
//!
//! A survey draws units (such as counties) within strata, and people within units, so people of a unit resemble each other.
//! Each replicate of the bootstrap draws, in each stratum of n units, n - 1 of them with replacement, and weighs each by
//! n / (n - 1) times the number of its draws (Rao and Wu, J Am Stat Assoc 1988;83:231-241). Without a design each person is a
//! unit of one stratum.

use std::iter::once;
use std::ops::Range;

use super::real;

/// The largest number of people who are each a unit of their own.
const MOST_ALONE: usize = 5_000;
/// The number of units among which more people are dealt. The standard error of an interval's width is then 2 %, as it is
/// with a thousand replicates.
const DEALT: usize = 1_000;

/// The units of some people. Units of a stratum have consecutive numbers.
pub(super) struct Units {
    /// The unit of each person.
    pub(super) of: Vec<usize>,
    /// The units of each stratum, at least two.
    strata: Vec<Range<usize>>,
    seed: u64,
}

/// A small repeatable generator (splitmix64), so that the same data give the same intervals. Not for keys.
struct Random(u64);

impl Units {
    /// The units of a survey: the unit of each person, and the stratum of each unit of the file. A stratum without any of
    /// these people is left out; a unit without any of them is kept.
    pub(super) fn of_survey(unit_of: &[usize], stratum_of: &[usize], seed: u64) -> Self {
        let mut used = vec![false; stratum_of.len()];
        for unit in unit_of {
            used[stratum_of[*unit]] = true;
        }
        let mut order: Vec<usize> = (0..stratum_of.len()).filter(|unit| used[stratum_of[*unit]]).collect();
        order.sort_by_key(|unit| stratum_of[*unit]);
        let mut number = vec![0; stratum_of.len()];
        let mut strata: Vec<Range<usize>> = Vec::new();
        let mut last = None;
        for (place, unit) in order.into_iter().enumerate() {
            number[unit] = place;
            let (stratum, end) = (Some(stratum_of[unit]), place + 1);
            match strata.last_mut().filter(|_| stratum == last) {
                Some(units) => units.end = end,
                None => strata.push(place..end),
            }
            last = stratum;
        }
        Self { of: unit_of.iter().map(|unit| number[*unit]).collect(), strata, seed }
    }

    /// People without a design: each is a unit, or each belongs to one of [`DEALT`] units at random.
    pub(super) fn of_people(people: usize, seed: u64) -> Self {
        if people <= MOST_ALONE {
            return Self { of: (0..people).collect(), strata: once(0..people).collect(), seed };
        }
        let mut random = Random(!seed);
        let of = (0..people).map(|_| random.below(DEALT)).collect();
        Self { of, strata: once(0..DEALT).collect(), seed }
    }

    /// The number of units.
    pub(super) fn count(&self) -> usize {
        self.strata.last().map_or(0, |units| units.end)
    }

    pub(super) const fn strata(&self) -> usize {
        self.strata.len()
    }

    /// The half of the data that each unit belongs to: 0 or 1, at random, with about as many units of each stratum in both.
    pub(super) fn halves(&self) -> Vec<usize> {
        let mut halves = vec![0; self.count()];
        let mut random = Random(self.seed.rotate_left(32));
        for units in &self.strata {
            let mut order: Vec<usize> = units.clone().collect();
            for last in (1..order.len()).rev() {
                order.swap(last, random.below(last + 1));
            }
            for (place, unit) in order.into_iter().enumerate() {
                halves[unit] = place % 2;
            }
        }
        halves
    }

    /// The factor of each unit's weights in a replicate. The same number gives the same factors, so two predictors can be
    /// compared replicate by replicate.
    pub(super) fn factors(&self, replicate: u64) -> Vec<f64> {
        let mut factors = vec![0.0; self.count()];
        let mut random = Random(self.seed ^ replicate.wrapping_add(1).wrapping_mul(0xd6e8_feb8_6659_fd93));
        for units in self.strata.iter().filter(|units| units.len() > 1) {
            let scale = real(units.len()) / real(units.len() - 1);
            for _ in 1..units.len() {
                factors[units.start + random.below(units.len())] += scale;
            }
        }
        factors
    }
}

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number below a bound.
    fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * u128::try_from(bound).unwrap_or_default();
        usize::try_from(product >> 64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_a_stratum_are_consecutive_and_an_empty_unit_is_kept() {
        // Units 0 to 5 in strata 1, 0, 1, 0, 2, 2. People in units 2, 1, 1, 2: unit 0 and unit 3 have none, and stratum 2 has
        // none at all.
        let units = Units::of_survey(&[2, 1, 1, 2], &[1, 0, 1, 0, 2, 2], 7);
        // In order: units 1 and 3 of stratum 0, then 0 and 2 of stratum 1.
        assert_eq!(units.of, [3, 0, 0, 3]);
        assert_eq!((units.strata(), units.count()), (2, 4));
        assert_eq!(units.strata, [0..2, 2..4]);
    }

    #[test]
    fn each_stratum_keeps_its_weight_in_every_replicate() {
        // Of 2 units, 1 is drawn and counts 2. Of 3 units, 2 are drawn and count 1.5 each.
        let units = Units::of_survey(&[0, 1, 2, 3, 4], &[0, 0, 1, 1, 1], 1);
        for replicate in 0..100 {
            let factors = units.factors(replicate);
            let sums = [&factors[..2], &factors[2..]].map(|part| part.iter().sum::<f64>());
            assert!((sums[0] - 2.0).abs() < 1e-12 && (sums[1] - 3.0).abs() < 1e-12, "{factors:?}");
            assert!(factors[..2].iter().all(|factor| *factor < 0.1 || *factor > 1.9), "{factors:?}");
        }
    }

    #[test]
    fn replicates_repeat_and_differ() {
        let units = Units::of_people(50, 3);
        let same = |one: &[f64], other: &[f64]| one.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(same(&units.factors(4), &units.factors(4)));
        assert!(!same(&units.factors(4), &units.factors(5)));
        assert!(!same(&units.factors(4), &Units::of_people(50, 4).factors(4)));
    }

    #[test]
    fn every_unit_is_drawn_equally_often() {
        let units = Units::of_people(10, 5);
        let mut sums = [0.0; 10];
        for replicate in 0..10_000 {
            for (sum, factor) in sums.iter_mut().zip(units.factors(replicate)) {
                *sum += factor;
            }
        }
        // Each sum is 10,000 with a standard deviation of about 100.
        assert!(sums.iter().all(|sum| (sum - 10_000.0).abs() < 500.0), "{sums:?}");
    }

    /// People whose outcome alternates, as in pairs of a case and a control, must not be parted by it.
    #[test]
    fn halves_divide_each_stratum_and_do_not_follow_the_order_of_the_file() {
        let of_a_survey = Units::of_survey(&[0, 1, 2, 3, 4, 5], &[0, 0, 1, 1, 1, 1], 2).halves();
        let sums = [&of_a_survey[..2], &of_a_survey[2..]].map(|part| part.iter().sum::<usize>());
        assert_eq!(sums, [1, 2], "{of_a_survey:?}");
        let halves = Units::of_people(1_000, 2).halves();
        assert_eq!(halves.iter().sum::<usize>(), 500);
        let of_every_second: usize = halves.iter().step_by(2).sum();
        assert!((200..300).contains(&of_every_second), "{of_every_second}");
        assert_eq!(halves, Units::of_people(1_000, 2).halves());
    }

    #[test]
    fn many_people_are_dealt_to_a_fixed_number_of_units() {
        let units = Units::of_people(20_000, 9);
        assert_eq!((units.count(), units.of.len()), (DEALT, 20_000));
        assert!(units.of.iter().all(|unit| *unit < DEALT));
    }
}
