//! Read and search of resources made of follow-ups: `ServiceRequest`, `Task`, `Flag`.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::dates::span;
use super::record_search::{page, subject};
use super::records::found;
use super::search::{Parameters, any};
use super::{follow_up, reply};
use crate::app::follow_ups;
use crate::domain::follow_ups::worklist::{FollowUpFilter, FollowUpOrder};
use crate::domain::follow_ups::{ClosingOutcome, FollowUp, StateName};
use crate::domain::ids::{FollowUpId, SubjectId};
use crate::domain::page::Page;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// Maps state and outcome of a follow-up to the status of a resource.
type Status = fn(StateName, Option<ClosingOutcome>) -> &'static str;

macro_rules! made_of_follow_ups {
    ($($kind:literal: $read:ident, $search:ident, $render:path, $status:path;)*) => {$(
        /// Reads one resource.
        ///
        /// # Errors
        /// Fails when the clinic has no such follow-up.
        pub(super) async fn $read(
            state: web::Data<State>,
            caller: Staff,
            id: Later<PathId>,
        ) -> Result<HttpResponse, Problem> {
            let case = follow_ups::read(&state.app, &caller.actor(), FollowUpId(id.read()?.0)).await?;
            Ok(reply::versioned(StatusCode::OK, case.version, &$render(&case)))
        }

        /// Searches resources.
        ///
        /// # Errors
        /// Fails when a parameter has a fault.
        pub(super) async fn $search(
            request: HttpRequest,
            state: web::Data<State>,
            caller: Staff,
            incoming: Incoming,
        ) -> Result<HttpResponse, Problem> {
            let (page, query) = cases(&request, &state, &caller, incoming, $status).await?;
            let named = |case: &FollowUp| (case.follow_up_id.to_string(), $render(case));
            let next = page.next_cursor.map(|cursor| (Some(cursor), 0));
            Ok(found(&request, $kind, &query, page.items.iter().map(named).collect(), next))
        }
    )*};
}

made_of_follow_ups! {
    "ServiceRequest": get_service_request, search_service_requests, follow_up::service_request, follow_up::request_status;
    "Task": get_task, search_tasks, follow_up::task, follow_up::task_status;
    "Flag": get_flag, search_flags, follow_up::flag, follow_up::flag_status;
}

/// One page of follow-ups, oldest first, and the parameters that the URL of the next page repeats.
async fn cases(
    request: &HttpRequest,
    state: &State,
    caller: &Staff,
    incoming: Incoming,
    status: Status,
) -> Result<(Page<FollowUp>, String), Problem> {
    let form = if request.method() == Method::GET { web::Bytes::new() } else { incoming.form().await? };
    let form = String::from_utf8_lossy(&form);
    let query = [request.query_string(), &form].into_iter().filter(|part| !part.is_empty());
    let query = query.collect::<Vec<_>>().join("&");
    let mut parameters = Parameters::parse(&query, b"");
    let mut filter = FollowUpFilter { states: StateName::ALL.to_vec(), ..FollowUpFilter::default() };
    let mut possible = true;
    let asked = parameters.all("status");
    if !asked.is_empty() {
        filter.states.retain(|state| *state != StateName::Closed && any(&asked, status(*state, None)));
        let ended = |outcome: &ClosingOutcome| any(&asked, status(StateName::Closed, Some(*outcome)));
        filter.outcomes = ClosingOutcome::ALL.into_iter().filter(ended).collect();
        if !filter.outcomes.is_empty() {
            filter.states.push(StateName::Closed);
        }
        possible = !filter.states.is_empty();
    }
    filter.subject_id = subject(&mut parameters).map(SubjectId);
    (filter.changed_from, filter.changed_to) = span(&mut parameters, "_lastUpdated");
    if let Some(id) = parameters.one("_id") {
        filter.follow_up_id = Uuid::try_parse(&id).ok().map(FollowUpId);
        possible &= filter.follow_up_id.is_some();
    }
    let page = page(&mut parameters);
    parameters.end()?;
    let actor = caller.actor();
    let mut list = follow_ups::list(&state.app, &actor, &filter, FollowUpOrder::Oldest, &page, false).await?.page;
    if !possible {
        list = Page { items: Vec::new(), next_cursor: None };
    }
    Ok((list, query))
}
