//! The sample: what the statistics need of each person, in a few dozen bytes.

use std::collections::HashMap;

use super::fault::FileFault;
use super::figures::OutcomeFigures;
use super::measure::measure;
use super::predictor::{Predictors, Scores, UNKNOWN};
use crate::screening::answers::Answers;

/// People with their outcomes and scores. People in whom no outcome is known leave only their sampling unit.
#[derive(Debug)]
pub struct Sample {
    pub(super) outcomes: Vec<Wanted>,
    pub(super) predictors: Predictors,
    pub(super) people: Vec<Person>,
    /// The scores of each person, in the order of the predictors.
    scores: Vec<i16>,
    pub(super) design: Design,
    folds: HashMap<String, u16>,
    /// Rows, with those in which no outcome is known.
    pub rows: u64,
    buffer: Scores,
}

/// An outcome, and what is counted of the people in whom it is known.
#[derive(Debug)]
pub(super) struct Wanted {
    pub id: String,
    pub name: String,
    pub age_from: i32,
    /// People whose open questions cannot change a predictor, by predictor.
    pub settled: Vec<u64>,
    /// The sum of the points that open questions could add, by table.
    pub open_points: Vec<i64>,
}

/// A row of a file, or a subject of a clinic.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Years.
    pub age: i32,
    /// The option of the item.
    pub sex: Option<i32>,
    /// Above 0.
    pub weight: f64,
    pub place: Option<Place<'a>>,
    /// The part of the data that the person belongs to.
    pub fold: Option<&'a str>,
    /// The outcomes that are known, as bits in their order.
    pub known: u32,
    /// The outcomes that the person has.
    pub met: u32,
}

/// The place of a person in a survey's design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Empty without strata.
    pub stratum: &'a str,
    pub unit: &'a str,
}

/// A person in whom an outcome is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub weight: f64,
    /// The unit in the order of the file; 0 without a design.
    pub unit: u32,
    pub known: u32,
    pub met: u32,
    pub fold: u16,
    pub age: u8,
    pub sex: Option<bool>,
}

/// The sampling units of a file, in the order in which they appear.
#[derive(Debug, Default)]
pub(super) struct Design {
    strata: HashMap<String, usize>,
    units: HashMap<String, u32>,
    /// The stratum of each unit.
    pub stratum_of: Vec<usize>,
    /// The row in which each stratum appears first.
    first_rows: Vec<u64>,
}

impl Sample {
    /// An empty sample of outcomes: id, name and youngest age of each.
    pub fn new(predictors: Predictors, outcomes: impl IntoIterator<Item = (String, String, i32)>) -> Self {
        let (count, tables) = (predictors.list.len(), predictors.versions().count());
        let wanted =
            |(id, name, age_from)| Wanted { id, name, age_from, settled: vec![0; count], open_points: vec![0; tables] };
        Self {
            outcomes: outcomes.into_iter().map(wanted).collect(),
            predictors,
            people: Vec::new(),
            scores: Vec::new(),
            design: Design::default(),
            folds: HashMap::new(),
            rows: 0,
            buffer: Scores::default(),
        }
    }

    /// Adds a row. The row number is that of a fault of its stratum.
    pub fn add(&mut self, row: u64, member: &Member<'_>, answers: &Answers) {
        self.rows += 1;
        let unit = member.place.map_or(0, |place| self.design.unit(row, place));
        if member.known == 0 {
            return;
        }
        self.predictors.score(answers, &mut self.buffer);
        for (bit, wanted) in self.outcomes.iter_mut().enumerate() {
            if member.known & (1_u32 << bit) == 0 {
                continue;
            }
            for (count, settled) in wanted.settled.iter_mut().zip(&self.buffer.settled) {
                *count += u64::from(*settled);
            }
            for (sum, points) in wanted.open_points.iter_mut().zip(&self.buffer.open_points) {
                *sum += i64::from(*points);
            }
        }
        self.scores.extend_from_slice(&self.buffer.values);
        let fold = member.fold.map_or(0, |fold| self.fold(fold));
        self.people.push(Person {
            weight: member.weight,
            unit,
            known: member.known,
            met: member.met,
            fold,
            age: u8::try_from(member.age).unwrap_or(u8::MAX),
            sex: member.sex.map(|sex| sex != 0),
        });
    }

    /// Faults of the design as a whole: strata with one sampling unit, by the column that names them.
    pub fn faults(&self, column: &str) -> Vec<FileFault> {
        let mut units = vec![0; self.design.first_rows.len()];
        for stratum in &self.design.stratum_of {
            units[*stratum] += 1;
        }
        let lonely = units.into_iter().zip(&self.design.first_rows).filter(|(units, _)| *units == 1);
        let detail = "the stratum has one sampling unit; an interval needs two, so join it with another stratum";
        lonely.map(|(_, row)| FileFault::at(*row, column, detail)).collect()
    }

    /// The figures of an outcome, by its place, with intervals from so many replicates.
    pub fn measure(&self, outcome: usize, replicates: u64, seed: u64) -> OutcomeFigures {
        measure(self, outcome, replicates, seed)
    }

    /// The score of a person, by index.
    pub(super) fn score(&self, person: usize, predictor: usize) -> Option<i32> {
        let score = self.scores[person * self.predictors.list.len() + predictor];
        (score != UNKNOWN).then_some(i32::from(score))
    }

    /// The number of people in whom an outcome is known.
    pub fn known(&self, outcome: usize) -> usize {
        self.people.iter().filter(|person| person.known & (1_u32 << outcome) != 0).count()
    }

    fn fold(&mut self, name: &str) -> u16 {
        if let Some(known) = self.folds.get(name) {
            return *known;
        }
        // Folds past the last number share it.
        let next = u16::try_from(self.folds.len()).unwrap_or(u16::MAX);
        self.folds.insert(name.to_owned(), next);
        next
    }
}

impl Design {
    /// The number of a unit.
    fn unit(&mut self, row: u64, place: Place<'_>) -> u32 {
        let key = format!("{}\u{1f}{}", place.stratum, place.unit);
        if let Some(known) = self.units.get(&key) {
            return *known;
        }
        let next = self.strata.len();
        let stratum = *self.strata.entry(place.stratum.to_owned()).or_insert(next);
        if stratum == next {
            self.first_rows.push(row);
        }
        let unit = u32::try_from(self.stratum_of.len()).unwrap_or(u32::MAX);
        self.stratum_of.push(stratum);
        self.units.insert(key, unit);
        unit
    }

    pub fn is_empty(&self) -> bool {
        self.stratum_of.is_empty()
    }
}
