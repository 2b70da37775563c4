//! Refusals of authenticated callers are audited before the response is sent; similar refusals are combined in one entry.
//! Successful actions are audited by the use case, with all subjects returned.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, ResponseError as _, web};
use metrics::counter;
use uuid::Uuid;

use super::problem::Problem;
use super::state::State;
use crate::app::audit;
use crate::domain::access::actor::{Actor, Role};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::ids::SubjectId;

/// Request extension: the audit action that a request attempts, if its route does not determine it.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Attempted(pub(in crate::http) AuditAction);

/// Audits a refusal. If the entry cannot be written, the response is withheld and the caller gets 503.
pub(in crate::http) async fn record_refusals(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let Some(outcome) = outcome_of(response.status()) else { return Ok(response) };
    let Some((actor, action)) = refused(response.request(), response.status()) else { return Ok(response) };
    let Some(state) = response.request().app_data::<web::Data<State>>().cloned() else { return Ok(response) };
    let (resource_id, subject) = named(response.request());
    match audit::refusal(&state.app, &actor, action, outcome, resource_id, subject).await {
        Ok(()) => Ok(response),
        // The response already reports a failure.
        Err(_) if outcome == AuditOutcome::Failed => Ok(response),
        Err(error) => Ok(response.into_response(Problem::from(error).error_response())),
    }
}

/// Caller and action of a refusal; `None` if the caller is not authenticated or the action is not audited.
fn refused(request: &HttpRequest, status: StatusCode) -> Option<(Actor, AuditAction)> {
    let actor = request.extensions().get::<Actor>().cloned()?;
    let state = request.app_data::<web::Data<State>>()?;
    let route = format!("{} {}", request.method(), request.match_pattern()?);
    let of_route = *state.document.actions.get(&route)?;
    let action = request.extensions().get::<Attempted>().map_or(of_route, |attempted| attempted.0);
    // A browser key is public: any client can exceed its limits and send faulty submissions with it.
    let limited = status == StatusCode::TOO_MANY_REQUESTS;
    let of_anybody = actor.role == Role::Browser && (limited || route == "POST /v1/submissions");
    if limited && of_anybody {
        counter!("sarcoscreen_browser_limited_total").increment(1);
    }
    (!of_anybody).then_some((actor, action))
}

/// The resource that the path names, and the subject if it is one.
fn named(request: &HttpRequest) -> (Uuid, Option<SubjectId>) {
    let id = request.match_info().get("id").and_then(|id| Uuid::try_parse(id).ok());
    let person = id.filter(|_| request.path().starts_with("/v1/subjects/")).map(SubjectId);
    (id.unwrap_or_default(), person)
}

pub(in crate::http) fn outcome_of(status: StatusCode) -> Option<AuditOutcome> {
    Some(match status.as_u16() {
        403 | 429 => AuditOutcome::Refused,
        404 => AuditOutcome::NotFound,
        409 | 412 | 428 => AuditOutcome::Conflict,
        400..500 => AuditOutcome::Invalid,
        500.. => AuditOutcome::Failed,
        _ => return None,
    })
}
