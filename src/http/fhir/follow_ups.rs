//! Read and search of resources made of follow-ups: `ServiceRequest`, `Task`, `Flag`.

use actix_web::{HttpRequest, HttpResponse, web};

use super::follow_up_search::{FLAGS, FollowUpSearch, Kind, REQUESTS, TASKS};
use super::people::People;
use super::presentation::MOST_COUNTED;
use super::search::{Found, found};
use super::{follow_up, reply, search};
use crate::app::follow_ups;
use crate::domain::follow_ups::Dated;
use crate::domain::ids::FollowUpId;
use crate::domain::page::Page;
use crate::http::kernel::auth::Staff;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

macro_rules! made_of_follow_ups {
    ($($kind:literal: $read:ident, $search:ident, $render:path, $differences:ident;)*) => {$(
        pub(super) async fn $read(
            state: web::Data<State>,
            caller: Staff,
            id: Later<PathId>,
        ) -> Result<HttpResponse, Problem> {
            let case = follow_ups::read(&state.app, &caller.actor(), FollowUpId(id.read()?.0)).await?;
            let people = of_cases(&state, &caller, std::slice::from_ref(&case)).await?;
            Ok(reply::versioned(case.follow_up.version, &$render(&case, &people)))
        }

        pub(super) async fn $search(
            request: HttpRequest,
            state: web::Data<State>,
            caller: Staff,
            incoming: Incoming,
        ) -> Result<HttpResponse, Problem> {
            let (search, page, total) = cases(&request, &state, &caller, incoming, $differences).await?;
            let people = of_cases(&state, &caller, &page.items).await?;
            let resources = page.items.iter().map(|case| (case.follow_up.follow_up_id, $render(case, &people)));
            let next = page.next_cursor.clone().map(|cursor| (Some(cursor), 0));
            Ok(found(&request, $kind, &search.presentation, Found { resources, next, total }))
        }
    )*};
}

made_of_follow_ups! {
    "ServiceRequest": get_service_request, search_service_requests, follow_up::service_request, REQUESTS;
    "Task": get_task, search_tasks, follow_up::task, TASKS;
    "Flag": get_flag, search_flags, follow_up::flag, FLAGS;
}

/// The subjects of follow-ups.
pub(super) async fn of_cases(state: &State, caller: &Staff, cases: &[Dated]) -> Result<People, Problem> {
    let subjects: Vec<_> = cases.iter().map(|case| case.follow_up.subject_id).collect();
    Ok(People::of(state, &caller.actor(), caller.clinic(), &subjects).await?)
}

/// The search, one page of follow-ups, and the number of matches if it is requested and known.
async fn cases(
    request: &HttpRequest,
    state: &State,
    caller: &Staff,
    incoming: Incoming,
    kind: Kind,
) -> Result<(FollowUpSearch, Page<Dated>, Option<usize>), Problem> {
    let parameters = search::read(request, incoming).await?;
    let actor = caller.actor();
    let mut search = FollowUpSearch::of(request, (state, &actor, caller.clinic()), parameters, kind).await?;
    let mut total = None;
    let alone = search.presentation.only_total;
    if search.presentation.total {
        let counted = if search.possible {
            follow_ups::count(&state.app, &actor, &search.filter, MOST_COUNTED, alone).await?
        } else {
            Some(0)
        };
        total = search.presentation.counted(counted);
    }
    let mut page = Page { items: Vec::new(), next_cursor: None };
    if !alone {
        let asked = &search.presentation.page;
        let list = follow_ups::list(&state.app, &actor, &search.filter, search.order, asked).await?;
        if search.possible {
            page = list;
        }
    }
    Ok((search, page, total))
}
