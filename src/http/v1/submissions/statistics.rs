//! Statistics of a clinic.

use std::collections::BTreeMap;

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, get, web};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::app::submissions::statistics;
use crate::domain::audit::AuditAction;
use crate::domain::follow_ups::StateName;
use crate::domain::language::Language;
use crate::domain::submissions::statistics::{AGE_CLASSES_HOURS, ClosedCases, DayRange, OpenCases, Share, Statistics};
use crate::http::kernel::auth::Staff;
use crate::http::kernel::extract::{AcceptedLanguages, Later, Query};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;

/// Period of the statistics.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// First day, UTC; by default 29 days before `to`.
    pub from: Option<Date>,
    /// Last day, UTC; by default today.
    pub to: Option<Date>,
}

/// Statistics of a clinic.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Statistics)]
pub struct StatisticsBody {
    /// First day.
    pub from: Date,
    /// Last day, inclusive.
    pub to: Date,
    /// Submissions of the period.
    pub submissions: SubmissionStatisticsBody,
    /// Follow-ups that are open now.
    pub open_follow_ups: OpenFollowUpsBody,
    /// Follow-ups that were closed in the period.
    pub closed_follow_ups: ClosedFollowUpsBody,
}

/// Counts of submissions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubmissionStatistics)]
pub struct SubmissionStatisticsBody {
    /// Number of submissions.
    pub total: u64,
    /// Number of flagged submissions.
    pub flagged: u64,
    /// Each day of the period, in order.
    pub days: Vec<DayBody>,
    /// Number of submissions by band: low, moderate, high, and unsettled if missing answers leave the band open.
    pub bands: BTreeMap<String, u64>,
    /// Number of submissions by finding (rule id); findings without submissions are absent.
    pub findings: BTreeMap<String, u64>,
    /// Number of positive submissions by instrument; instruments without positive submissions are absent.
    pub positive_instruments: BTreeMap<String, u64>,
}

/// Counts of submissions on one day.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = DayStatistics)]
pub struct DayBody {
    /// The day, UTC.
    pub day: Date,
    /// Number of submissions.
    pub submissions: u64,
    /// Number of flagged submissions.
    pub flagged: u64,
}

/// Follow-ups that are not closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OpenFollowUps)]
pub struct OpenFollowUpsBody {
    /// Number of follow-ups.
    pub total: u64,
    /// Number of follow-ups by state: open, assigned, contacted, booked.
    pub states: BTreeMap<&'static str, u64>,
    /// Number of follow-ups past their due time.
    pub overdue: u64,
    /// Number of follow-ups by age, youngest first.
    pub ages: Vec<AgeClassBody>,
    /// Median age, hours; null if there are none.
    pub median_age_hours: Option<f64>,
    /// 90th percentile of the age, hours; null if there are none.
    pub p90_age_hours: Option<f64>,
}

/// Follow-ups of an age class.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = AgeClass)]
pub struct AgeClassBody {
    /// Upper age limit of this class, in hours; null for the oldest class.
    pub below_hours: Option<u16>,
    /// Number of follow-ups.
    pub follow_ups: u64,
}

/// Follow-ups that were closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ClosedFollowUps)]
pub struct ClosedFollowUpsBody {
    /// Number of follow-ups.
    pub total: u64,
    /// Number of follow-ups by outcome: attended, declined, unreachable, `not_needed`.
    pub outcomes: BTreeMap<String, u64>,
    /// Number of attended follow-ups by diagnosis: none, possible, probable, confirmed.
    pub diagnoses: BTreeMap<String, u64>,
    /// Share of probable or confirmed diagnoses among the follow-ups with a diagnosis; null if there are none.
    pub positive_predictive_value: Option<PredictiveValueBody>,
}

/// A positive predictive value, and the population it applies to.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = PredictiveValue)]
pub struct PredictiveValueBody {
    /// The value, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub value: f64,
    /// Number of follow-ups with a probable or confirmed diagnosis.
    pub numerator: u64,
    /// Number of attended follow-ups with a diagnosis.
    pub denominator: u64,
    /// Lower end of the 95 % interval (Wilson).
    #[schema(minimum = 0, maximum = 1)]
    pub lower: f64,
    /// Upper end of the 95 % interval (Wilson).
    #[schema(minimum = 0, maximum = 1)]
    pub upper: f64,
    /// The population that the value applies to, in words.
    pub holds_for: &'static str,
}

/// Get statistics
///
/// Submissions from the first to the last day, both inclusive; the follow-ups that are open now; and the outcomes of the
/// follow-ups closed in these days. Days are UTC days, at most 1,100; the last thirty by default. Every
/// submission counts on the day of its receipt, also if it was erased after that day ended. A corrected submission does not
/// count: its correction does. Imported history and tests do not count.
///
/// The positive predictive value is the share of probable or confirmed sarcopenia among people who were flagged, attended and
/// have a recorded diagnosis, with a 95 % interval (Wilson). It does not apply to people who were not flagged or did not
/// attend; it is null while no diagnosis is recorded.
#[utoipa::path(
    tag = "staff",
    params(
        StatisticsQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
    ),
    responses((status = 200, description = "The statistics", body = StatisticsBody)),
    extensions(("x-audit-action" = json!(AuditAction::StatsRead))),
    security(("key" = ["staff"]))
)]
#[get("/v1/statistics")]
pub async fn get_statistics(
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<StatisticsQuery>>,
    accepted: AcceptedLanguages,
) -> HttpResult {
    let query = query.read()?.0;
    let range = DayRange::parse(query.from, query.to, state.app.ambient.now());
    let range = range.map_err(|fault| Problem::parameters(vec![fault]))?;
    let statistics = statistics::read(&state.app, &caller.actor(), range).await?;
    let language = accepted.or(caller.clinic().language);
    Ok(HttpResponse::Ok()
        .insert_header((VARY, "Accept-Language"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()))
        .json(StatisticsBody::new(&statistics, language)))
}

impl StatisticsBody {
    pub fn new(statistics: &Statistics, language: Language) -> Self {
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
            closed_follow_ups: ClosedFollowUpsBody::new(&statistics.closed, language),
        }
    }
}

impl From<&OpenCases> for OpenFollowUpsBody {
    fn from(open: &OpenCases) -> Self {
        let states = StateName::ALL.into_iter().filter(|state| *state != StateName::Closed);
        let ages = AGE_CLASSES_HOURS.into_iter().map(Some).chain([None]).zip(open.ages);
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
    fn new(closed: &ClosedCases, language: Language) -> Self {
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

/// Adds a count of 0 for each of the names that has no count.
fn with_each(names: &[&str], counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut all: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), 0)).collect();
    all.extend(counts.clone());
    all
}

fn rounded(number: f64, places: f64) -> f64 {
    (number * places).round() / places
}
