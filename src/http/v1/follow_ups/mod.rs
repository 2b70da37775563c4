//! Follow-ups: the worklist, one follow-up, its history.

pub mod body;
pub(in crate::http) mod commands;
pub mod worklist;

use actix_web::http::header::{CONTENT_LANGUAGE, ETag, EntityTag, Header as _, HeaderValue, IfNoneMatch, VARY};
use actix_web::{HttpRequest, HttpResponse, get, web};

use jiff::Timestamp;

use crate::app::follow_ups;
use crate::domain::audit::AuditAction;
use crate::domain::fault::{Fault, FaultCode, Sentence};
use crate::domain::follow_ups::worklist::Changes;
use crate::domain::ids::FollowUpId;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::extract::{AcceptedLanguages, Later, PathId, Query};
use crate::http::kernel::paging;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;
use crate::http::v1::HttpResult;
use body::{FollowUpChangesBody, FollowUpDetailBody, FollowUpEventBody, FollowUpHistory, FollowUpPage};
use worklist::{FollowUpChangesQuery, FollowUpQuery};

/// List follow-ups
///
/// The worklist: who to call, and why; most urgent first, then oldest, unless another order is requested. Without a state, all
/// follow-ups that are not closed. The language of the reasons follows `Accept-Language`; by default it is that of the clinic.
/// At most 200 items per page, 50 by default; a cursor is only valid for its clinic, filter and order.
#[utoipa::path(
    tag = "staff",
    params(
        FollowUpQuery,
        ("Accept-Language" = Option<String>, Header, description = "Preferred languages of the reasons"),
    ),
    responses((status = 200, description = "A page", body = FollowUpPage,
        headers(
            ("Link" = String, description = "rel=next: the next page, if there is one"),
            ("Content-Language" = String, description = "The language of the reasons"),
        ))),
    extensions(("x-audit-action" = json!(AuditAction::FollowUpsListed))),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups")]
pub async fn list_follow_ups(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<FollowUpQuery>>,
    accepted: AcceptedLanguages,
) -> HttpResult {
    let query = query.read()?.0;
    let language = accepted.or(caller.clinic().language);
    let actor = caller.actor();
    let estimate = query.estimate.unwrap_or_default();
    let (filter, order, page) = query.parse(actor.credential_id).map_err(|fault| Problem::parameters(vec![fault]))?;
    let worklist = follow_ups::worklist(&state.app, &actor, &filter, order, &page, estimate).await?;
    let next = worklist.page.next_cursor.clone();
    let mut response = paging::respond(&request, next.as_deref(), FollowUpPage::new(worklist, language));
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Language"));
    response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
    Ok(response)
}

/// Count changed follow-ups
///
/// How many follow-ups changed since a time, and when the latest did. It shows no data of a subject and is not audited, so a
/// page may ask for it every few seconds: keep `since` at a minute before the worklist was read, send the `ETag` of the last
/// response as `If-None-Match`, and read the worklist again when the response is not 304.
#[utoipa::path(
    tag = "staff",
    params(
        FollowUpChangesQuery,
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last response"),
    ),
    responses(
        (status = 200, description = "The number of changes", body = FollowUpChangesBody,
            headers(("ETag" = String, description = "Changes with every change of a follow-up"))),
        (status = 304, description = "No follow-up has changed since that response"),
    ),
    security(("key" = ["staff"]))
)]
#[get("/v1/follow-ups/changes")]
pub async fn count_follow_up_changes(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Staff,
    query: Later<Query<FollowUpChangesQuery>>,
) -> HttpResult {
    let missing = || {
        Fault::new(
            "/since",
            FaultCode::Required,
            Sentence::new(
                "give a time, for example 2026-01-31T08:00:00Z",
                "indique fecha y hora, por ejemplo 2026-01-31T08:00:00Z",
            ),
        )
    };
    let since = query.read()?.0.since.ok_or_else(|| Problem::parameters(vec![missing()]))?;
    let Changes { count, latest_at } = follow_ups::changes(&state.app, &caller.actor(), since).await?;
    let latest = latest_at.map_or(0, Timestamp::as_microsecond);
    let tag = EntityTag::new_strong(format!("{count}-{latest}"));
    let known = matches!(IfNoneMatch::parse(&request), Ok(IfNoneMatch::Items(tags)) if tags.contains(&tag));
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(ETag(tag));
    Ok(if known { response.finish() } else { response.json(FollowUpChangesBody { count, latest_at }) })
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
