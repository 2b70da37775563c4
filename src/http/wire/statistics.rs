//! Statistics on the wire.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::domain::follow_up::FollowUpState;
use crate::domain::language::Language;
use crate::domain::statistics::{AGE_CLASSES_HOURS, ClosedCases, OpenCases, Share, Statistics};

/// Of which days.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// The first day, of UTC; twenty-nine days before `to` unless said.
    #[param(value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// The last day, of UTC; today unless said.
    #[param(value_type = Option<String>, format = Date)]
    pub to: Option<Date>,
}

/// Statistics of a clinic.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Statistics)]
pub struct StatisticsBody {
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// The last day, which is within.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    /// What was submitted in these days.
    pub submissions: SubmissionStatisticsBody,
    /// The cases that are not closed, now.
    pub open_follow_ups: OpenFollowUpsBody,
    /// The cases that were closed in these days.
    pub closed_follow_ups: ClosedFollowUpsBody,
}

/// What was submitted.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionStatistics)]
pub struct SubmissionStatisticsBody {
    /// How many.
    pub total: u64,
    /// How many of them are flagged.
    pub flagged: u64,
    /// Every day, in order.
    pub days: Vec<DayBody>,
    /// How many of each band: low, moderate, high, and unsettled where missing answers leave it open.
    pub bands: BTreeMap<String, u64>,
    /// How many with each finding, by rule id; one that nobody has is absent.
    pub findings: BTreeMap<String, u64>,
    /// On how many each instrument is positive; one that is positive on none is absent.
    pub positive_instruments: BTreeMap<String, u64>,
}

/// What was submitted on a day.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = DayStatistics)]
pub struct DayBody {
    /// The day, of UTC.
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// How many.
    pub submissions: u64,
    /// How many of them are flagged.
    pub flagged: u64,
}

/// Cases that are not closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OpenFollowUps)]
pub struct OpenFollowUpsBody {
    /// How many.
    pub total: u64,
    /// How many in each state: open, assigned, contacted, booked.
    pub states: BTreeMap<&'static str, u64>,
    /// How many are past their due time.
    pub overdue: u64,
    /// How many of each age, youngest first.
    pub ages: Vec<AgeClassBody>,
    /// The median age, hours; null when there are none.
    #[schema(required)]
    pub median_age_hours: Option<f64>,
    /// The age that nine of ten do not exceed, hours; null when there are none.
    #[schema(required)]
    pub p90_age_hours: Option<f64>,
}

/// Cases of an age.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = AgeClass)]
pub struct AgeClassBody {
    /// Younger than this, and not of the class before, hours; null: all that are older.
    #[schema(required)]
    pub below_hours: Option<u16>,
    /// How many.
    pub follow_ups: u64,
}

/// Cases that were closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ClosedFollowUps)]
pub struct ClosedFollowUpsBody {
    /// How many.
    pub total: u64,
    /// How many with each outcome: attended, declined, unreachable, `not_needed`.
    pub outcomes: BTreeMap<String, u64>,
    /// How many who attended have each diagnosis: none, possible, probable, confirmed.
    pub diagnoses: BTreeMap<String, u64>,
    /// Of those with a diagnosis, the share in whom it is probable or confirmed; null when there are none.
    #[schema(required)]
    pub positive_predictive_value: Option<PredictiveValueBody>,
}

/// A positive predictive value, and whom it holds for.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = PredictiveValue)]
pub struct PredictiveValueBody {
    /// The share, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub value: f64,
    /// How many have a diagnosis of probable or confirmed.
    pub numerator: u64,
    /// How many attended and have a diagnosis.
    pub denominator: u64,
    /// The lower end of its 95 % interval (Wilson).
    #[schema(minimum = 0, maximum = 1)]
    pub lower: f64,
    /// The upper end of its 95 % interval (Wilson).
    #[schema(minimum = 0, maximum = 1)]
    pub upper: f64,
    /// Whom it holds for, in words.
    pub holds_for: &'static str,
}

impl StatisticsBody {
    /// Renders statistics.
    #[must_use]
    pub fn of(statistics: &Statistics, language: Language) -> Self {
        let (range, counts) = (statistics.range, &statistics.submissions);
        let days = counts.days.iter();
        let days: Vec<_> = days
            .map(|(day, counts)| DayBody { day: *day, submissions: counts.submissions, flagged: counts.flagged })
            .collect();
        Self {
            from: range.first(),
            to: range.last(),
            submissions: SubmissionStatisticsBody {
                total: days.iter().map(|day| day.submissions).sum(),
                flagged: days.iter().map(|day| day.flagged).sum(),
                days,
                bands: with_each(&["low", "moderate", "high", "unsettled"], &counts.bands),
                findings: counts.findings.clone(),
                positive_instruments: counts.positive_instruments.clone(),
            },
            open_follow_ups: OpenFollowUpsBody::from(&statistics.open),
            closed_follow_ups: ClosedFollowUpsBody::of(&statistics.closed, language),
        }
    }
}

impl From<&OpenCases> for OpenFollowUpsBody {
    fn from(open: &OpenCases) -> Self {
        let states = FollowUpState::ALL.into_iter().filter(|state| *state != FollowUpState::Closed);
        let bounds = AGE_CLASSES_HOURS.into_iter().map(Some).chain([None]);
        let ages = bounds.zip(open.ages);
        Self {
            total: open.ages.iter().sum(),
            states: states.map(|state| (state.as_str(), open.states.get(&state).copied().unwrap_or(0))).collect(),
            overdue: open.overdue,
            ages: ages.map(|(below_hours, follow_ups)| AgeClassBody { below_hours, follow_ups }).collect(),
            median_age_hours: open.median_hours.map(|hours| rounded(hours, 10.0)),
            p90_age_hours: open.p90_hours.map(|hours| rounded(hours, 10.0)),
        }
    }
}

impl ClosedFollowUpsBody {
    fn of(closed: &ClosedCases, language: Language) -> Self {
        let value = |share: Share| {
            let (lower, upper) = share.interval();
            PredictiveValueBody {
                value: rounded(share.value(), 1e4),
                numerator: share.numerator(),
                denominator: share.denominator(),
                lower: rounded(lower, 1e4),
                upper: rounded(upper, 1e4),
                holds_for: holds_for(language),
            }
        };
        Self {
            total: closed.outcomes.values().sum(),
            outcomes: with_each(&["attended", "declined", "unreachable", "not_needed"], &closed.outcomes),
            diagnoses: with_each(&["none", "possible", "probable", "confirmed"], &closed.diagnoses),
            positive_predictive_value: closed.predictive_value().map(value),
        }
    }
}

const fn holds_for(language: Language) -> &'static str {
    match language {
        Language::En => {
            "people whom the screening flagged, who came to their appointment and have a diagnosis recorded; it says \
             nothing about people who were not flagged or did not come"
        }
        Language::Es => {
            "personas que el cribado señaló, que acudieron a su cita y tienen un diagnóstico registrado; no dice nada de \
             quienes no fueron señalados o no acudieron"
        }
    }
}

/// Counts by name, the known names always among them.
fn with_each(names: &[&str], counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), 0)).collect();
    all.extend(counts.clone());
    all
}

fn rounded(number: f64, places: f64) -> f64 {
    (number * places).round() / places
}
