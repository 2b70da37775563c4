//! Follow-ups: the worklist, one follow-up, its history.

pub mod body;
pub(in crate::http) mod commands;
pub mod worklist;

use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::app::follow_ups;
use crate::domain::audit::AuditAction;
use crate::domain::ids::FollowUpId;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::extract::{Later, PathId, Query};
use crate::http::kernel::paging;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use body::{FollowUpDetailBody, FollowUpEventBody, FollowUpHistory, FollowUpPage};
use worklist::FollowUpQuery;

/// List follow-ups
///
/// The worklist: most urgent first, then oldest, unless another order is requested. Without a state, all follow-ups that are
/// not closed. At most 200 items per page, 50 by default; a cursor is only valid for its clinic, filter and order.
#[utoipa::path(
    tag = "staff",
    params(FollowUpQuery),
    responses((status = 200, description = "A page", body = FollowUpPage,
        headers(("Link" = String, description = "rel=next: the next page, if there is one")))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpsListed))),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups")]
pub async fn list_follow_ups(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<FollowUpQuery>>,
) -> HttpResult {
    let query = query.read()?.0;
    let actor = caller.actor();
    let estimate = query.estimate.unwrap_or_default();
    let (filter, order, page) = query.parse(actor.credential_id).map_err(|fault| Problem::parameters(vec![fault]))?;
    let worklist = follow_ups::list(&state.app, &actor, &filter, order, &page, estimate).await?;
    let next = worklist.page.next_cursor.clone();
    Ok(paging::respond(&request, next.as_deref(), FollowUpPage::new(worklist)))
}

/// Get a follow-up
///
/// One follow-up with its submissions, oldest first, and the contact data. Without consent to contact, or after it is
/// withdrawn, no contact data is returned and `contact_allowed` is false.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up")),
    responses((status = 200, description = "The follow-up", body = FollowUpDetailBody,
        headers(("ETag" = String, description = "The version of the follow-up")))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpRead))),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups/{id}")]
pub async fn get_follow_up(state: web::Data<State>, caller: Staff, id: Later<PathId>) -> HttpResult {
    let detail = follow_ups::get(&state.app, &caller.actor(), FollowUpId(id.read()?.0)).await?;
    let tag = format!("\"{}\"", detail.follow_up.version);
    Ok(HttpResponse::Ok().insert_header(("etag", tag)).json(FollowUpDetailBody::from(detail)))
}

/// List the history of a follow-up
///
/// All versions of the follow-up, oldest first: what was done, when, by whom, the note, and the follow-up after the change. If
/// there are more than 1,000 versions, only the latest 1,000.
#[utoipa::path(
    tag = "staff",
    params(("id" = uuid::Uuid, Path, description = "Id of the follow-up")),
    responses((status = 200, description = "The history", body = FollowUpHistory)),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpHistoryRead))),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups/{id}/history")]
pub async fn list_follow_up_history(state: web::Data<State>, caller: Staff, id: Later<PathId>) -> HttpResult {
    let events = follow_ups::history(&state.app, &caller.actor(), FollowUpId(id.read()?.0)).await?;
    Ok(HttpResponse::Ok().json(FollowUpHistory { items: events.into_iter().map(FollowUpEventBody::from).collect() }))
}
