//! The figures of one outcome: each predictor, and the differences between them.

use std::ops::RangeInclusive;

use super::curve::Scored;
use super::figures::{
    ClassFigures, CutOffDifference, CutOffFigures, Difference, GroupFigures, OutcomeFigures, PredictorFigures,
};
use super::logistic::{Observation, fit, log_odds, probability};
use super::predictor::{Predictor, PredictorKind, SARC_F};
use super::real;
use super::replicates::{FLAGGED, Landmarks, Replicates, SENSITIVITY, SPECIFICITY};
use super::sample::{Person, Sample};
use super::units::Units;
use crate::screening::rule_table::Band;

/// Fewer people with or without the outcome say nothing about an area.
const FEWEST: usize = 10;

/// Units of a log odds.
const LOG_ODDS_SCALE: i32 = 1_000;

const AGE_GROUPS: [(&str, RangeInclusive<u8>); 4] =
    [("under 60", 0..=59), ("60 to 69", 60..=69), ("70 to 79", 70..=79), ("80 and over", 80..=u8::MAX)];

/// The people in whom an outcome is known.
struct Cohort<'a> {
    sample: &'a Sample,
    /// Their indices in the sample.
    people: Vec<usize>,
    /// Whether each has the outcome.
    cases: Vec<bool>,
    /// The part of the data that each belongs to.
    folds: Vec<usize>,
    units: Units,
    replicates: u64,
}

/// A predictor of a cohort.
struct Entry {
    predictor: Predictor,
    scores: Scores,
    settled: Option<f64>,
    open_points: Option<f64>,
}

/// Where the score of each person is.
enum Scores {
    /// Every person has the same.
    Equal,
    /// In the sample, as those of the predictor with this index.
    Of(usize),
    /// Here, by person of the cohort.
    Fitted(Vec<Option<i32>>),
}

pub(super) fn measure(sample: &Sample, outcome: usize, replicates: u64, seed: u64) -> OutcomeFigures {
    let cohort = Cohort::new(sample, outcome, replicates, seed);
    let entries = cohort.entries(outcome);
    let prevalence = cohort.read(&Scores::Equal, |_| true, (&[], false)).0.prevalence();
    let measured: Vec<(PredictorFigures, Replicates)> = entries.iter().map(|entry| cohort.figures(entry)).collect();
    let wanted = &sample.outcomes[outcome];
    OutcomeFigures {
        outcome: wanted.id.clone(),
        name: wanted.name.clone(),
        age_from: wanted.age_from,
        people: cohort.people.len(),
        cases: cohort.cases.iter().filter(|case| **case).count(),
        prevalence,
        strata: cohort.units.strata(),
        units: cohort.units.count(),
        differences: differences(&entries, &measured),
        predictors: measured.into_iter().map(|one| one.0).collect(),
    }
}

impl<'a> Cohort<'a> {
    fn new(sample: &'a Sample, outcome: usize, replicates: u64, seed: u64) -> Self {
        let bit = 1_u32 << outcome;
        let known = sample.people.iter().enumerate().filter(|(_, person)| person.known & bit != 0);
        let people: Vec<usize> = known.map(|(index, _)| index).collect();
        let of = |index: &usize| &sample.people[*index];
        let units = if sample.design.is_empty() {
            Units::of_people(people.len(), seed)
        } else {
            let unit_of: Vec<usize> = people.iter().map(|index| of(index).unit as usize).collect();
            Units::of_survey(&unit_of, &sample.design.stratum_of, seed)
        };
        let mut folds: Vec<usize> = people.iter().map(|index| usize::from(of(index).fold)).collect();
        // Data of one part are halved by unit.
        if folds.iter().all(|fold| Some(fold) == folds.first()) {
            let halves = units.halves();
            folds = units.of.iter().map(|unit| halves[*unit]).collect();
        }
        let cases = people.iter().map(|index| of(index).met & bit != 0).collect();
        Self { sample, people, cases, folds, units, replicates }
    }

    fn person(&self, index: usize) -> &Person {
        &self.sample.people[self.people[index]]
    }

    fn score(&self, scores: &Scores, index: usize) -> Option<i32> {
        match scores {
            Scores::Equal => Some(0),
            Scores::Of(predictor) => self.sample.score(self.people[index], *predictor),
            Scores::Fitted(scores) => scores[index],
        }
    }

    /// The predictors whose scores say something about these people: those of instruments and items only if they are settled
    /// for half of the people. Equal instruments of several tables are one.
    fn entries(&self, outcome: usize) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let (wanted, all) = (&self.sample.outcomes[outcome], real(self.people.len()));
        let mut table = 0;
        for (index, predictor) in self.sample.predictors.list.iter().enumerate() {
            let settled = wanted.settled.get(index).and_then(|count| usize::try_from(*count).ok());
            let share = settled.map(|count| real(count) / all);
            let mut entry =
                Entry { predictor: predictor.clone(), scores: Scores::Of(index), settled: share, open_points: None };
            match predictor.kind {
                PredictorKind::Total => {
                    let points = wanted.open_points.get(table).and_then(|points| usize::try_from(*points).ok());
                    entry.open_points = points.map(|points| real(points) / all);
                    table += 1;
                }
                PredictorKind::Instrument | PredictorKind::Item if share.is_none_or(|share| share < 0.5) => continue,
                PredictorKind::Instrument => {
                    if entries.iter().any(|known| self.are_equal(known, &entry)) {
                        continue;
                    }
                }
                PredictorKind::Age | PredictorKind::AgeWithSarcF | PredictorKind::Item => entry.settled = None,
            }
            entries.push(entry);
        }
        name_once(&mut entries);
        if let Some(combined) = self.age_with_sarc_f() {
            entries.insert(1, combined);
        }
        entries
    }

    /// Whether two predictors have the same id, cut-offs and scores.
    fn are_equal(&self, one: &Entry, other: &Entry) -> bool {
        one.predictor.id == other.predictor.id
            && one.predictor.cut_offs == other.predictor.cut_offs
            && (0..self.people.len()).all(|index| self.score(&one.scores, index) == self.score(&other.scores, index))
    }

    /// The log odds of a model of age and SARC-F, each person's from a model of the other parts of the data.
    fn age_with_sarc_f(&self) -> Option<Entry> {
        let sarc_f = self.sample.predictors.list.iter().position(|predictor| &*predictor.id == SARC_F)?;
        let inputs = |index: usize| {
            let score = self.sample.score(self.people[index], sarc_f)?;
            Some([1.0, f64::from(self.person(index).age), f64::from(score)])
        };
        let odds = self.crossed(inputs)?;
        let predictor = Predictor {
            name: format!("age with {}", self.sample.predictors.list[sarc_f].name),
            scale: LOG_ODDS_SCALE,
            ..Predictor::plain(PredictorKind::AgeWithSarcF, "age_with_sarc_f")
        };
        let scores = Scores::Fitted(odds.into_iter().map(|odds| odds.map(units_of)).collect());
        Some(Entry { predictor, scores, settled: None, open_points: None })
    }

    /// The log odds of each person by a model of these inputs that is fitted to the other parts of the data. `None` if a part
    /// has no model. People without inputs are in no model.
    fn crossed<const N: usize>(&self, inputs: impl Fn(usize) -> Option<[f64; N]>) -> Option<Vec<Option<f64>>> {
        let mut odds = vec![None; self.people.len()];
        let mut folds = self.folds.clone();
        folds.sort_unstable();
        folds.dedup();
        for fold in folds {
            let others = (0..self.people.len()).filter(|index| self.folds[*index] != fold);
            let observed = others.filter_map(|index| {
                let (weight, case) = (self.person(index).weight, self.cases[index]);
                inputs(index).map(|inputs| Observation { inputs, weight, case })
            });
            let model = fit(observed)?;
            for (index, odds) in odds.iter_mut().enumerate().filter(|(index, _)| self.folds[*index] == fold) {
                *odds = inputs(index).map(|inputs| log_odds(&model, &inputs));
            }
        }
        Some(odds)
    }

    fn read(
        &self,
        scores: &Scores,
        includes: impl Fn(&Person) -> bool,
        cut_offs: (&[i32], bool),
    ) -> (Replicates, Landmarks) {
        let included = (0..self.people.len()).filter(|index| includes(self.person(*index)));
        let scored = included.filter_map(|index| {
            Some(Scored {
                unit: self.units.of[index],
                score: self.score(scores, index)?,
                weight: self.person(index).weight,
                case: self.cases[index],
            })
        });
        Replicates::new(scored.collect(), &self.units, cut_offs, self.replicates)
    }

    /// The people with a score, and those of them with the outcome.
    fn count(&self, scores: &Scores, includes: impl Fn(&Person) -> bool) -> (usize, usize) {
        let of = |index: &usize| self.score(scores, *index).is_some() && includes(self.person(*index));
        let counted = (0..self.people.len()).filter(of);
        counted.fold((0, 0), |(people, cases), index| (people + 1, cases + usize::from(self.cases[index])))
    }

    fn figures(&self, entry: &Entry) -> (PredictorFigures, Replicates) {
        let predictor = &entry.predictor;
        let total = predictor.kind == PredictorKind::Total;
        let scores: Vec<i32> = predictor.cut_offs.iter().map(|cut_off| i32::from(cut_off.score)).collect();
        let (replicates, landmarks) = self.read(&entry.scores, |_| true, (&scores[..], total));
        let (people, cases) = self.count(&entry.scores, |_| true);
        let bands = (0..landmarks.bands).zip(Band::ALL);
        let risks = self.risks(&entry.scores);
        let figures = PredictorFigures {
            predictor: predictor.id.to_string(),
            name: predictor.name.clone(),
            rule_table: predictor.table.as_ref().map(ToString::to_string),
            people,
            cases,
            settled: entry.settled,
            open_points: entry.open_points,
            area: replicates.area(),
            cut_offs: cut_offs(predictor, &replicates),
            bands: bands.map(|(index, band)| replicates.class(index, band.as_str().to_owned(), None)).collect(),
            calibration: self.calibration(entry, &risks, (&replicates, &landmarks), |_| true),
            groups: self.groups(entry, &risks, &scores),
            curve: landmarks.points,
        };
        (figures, replicates)
    }

    /// The risk of each person by a model of the score. Empty if a part of the data has no model.
    fn risks(&self, scores: &Scores) -> Vec<Option<f64>> {
        let odds = self.crossed(|index| self.score(scores, index).map(|score| [1.0, f64::from(score)]));
        odds.unwrap_or_default().into_iter().map(|odds| odds.map(probability)).collect()
    }

    /// Tenths of the people by score, with the share of each that has the outcome and the share that is expected.
    fn calibration(
        &self,
        entry: &Entry,
        risks: &[Option<f64>],
        (replicates, landmarks): (&Replicates, &Landmarks),
        includes: impl Fn(&Person) -> bool,
    ) -> Vec<ClassFigures> {
        let predictor = &entry.predictor;
        let expected = self.expected(&entry.scores, risks, &landmarks.tenths, includes);
        let tenth = |(index, (low, high)): (usize, &(i32, i32))| {
            let (low, high) = (predictor.shown(*low), predictor.shown(*high));
            let class = if low == high { low } else { format!("{low} to {high}") };
            let expected = expected.get(index).copied().flatten();
            replicates.class(landmarks.bands + index, class, expected)
        };
        landmarks.tenths.iter().enumerate().map(tenth).collect()
    }

    /// The mean risk of the people in each of these ranges of scores. `None` without people or risks.
    fn expected(
        &self,
        scores: &Scores,
        risks: &[Option<f64>],
        ranges: &[(i32, i32)],
        includes: impl Fn(&Person) -> bool,
    ) -> Vec<Option<f64>> {
        let mut sums: Vec<(f64, f64)> = vec![(0.0, 0.0); ranges.len()];
        for (index, risk) in risks.iter().enumerate().filter(|(index, _)| includes(self.person(*index))) {
            let (Some(score), Some(risk)) = (self.score(scores, index), *risk) else { continue };
            let Some(sum) = sums.get_mut(ranges.partition_point(|(_, high)| *high < score)) else { continue };
            let weight = self.person(index).weight;
            *sum = (sum.0 + weight * risk, sum.1 + weight);
        }
        sums.into_iter().map(|(risk, weight)| Some(risk / weight).filter(|share| share.is_finite())).collect()
    }

    fn groups(&self, entry: &Entry, risks: &[Option<f64>], scores: &[i32]) -> Vec<GroupFigures> {
        let sexes = [("women", false), ("men", true)];
        let mut groups: Vec<GroupFigures> = Vec::new();
        for (name, male) in sexes {
            groups.extend(self.group(entry, risks, scores, name, |person| person.sex == Some(male)));
        }
        for (name, ages) in &AGE_GROUPS {
            groups.extend(self.group(entry, risks, scores, name, |person| ages.contains(&person.age)));
        }
        groups
    }

    /// The figures of a group, unless it is empty.
    fn group(
        &self,
        entry: &Entry,
        risks: &[Option<f64>],
        scores: &[i32],
        name: &str,
        includes: impl Fn(&Person) -> bool,
    ) -> Option<GroupFigures> {
        let (people, cases) = self.count(&entry.scores, &includes);
        if people == 0 {
            return None;
        }
        let (replicates, landmarks) = self.read(&entry.scores, &includes, (scores, false));
        let expected = self.expected(&entry.scores, risks, &[(i32::MIN, i32::MAX)], &includes);
        let enough = cases.min(people - cases) >= FEWEST;
        Some(GroupFigures {
            group: name.to_owned(),
            people,
            cases,
            prevalence: replicates.prevalence(),
            expected: expected.first().copied().flatten(),
            area: enough.then(|| replicates.area()),
            cut_offs: if enough { cut_offs(&entry.predictor, &replicates) } else { Vec::new() },
            calibration: if enough {
                self.calibration(entry, risks, (&replicates, &landmarks), &includes)
            } else {
                Vec::new()
            },
        })
    }
}

impl Entry {
    fn name(&self) -> String {
        match &self.predictor.table {
            Some(table) => format!("{} {table}", self.predictor.id),
            None => self.predictor.id.to_string(),
        }
    }
}

/// Removes the rule table of each instrument that only one entry has.
fn name_once(entries: &mut [Entry]) {
    let ids: Vec<_> = entries.iter().map(|entry| entry.predictor.id.clone()).collect();
    for entry in entries {
        let predictor = &mut entry.predictor;
        let once = ids.iter().filter(|id| **id == predictor.id).count() == 1;
        if predictor.kind == PredictorKind::Instrument && once {
            predictor.table = None;
        }
    }
}

fn cut_offs(predictor: &Predictor, replicates: &Replicates) -> Vec<CutOffFigures> {
    let named = predictor.cut_offs.iter().enumerate();
    named.map(|(index, cut_off)| replicates.cut_off(index, &cut_off.name)).collect()
}

/// Each later total less the first, and each total less age, and less age with SARC-F.
fn differences(entries: &[Entry], measured: &[(PredictorFigures, Replicates)]) -> Vec<Difference> {
    let all: Vec<_> = entries.iter().zip(measured.iter().map(|one| &one.1)).collect();
    let of = |kind: PredictorKind| all.iter().filter(move |(entry, _)| entry.predictor.kind == kind);
    let mut differences = Vec::new();
    for (place, (total, replicates)) in of(PredictorKind::Total).enumerate() {
        let first = of(PredictorKind::Total).next().filter(|_| place > 0);
        let others = of(PredictorKind::Age).chain(of(PredictorKind::AgeWithSarcF));
        for (other, less) in first.into_iter().chain(others) {
            let bands = if other.predictor.kind == PredictorKind::Total { &["moderate", "high"][..] } else { &[] };
            let at = |(index, band): (usize, &&str)| CutOffDifference {
                band: (*band).to_owned(),
                flagged: replicates.cut_off_minus(less, index, FLAGGED),
                sensitivity: replicates.cut_off_minus(less, index, SENSITIVITY),
                specificity: replicates.cut_off_minus(less, index, SPECIFICITY),
            };
            differences.push(Difference {
                of: total.name(),
                minus: other.name(),
                area: replicates.area_minus(less),
                cut_offs: bands.iter().enumerate().map(at).collect(),
            });
        }
    }
    differences
}

/// A log odds in whole units.
#[expect(clippy::cast_possible_truncation, reason = "within a million, clamped")]
fn units_of(odds: f64) -> i32 {
    (odds * f64::from(LOG_ODDS_SCALE)).round().clamp(-1e6, 1e6) as i32
}

#[cfg(test)]
mod tests;
