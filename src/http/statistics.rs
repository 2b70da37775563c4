//! Statistics of a clinic.

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::{HttpResponse, get, web};

use super::State;
use super::auth::Staff;
use super::extract::{Accepted, Later, Query};
use super::problem::Problem;
use super::wire::statistics::{StatisticsBody, StatisticsQuery};
use crate::app::statistics;
use crate::domain::statistics::DayRange;

/// Get statistics
///
/// What was submitted from one day to another, both within, the cases that are open now, and how the cases that were
/// closed in those days ended. Days are days of UTC, at most 1,100 of them; the last thirty unless said. Every submission
/// counts, corrected ones too, also when it was erased after its day was over.
///
/// The positive predictive value is the share of probable or confirmed sarcopenia among people who were flagged, attended
/// and have a diagnosis recorded, with a 95 % interval (Wilson). It says nothing about people who were not flagged or did
/// not attend; it is null while there is nobody to count.
#[utoipa::path(
    tag = "staff",
    operation_id = "get_stats",
    params(
        StatisticsQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages; en or es is answered"),
    ),
    responses((status = 200, description = "The statistics", body = StatisticsBody)),
    security(("key" = ["staff"]))
)]
#[get("/v1/stats")]
pub async fn get_stats(
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<StatisticsQuery>>,
    accepted: Accepted,
) -> Result<HttpResponse, Problem> {
    let query = query.read()?.0;
    let range = DayRange::parse(query.from, query.to, state.app.ambient.now());
    let range = range.map_err(|fault| Problem::parameters(vec![fault]))?;
    let statistics = statistics::read(&state.app, &caller.actor(), range).await?;
    let language = accepted.or(caller.clinic().language);
    Ok(HttpResponse::Ok()
        .insert_header((VARY, "Accept-Language"))
        .insert_header((CONTENT_LANGUAGE, language.code()))
        .json(StatisticsBody::of(&statistics, language)))
}
