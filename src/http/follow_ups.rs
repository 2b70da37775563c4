//! Follow-ups: the worklist and one case.

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::State;
use super::auth::Staff;
use super::extract::{PathId, Query};
use super::paging;
use super::problem::Problem;
use super::wire::lists::{FollowUpBody, FollowUpDetailBody, FollowUpPage, FollowUpQuery, SubmissionSummaryBody};
use crate::app::follow_ups;
use crate::domain::ids::FollowUpId;

/// List follow-ups
///
/// The worklist: most urgent first, then oldest. Without a state, every case that is not closed.
#[utoipa::path(
    tag = "staff",
    operation_id = "list_follow_ups",
    params(FollowUpQuery),
    responses((status = 200, description = "A page", body = FollowUpPage, headers(
        ("Link" = String, description = "rel=next: the next page, if there is one"),
    ))),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups")]
pub async fn list_follow_ups(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    query: Result<Query<FollowUpQuery>, Problem>,
) -> Result<HttpResponse, Problem> {
    let (filter, page) = query?.0.parse();
    let page = follow_ups::list(&state.app, &caller.actor(), &filter, &page).await?;
    Ok(paging::answer(&request, page, FollowUpPage::of))
}

/// Get a follow-up
///
/// One case with its submissions, oldest first.
#[utoipa::path(
    tag = "staff",
    operation_id = "get_follow_up",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up")),
    responses((status = 200, description = "The case", body = FollowUpDetailBody, headers(
        ("ETag" = String, description = "The version of the case"),
    ))),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups/{id}")]
pub async fn get_follow_up(
    state: web::Data<State>,
    caller: Staff,
    id: Result<PathId, Problem>,
) -> Result<HttpResponse, Problem> {
    let (follow_up, submissions) = follow_ups::get(&state.app, &caller.actor(), FollowUpId(id?.0)).await?;
    let tag = format!("\"{}\"", follow_up.version);
    let submissions = submissions.into_iter().map(SubmissionSummaryBody::from).collect();
    let body = FollowUpDetailBody { follow_up: FollowUpBody::from(follow_up), submissions };
    Ok(HttpResponse::Ok().insert_header(("etag", tag)).json(body))
}
