//! The weights of people with and without the outcome at each score, and what follows from them.

use std::ops::Range;

/// A person with a score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored {
    pub unit: usize,
    /// Higher is worse.
    pub score: i32,
    pub weight: f64,
    /// Whether the person has the outcome.
    pub case: bool,
}

/// The weights by unit and score. A replicate of the bootstrap needs nothing else.
pub(super) struct Tally {
    /// The different scores, ascending.
    pub(super) scores: Vec<i32>,
    cells: Vec<Cell>,
    /// The first cell of each unit, and the end of the last.
    starts: Vec<usize>,
}

/// The people of one unit with one score.
struct Cell {
    /// The index of the score.
    place: usize,
    cases: f64,
    others: f64,
}

/// The weights by score, over all units.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    cases: Vec<f64>,
    others: Vec<f64>,
}

/// What a cut-off does: people at or above it are flagged.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtCutOff {
    pub flagged: f64,
    pub sensitivity: f64,
    pub specificity: f64,
    pub positive_predictive_value: f64,
    pub negative_predictive_value: f64,
    pub positive_likelihood_ratio: f64,
    pub negative_likelihood_ratio: f64,
}

impl Tally {
    pub(super) fn new(mut people: Vec<Scored>, units: usize) -> Self {
        let mut scores: Vec<i32> = people.iter().map(|one| one.score).collect();
        scores.sort_unstable();
        scores.dedup();
        people.sort_by_key(|one| (one.unit, one.score));
        let mut cells: Vec<Cell> = Vec::new();
        let mut starts = vec![0; units + 1];
        let mut last = None;
        for one in &people {
            if last != Some((one.unit, one.score)) {
                last = Some((one.unit, one.score));
                let place = scores.partition_point(|score| *score < one.score);
                cells.push(Cell { place, cases: 0.0, others: 0.0 });
                starts[one.unit + 1] = cells.len();
            }
            if let Some(cell) = cells.last_mut() {
                *(if one.case { &mut cell.cases } else { &mut cell.others }) += one.weight;
            }
        }
        let mut reached = 0;
        for start in &mut starts {
            reached = reached.max(*start);
            *start = reached;
        }
        Self { scores, cells, starts }
    }

    /// The curve with the weights of each unit multiplied by its factor.
    pub(super) fn weighed(&self, factors: &[f64]) -> Curve {
        let mut curve = Curve { cases: vec![0.0; self.scores.len()], others: vec![0.0; self.scores.len()] };
        for (bounds, factor) in self.starts.windows(2).zip(factors).filter(|(_, factor)| **factor > 0.0) {
            for cell in &self.cells[bounds[0]..bounds[1]] {
                curve.cases[cell.place] += factor * cell.cases;
                curve.others[cell.place] += factor * cell.others;
            }
        }
        curve
    }

    /// The index of the first score at or above a cut-off.
    pub(super) fn place(&self, cut_off: i32) -> usize {
        self.scores.partition_point(|score| *score < cut_off)
    }
}

impl Curve {
    /// The area under the curve: the probability that a person with the outcome scores higher than one without, where an
    /// equal score counts one half. Not a number without people of both kinds.
    pub(super) fn area(&self) -> f64 {
        let (mut below, mut won) = (0.0, 0.0);
        for (cases, others) in self.cases.iter().zip(&self.others) {
            won += cases * (below + others / 2.0);
            below += others;
        }
        won / (self.cases.iter().sum::<f64>() * below)
    }

    /// The share of people with the outcome.
    pub(super) fn prevalence(&self) -> f64 {
        self.of(0..self.cases.len()).1
    }

    /// The share of people whose scores have these indices, and the share of them with the outcome.
    pub(super) fn of(&self, places: Range<usize>) -> (f64, f64) {
        let sum = |weights: &[f64]| weights.iter().sum::<f64>();
        let (cases, others) = (sum(&self.cases[places.clone()]), sum(&self.others[places]));
        let all = sum(&self.cases) + sum(&self.others);
        ((cases + others) / all, cases / (cases + others))
    }

    /// The figures for people whose scores have this index or a higher one.
    pub(super) fn at(&self, place: usize) -> AtCutOff {
        let sum = |weights: &[f64]| weights.iter().sum::<f64>();
        let (found, missed) = (sum(&self.cases[place..]), sum(&self.cases[..place]));
        let (wrong, passed) = (sum(&self.others[place..]), sum(&self.others[..place]));
        let sensitivity = found / (found + missed);
        let specificity = passed / (wrong + passed);
        AtCutOff {
            flagged: (found + wrong) / (found + wrong + missed + passed),
            sensitivity,
            specificity,
            positive_predictive_value: found / (found + wrong),
            negative_predictive_value: passed / (passed + missed),
            positive_likelihood_ratio: sensitivity / (1.0 - specificity),
            negative_likelihood_ratio: (1.0 - sensitivity) / specificity,
        }
    }

    /// 1 - specificity and sensitivity of each cut-off, from one above every score to one below.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let all = (self.others.iter().sum::<f64>(), self.cases.iter().sum::<f64>());
        let (mut wrong, mut found) = (0.0, 0.0);
        let mut points = vec![(0.0, 0.0)];
        for (others, cases) in self.others.iter().zip(&self.cases).rev() {
            wrong += others;
            found += cases;
            points.push((wrong / all.0, found / all.1));
        }
        points
    }

    /// Ten groups of about equal weight, by score. A score belongs to the tenth in which the middle of its people lies, so
    /// equal scores stay together, and there may be fewer groups.
    pub(super) fn tenths(&self) -> Vec<Range<usize>> {
        let weights = self.cases.iter().zip(&self.others).map(|(cases, others)| cases + others);
        let all: f64 = weights.clone().sum();
        let mut groups: Vec<Range<usize>> = Vec::new();
        let (mut before, mut last) = (0.0, -1.0);
        for (place, weight) in weights.enumerate() {
            let tenth = (10.0 * (before + weight / 2.0) / all).floor();
            before += weight;
            let end = place + 1;
            match groups.last_mut().filter(|_| tenth <= last) {
                Some(group) => group.end = end,
                None => groups.push(place..end),
            }
            last = tenth;
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(people: &[(i32, bool, f64)]) -> Tally {
        let scored = people.iter().enumerate();
        let scored =
            scored.map(|(unit, (score, case, weight))| Scored { unit, score: *score, weight: *weight, case: *case });
        Tally::new(scored.collect(), people.len())
    }

    fn curve(people: &[(i32, bool, f64)]) -> Curve {
        tally(people).weighed(&vec![1.0; people.len()])
    }

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-12, "{one} is not {other}");
    }

    /// Cases score 3, 5, 5; others 1, 3, 5, 2. Of the 3 x 4 pairs the case 3 wins 2 (over 1 and 2) and ties 1 (with 3); each
    /// case 5 wins 3 and ties 1: (2.5 + 3.5 + 3.5) / 12 = 9.5 / 12.
    const SEVEN: [(i32, bool, f64); 7] = [
        (3, true, 1.0),
        (5, true, 1.0),
        (5, true, 1.0),
        (1, false, 1.0),
        (3, false, 1.0),
        (5, false, 1.0),
        (2, false, 1.0),
    ];

    #[test]
    fn an_equal_score_counts_one_half() {
        close(curve(&SEVEN).area(), 9.5 / 12.0);
        // All scores equal: one half. All cases above all others: one.
        close(curve(&[(4, true, 1.0), (4, false, 1.0), (4, false, 1.0)]).area(), 0.5);
        close(curve(&[(9, true, 1.0), (1, false, 1.0)]).area(), 1.0);
        assert!(curve(&[(9, true, 1.0)]).area().is_nan());
    }

    /// Case 3 with weight 2 against others 1 (weight 3) and 3 (weight 1): 2 x (3 + 1 / 2) = 7. Case 2 with weight 1: 1 x 3 = 3.
    /// All pairs weigh 3 x 4 = 12. So 10 / 12.
    #[test]
    fn a_weight_counts_as_so_many_people() {
        let weighed = [(3, true, 2.0), (2, true, 1.0), (1, false, 3.0), (3, false, 1.0)];
        close(curve(&weighed).area(), 10.0 / 12.0);
        let repeated = [(3, true), (3, true), (2, true), (1, false), (1, false), (1, false), (3, false)];
        close(curve(&repeated.map(|(score, case)| (score, case, 1.0))).area(), 10.0 / 12.0);
    }

    /// At 3 and above: the cases 3, 5, 5 and the others 3, 5. Flagged 5 of 7; found 3 of 3; passed 2 of 4; of the 5 flagged 3
    /// are cases; of the 2 passed both are others; 1 / (1 - 1/2) = 2; 0 / (1/2) = 0.
    /// At 5: cases 5, 5 and other 5. Flagged 3 of 7; 2 of 3; 3 of 4; 2 of 3; 3 of 4; (2/3) / (1/4) = 8/3; (1/3) / (3/4) = 4/9.
    #[test]
    fn the_figures_at_a_cut_off_are_those_of_the_four_fold_table() {
        let all = tally(&SEVEN);
        let whole = all.weighed(&[1.0; 7]);
        let expected = [
            (3, [5.0 / 7.0, 1.0, 0.5, 0.6, 1.0, 2.0, 0.0]),
            (4, [3.0 / 7.0, 2.0 / 3.0, 0.75, 2.0 / 3.0, 0.75, 8.0 / 3.0, 4.0 / 9.0]),
        ];
        for (cut_off, figures) in expected {
            let at = whole.at(all.place(cut_off));
            let found = [
                at.flagged,
                at.sensitivity,
                at.specificity,
                at.positive_predictive_value,
                at.negative_predictive_value,
                at.positive_likelihood_ratio,
                at.negative_likelihood_ratio,
            ];
            for (one, other) in found.into_iter().zip(figures) {
                close(one, other);
            }
        }
        close(whole.prevalence(), 3.0 / 7.0);
        let (share, risk) = whole.of(all.place(3)..all.place(5));
        close(share, 2.0 / 7.0);
        close(risk, 0.5);
        // A cut-off above every score flags no person.
        close(whole.at(all.place(6)).flagged, 0.0);
    }

    /// With factor 0 for the case of 3, 2 for the first case of 5, and 1 for the rest: the cases weigh 2 + 1 = 3 at score 5,
    /// each wins 3 and ties 1 of 4.
    #[test]
    fn a_factor_repeats_or_drops_a_unit() {
        close(tally(&SEVEN).weighed(&[0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]).area(), 3.5 / 4.0);
    }

    #[test]
    fn people_of_one_unit_and_score_are_one_cell() {
        let one = |unit, score, case| Scored { unit, score, weight: 1.0, case };
        let people = vec![one(2, 1, true), one(0, 1, false), one(2, 1, false), one(0, 4, true), one(2, 1, true)];
        let tally = Tally::new(people, 4);
        assert_eq!((tally.cells.len(), tally.starts.clone()), (3, vec![0, 2, 2, 3, 3]));
    }

    #[test]
    fn tenths_keep_equal_scores_together() {
        // 100 people, one at each score: ten groups of ten.
        let even: Vec<_> = (0..100).map(|score| (score, score % 2 == 0, 1.0)).collect();
        let groups = curve(&even).tenths();
        assert_eq!(groups.iter().map(ExactSizeIterator::len).collect::<Vec<_>>(), [10; 10]);
        // 60 of 100 people have score 0, the others 1 to 40: one group of 60, then four of ten.
        let tied: Vec<_> = (0..100).map(|person: i32| ((person - 59).max(0), true, 1.0)).collect();
        let groups = curve(&tied).tenths();
        assert_eq!(groups, [0..1, 1..11, 11..21, 21..31, 31..41]);
    }
}
