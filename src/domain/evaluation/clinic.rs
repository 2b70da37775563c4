//! The outcomes that a clinic recorded: what was measured or diagnosed after a subject's first submission.

use serde::Serialize;

use super::predictor::{Predictors, Scores};
use super::sample::{Member, Sample};
use crate::follow_ups::Diagnosis;
use crate::names::names;
use crate::screening::answers::Answers;
use crate::screening::questionnaire::Item;
use crate::screening::rule_table::Band;

/// Fewer recorded outcomes are not evaluated: an area from them would be anywhere.
pub const FEWEST_OUTCOMES: usize = 50;

names! {
    /// An outcome that a clinic can record.
    pub enum ClinicOutcome {
        /// Grip strength below 27 kg (men) or 16 kg (women), or the test was not possible (EWGSOP2).
        Grip = "grip",
        /// Gait speed at most 0.8 m/s, or the test was not possible (EWGSOP2).
        Gait = "gait",
        /// Probable or confirmed sarcopenia, as the clinic's examination found.
        Diagnosis = "diagnosis",
    }
}

/// What is stored of a subject.
#[derive(Clone, Default)]
pub struct SubjectRecord {
    /// The answers of the first submission that was not corrected.
    pub first: Answers,
    /// The answers of the submissions after it, in order.
    pub later: Vec<Answers>,
    /// Grip strength of the first follow-up after it that recorded one, grams.
    pub grip_g: Option<i32>,
    /// The diagnosis of the first follow-up after it that recorded one.
    pub diagnosis: Option<Diagnosis>,
}

/// Subjects of a clinic by the band of their first submission, for one rule table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    pub rule_table: String,
    pub band: &'static str,
    /// Subjects with the outcome recorded.
    pub measured: u64,
    /// Subjects without.
    pub never_measured: u64,
}

/// The subjects of a clinic, counted as they are added.
#[derive(Debug)]
pub struct ClinicSample {
    outcome: ClinicOutcome,
    pub sample: Sample,
    /// Scores every subject, also one that was never measured.
    predictors: Predictors,
    scores: Scores,
    /// For each table and band, the subjects with and without the outcome recorded.
    bands: Vec<[[u64; 2]; 3]>,
    /// Subjects whose age is unknown, who cannot be scored.
    pub without_age: u64,
}

impl ClinicOutcome {
    /// The name in reports.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Grip => "grip strength below 27 kg (men) or 16 kg (women), or unable",
            Self::Gait => "gait speed at most 0.8 m/s, or unable",
            Self::Diagnosis => "probable or confirmed sarcopenia by the clinic's examination",
        }
    }

    /// Whether the subject has the outcome; `None` if nothing that says so was recorded.
    pub fn of(self, subject: &SubjectRecord) -> Option<bool> {
        let later = |decide: &dyn Fn(&Answers) -> Option<bool>| subject.later.iter().find_map(decide);
        match self {
            Self::Diagnosis => {
                subject.diagnosis.map(|found| matches!(found, Diagnosis::Probable | Diagnosis::Confirmed))
            }
            Self::Grip => {
                let limit = if subject.first.get(Item::Sex)? == 0 { 16 } else { 27 };
                let of_follow_up = subject.grip_g.map(|grams| grams < limit * 1_000);
                of_follow_up.or_else(|| {
                    later(&|answers| {
                        let low = answers.get(Item::GripStrengthKg).map(|tenths| tenths < limit * 10);
                        low.or_else(|| unable(answers, Item::GripStrengthKg))
                    })
                })
            }
            Self::Gait => later(&|answers| {
                let slow = answers.get(Item::GaitSpeedMS).map(|hundredths| hundredths <= 80);
                slow.or_else(|| unable(answers, Item::GaitSpeedMS))
            }),
        }
    }
}

/// `Some(true)` if the answers say that the person was unable to do the test of a measured item.
fn unable(answers: &Answers, measured: Item) -> Option<bool> {
    let bit = Item::TESTED.iter().position(|item| *item == measured)?;
    let unable = answers.get(Item::TestsUnable)?;
    (unable & (1 << bit) != 0).then_some(true)
}

impl ClinicSample {
    pub fn new(predictors: &Predictors, outcome: ClinicOutcome) -> Self {
        let outcomes = [(outcome.as_str().to_owned(), outcome.title().to_owned(), 18)];
        Self {
            outcome,
            sample: Sample::new(predictors.clone(), outcomes),
            predictors: predictors.clone(),
            scores: Scores::default(),
            bands: vec![[[0; 2]; 3]; predictors.versions().count()],
            without_age: 0,
        }
    }

    pub fn add(&mut self, subject: &SubjectRecord) {
        let Some(age) = subject.first.get(Item::Age) else {
            self.without_age += 1;
            return;
        };
        let outcome = self.outcome.of(subject);
        self.predictors.score(&subject.first, &mut self.scores);
        for (bands, band) in self.bands.iter_mut().zip(&self.scores.bands) {
            bands[*band as usize][usize::from(outcome.is_none())] += 1;
        }
        let member = Member {
            age,
            sex: subject.first.get(Item::Sex),
            weight: 1.0,
            place: None,
            fold: None,
            known: u32::from(outcome.is_some()),
            met: u32::from(outcome == Some(true)),
        };
        self.sample.add(0, &member, &subject.first);
    }

    /// The subjects by table and band.
    pub fn measured(&self) -> Vec<Measured> {
        let tables = self.predictors.versions().zip(&self.bands);
        let rows = tables.flat_map(|(version, bands)| {
            Band::ALL.into_iter().zip(bands).map(move |(band, [measured, never_measured])| Measured {
                rule_table: version.to_owned(),
                band: band.as_str(),
                measured: *measured,
                never_measured: *never_measured,
            })
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(sex: Option<i32>) -> SubjectRecord {
        let mut first = Answers::of(Item::Age, Some(72));
        first.set(Item::Sex, sex);
        SubjectRecord { first, ..SubjectRecord::default() }
    }

    fn later(item: Item, value: i32) -> Vec<Answers> {
        vec![Answers::default(), Answers::of(item, Some(value)), Answers::of(item, Some(900))]
    }

    #[test]
    fn grip_is_that_of_the_follow_up_or_of_the_first_later_submission() {
        let grip = |record: &SubjectRecord| ClinicOutcome::Grip.of(record);
        assert_eq!(grip(&person(Some(1))), None);
        assert_eq!(grip(&SubjectRecord { grip_g: Some(26_999), ..person(Some(1)) }), Some(true));
        assert_eq!(grip(&SubjectRecord { grip_g: Some(27_000), ..person(Some(1)) }), Some(false));
        assert_eq!(grip(&SubjectRecord { later: later(Item::GripStrengthKg, 159), ..person(Some(0)) }), Some(true));
        assert_eq!(grip(&SubjectRecord { later: later(Item::GripStrengthKg, 160), ..person(Some(0)) }), Some(false));
        // Bit 0 of the tests that were not possible is grip, bit 2 gait.
        let tried =
            |unable| SubjectRecord { later: vec![Answers::of(Item::TestsUnable, Some(unable))], ..person(Some(0)) };
        assert_eq!((grip(&tried(1)), grip(&tried(4))), (Some(true), None));
        // The cut-off needs the sex.
        assert_eq!(grip(&SubjectRecord { grip_g: Some(5_000), ..person(None) }), None);
    }

    #[test]
    fn gait_and_diagnosis_are_read_as_their_names_say() {
        let walked = |value| SubjectRecord { later: later(Item::GaitSpeedMS, value), ..person(None) };
        let gait = |value| ClinicOutcome::Gait.of(&walked(value));
        assert_eq!((gait(80), gait(81)), (Some(true), Some(false)));
        let found = |diagnosis| ClinicOutcome::Diagnosis.of(&SubjectRecord { diagnosis, ..person(None) });
        assert_eq!(Diagnosis::ALL.map(|one| found(Some(one))), [Some(false), Some(false), Some(true), Some(true)]);
        assert_eq!(found(None), None);
    }

    #[test]
    fn people_who_were_never_measured_are_counted_and_not_measured() {
        let mut clinic = ClinicSample::new(&Predictors::new(Vec::new(), Vec::new()), ClinicOutcome::Diagnosis);
        clinic.add(&person(None));
        clinic.add(&SubjectRecord { diagnosis: Some(Diagnosis::None), ..person(None) });
        clinic.add(&SubjectRecord::default());
        assert_eq!((clinic.sample.rows, clinic.sample.known(0), clinic.without_age), (2, 1, 1));
    }
}
