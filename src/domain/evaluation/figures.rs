//! The figures of an evaluation. Shares are 0 to 1.

use serde::Serialize;

/// A figure with its 95 % interval. A part that the data do not determine is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Everything about one outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeFigures {
    pub outcome: String,
    pub name: String,
    /// Younger people are left out, years.
    pub age_from: i32,
    /// People in whom the outcome is known.
    pub people: usize,
    /// Those of them who have it.
    pub cases: usize,
    /// The share who have it, by weight.
    pub prevalence: Estimate,
    /// The strata and units that the intervals rest on. Without a survey design: one stratum.
    pub strata: usize,
    pub units: usize,
    pub predictors: Vec<PredictorFigures>,
    pub differences: Vec<Difference>,
}

/// How well one predictor finds the people with an outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictorFigures {
    /// `total`, `age`, `age_with_sarc_f`, or the id of an instrument or an item.
    pub predictor: String,
    /// The name in reports, such as `SARC-F`.
    pub name: String,
    /// The rule table; absent if all tables give the same figures.
    pub rule_table: Option<String>,
    /// People with a score.
    pub people: usize,
    pub cases: usize,
    /// The share of people whose open questions cannot change a total or the outcome of an instrument, unweighted.
    pub settled: Option<f64>,
    /// The mean of the points that the open questions of a person could add to a total.
    pub open_points: Option<f64>,
    /// The area under the curve.
    pub area: Estimate,
    pub cut_offs: Vec<CutOffFigures>,
    /// The bands of a total.
    pub bands: Vec<ClassFigures>,
    /// Tenths of the people by score.
    pub calibration: Vec<ClassFigures>,
    /// By sex and by age.
    pub groups: Vec<GroupFigures>,
    /// 1 - specificity and sensitivity at each score, from the highest to the lowest, for plots.
    #[serde(skip)]
    pub curve: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CutOffFigures {
    /// In words, such as `moderate, from 6`.
    pub cut_off: String,
    pub flagged: Estimate,
    pub sensitivity: Estimate,
    pub specificity: Estimate,
    pub positive_predictive_value: Estimate,
    pub negative_predictive_value: Estimate,
    pub positive_likelihood_ratio: Estimate,
    pub negative_likelihood_ratio: Estimate,
}

/// People of a range of scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFigures {
    /// The band, or the range of scores.
    pub class: String,
    /// The share of all people.
    pub share: Estimate,
    /// The share of these people who have the outcome.
    pub observed: Estimate,
    /// The share that a logistic model of the score predicts, fitted to the people of the other folds.
    pub expected: Option<f64>,
}

/// People of one sex or one range of ages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupFigures {
    pub group: String,
    pub people: usize,
    pub cases: usize,
    pub prevalence: Estimate,
    /// The share that a logistic model of the score predicts, fitted to all people of the other folds.
    pub expected: Option<f64>,
    /// Absent if fewer than ten people have the outcome, or fewer than ten do not.
    pub area: Option<Estimate>,
    /// Empty in the same case.
    pub cut_offs: Vec<CutOffFigures>,
    /// Tenths of the group by score. Empty in the same case.
    pub calibration: Vec<ClassFigures>,
}

/// One predictor less another, over the same people and the same replicates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub of: String,
    pub minus: String,
    pub area: Estimate,
    /// At each band, if both are totals.
    pub cut_offs: Vec<CutOffDifference>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CutOffDifference {
    pub band: String,
    pub flagged: Estimate,
    pub sensitivity: Estimate,
    pub specificity: Estimate,
}
