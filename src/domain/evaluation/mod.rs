//! Evaluation: how well rule tables find the people who have an outcome.
//!
//! A [`sample::Sample`] holds, for each person, an outcome and the scores of everything that is compared: the totals of the
//! tables, the published instruments, age. [`measure`] turns it into areas under the curve, shares at each cut-off,
//! calibration and differences, with intervals by a bootstrap of sampling units.

pub mod clinic;
pub mod columns;
mod curve;
pub mod description;
pub mod fault;
pub mod figures;
mod logistic;
pub mod measure;
pub mod outcome;
pub mod predictor;
mod replicates;
pub mod sample;
mod units;

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
const fn real(count: usize) -> f64 {
    count as f64
}
