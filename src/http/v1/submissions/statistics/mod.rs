//! Statistics of a clinic.

pub mod body;

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, get, web};

use crate::app::submissions::statistics;
use crate::domain::audit::AuditAction;
use crate::domain::submissions::statistics::DayRange;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::extract::{AcceptedLanguages, Later, Query};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use body::{StatisticsBody, StatisticsQuery};

/// Get statistics
///
/// Submissions from the first to the last day, both inclusive; the follow-ups that are open now; and the outcomes of the
/// follow-ups closed in these days. Days are UTC days, at most 1,100; the last thirty by default. All submissions count,
/// including corrected ones and those erased after their day ended.
///
/// The positive predictive value is the share of probable or confirmed sarcopenia among people who were flagged, attended and
/// have a recorded diagnosis, with a 95 % interval (Wilson). It does not apply to people who were not flagged or did not
/// attend; it is null while no diagnosis is recorded.
#[utoipa::path(
    tag = "staff",
    operation_id = "get_stats",
    params(
        StatisticsQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; the response is in en or es"),
    ),
    responses((status = 200, description = "The statistics", body = StatisticsBody)),
    extensions(("x-audit-action" = json!(AuditAction::StatsRead))),
    security(("key" = ["staff"]))
)]
#[get("/v1/stats")]
pub async fn get_stats(
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<StatisticsQuery>>,
    accepted: AcceptedLanguages,
) -> Result<HttpResponse, Problem> {
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
