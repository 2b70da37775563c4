//! Read and search of resources made of follow-ups: `ServiceRequest`, `Task`, `Flag`.

use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::dates::span;
use super::record_search::{page, subject};
use super::search::{any, found, read};
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

/// Restricts a filter to follow-ups whose resource has one of the statuses. `false` if none can have it.
type Restrict = fn(&mut FollowUpFilter, &[String]) -> bool;

macro_rules! made_of_follow_ups {
    ($($kind:literal: $read:ident, $search:ident, $render:path, $restrict:path;)*) => {$(
        pub(super) async fn $read(
            state: web::Data<State>,
            caller: Staff,
            id: Later<PathId>,
        ) -> Result<HttpResponse, Problem> {
            let case = follow_ups::read(&state.app, &caller.actor(), FollowUpId(id.read()?.0)).await?;
            Ok(reply::versioned(case.version, &$render(&case)))
        }

        pub(super) async fn $search(
            request: HttpRequest,
            state: web::Data<State>,
            caller: Staff,
            incoming: Incoming,
        ) -> Result<HttpResponse, Problem> {
            let (page, query) = cases(&request, &state, &caller, incoming, $restrict).await?;
            let resources = page.items.iter().map(|case| (case.follow_up_id, $render(case)));
            let next = page.next_cursor.map(|cursor| (Some(cursor), 0));
            Ok(found(&request, $kind, &query, resources, next))
        }
    )*};
}

made_of_follow_ups! {
    "ServiceRequest": get_service_request, search_service_requests, follow_up::service_request, restrict_requests;
    "Task": get_task, search_tasks, follow_up::task, restrict_tasks;
    "Flag": get_flag, search_flags, follow_up::flag, restrict_flags;
}

fn restrict_requests(filter: &mut FollowUpFilter, asked: &[String]) -> bool {
    restrict(filter, asked, follow_up::request_status)
}

fn restrict_tasks(filter: &mut FollowUpFilter, asked: &[String]) -> bool {
    restrict(filter, asked, follow_up::task_status)
}

fn restrict(filter: &mut FollowUpFilter, asked: &[String], status: Status) -> bool {
    filter.states.retain(|state| *state != StateName::Closed && any(asked, status(*state, None)));
    let ended = |outcome: &ClosingOutcome| any(asked, status(StateName::Closed, Some(*outcome)));
    filter.outcomes = ClosingOutcome::ALL.into_iter().filter(ended).collect();
    if !filter.outcomes.is_empty() {
        filter.states.push(StateName::Closed);
    }
    !filter.states.is_empty()
}

fn restrict_flags(filter: &mut FollowUpFilter, asked: &[String]) -> bool {
    let [active, inactive] = [true, false].map(|flags_subject| any(asked, follow_up::flag_status(flags_subject)));
    filter.flags_subject = (active != inactive).then_some(active);
    active || inactive
}

/// One page of follow-ups, oldest first, and the parameters that the URL of the next page repeats.
async fn cases(
    request: &HttpRequest,
    state: &State,
    caller: &Staff,
    incoming: Incoming,
    restrict: Restrict,
) -> Result<(Page<FollowUp>, String), Problem> {
    let (mut parameters, query) = read(request, incoming).await?;
    let mut filter = FollowUpFilter { states: StateName::ALL.to_vec(), ..FollowUpFilter::default() };
    let mut possible = true;
    let asked = parameters.all("status");
    if !asked.is_empty() {
        possible = restrict(&mut filter, &asked);
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
    let mut list = follow_ups::list(&state.app, &actor, &filter, FollowUpOrder::Oldest, &page).await?;
    if !possible {
        list = Page { items: Vec::new(), next_cursor: None };
    }
    Ok((list, query))
}
