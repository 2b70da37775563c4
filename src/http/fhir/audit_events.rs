//! Read and search of `AuditEvent`, for the admins of a clinic.

use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::audit_event::{action, outcome, render};
use super::dates::times;
use super::names::{AUDIT, CREDENTIAL};
use super::people::{Asked, local_id};
use super::presentation::Presentation;
use super::search::{Found, Parameters, any_code, common, found, token};
use super::{reply, search};
use crate::app::audit;
use crate::app::error::AppError;
use crate::domain::audit::{AuditAction, AuditFilter, AuditOutcome};
use crate::domain::ids::{AuditEntryId, CredentialId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::times::Times;
use crate::http::kernel::auth::Admin;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// The code systems of the outcome and the action of an `AuditEvent`.
const OUTCOME: &str = "http://hl7.org/fhir/audit-event-outcome";
const ACTION: &str = "http://hl7.org/fhir/audit-event-action";
/// The types of resources that an entry can be about.
const KINDS: [&str; 3] = ["QuestionnaireResponse", "Task", "Patient"];

pub(super) async fn get_audit_event(
    state: web::Data<State>,
    caller: Admin,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let filter = AuditFilter { ids: Some(vec![AuditEntryId(id.read()?.0)]), ..AuditFilter::default() };
    let page = PageRequest { limit: 1, cursor: None };
    let found =
        audit::list(&state.app, &caller.actor(), &filter, &page).await?.items.pop().ok_or(AppError::NotFound)?;
    Ok(reply::resource(HttpResponse::Ok(), &render(&found)))
}

/// Searches the audit log, the latest entry first.
pub(super) async fn search_audit_events(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Admin,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (mut parameters, query) = search::read(&request, incoming).await?;
    let actor = caller.actor();
    let mut filter = filter(&request, &mut parameters);
    let subjects = Asked::read(&request, &mut parameters);
    let mut presentation = Presentation::read(&mut parameters);
    presentation.check_order(&mut parameters, &["-date", "-_lastUpdated"]);
    parameters.end()?;
    let (subject_ids, query) = subjects.resolve((&state, &actor, caller.clinic()), "patient", query).await?;
    filter.subject_ids = subject_ids;
    if presentation.total {
        parameters.notes.push("the entries of the audit log are not counted".to_owned());
    }
    presentation = presentation.end(parameters, Some(query));
    let mut page = audit::list(&state.app, &actor, &filter, &presentation.page).await?;
    if !is_possible(&filter) || presentation.only_total {
        page = Page { items: Vec::new(), next_cursor: None };
    }
    let resources = page.items.iter().map(|one| (one.entry.audit_entry_id, render(one)));
    let next = page.next_cursor.clone().map(|cursor| (Some(cursor), 0));
    Ok(found(&request, "AuditEvent", &presentation, Found { resources, next, total: None }))
}

fn filter(request: &HttpRequest, parameters: &mut Parameters) -> AuditFilter {
    let ids = parameters.choices("_id");
    let entry = |list: &Vec<String>| -> Vec<AuditEntryId> {
        list.iter().filter_map(|id| Uuid::try_parse(id).ok()).map(AuditEntryId).collect()
    };
    let ids = common(ids.iter().map(entry).collect());
    let (codes, subtypes) = (parameters.choices("action"), parameters.choices("subtype"));
    let actions = AuditAction::ALL
        .into_iter()
        .filter(|one| any_code(&codes, ACTION, action(*one)) && any_code(&subtypes, AUDIT, one.as_str()));
    let actions = (!codes.is_empty() || !subtypes.is_empty()).then(|| actions.collect());
    let asked = parameters.choices("outcome");
    let outcomes = AuditOutcome::ALL.into_iter().filter(|one| any_code(&asked, OUTCOME, outcome(*one)));
    let outcomes = (!asked.is_empty()).then(|| outcomes.collect());
    let entities = parameters.choices("entity");
    let resource = |one: &String| KINDS.into_iter().find_map(|kind| local_id(request, kind, one));
    let resources: Vec<Vec<Uuid>> = entities.iter().map(|list| list.iter().filter_map(resource).collect()).collect();
    let spans = ["date", "_lastUpdated"].map(|name| times(parameters, name));
    AuditFilter {
        ids,
        actions,
        outcomes,
        credential_ids: agents(parameters),
        subject_ids: None,
        resource_ids: common(resources),
        request_id: None,
        at: spans.into_iter().flatten().reduce(|one, other| one.and(&other)),
    }
}

/// The credentials that acted, by their ids.
fn agents(parameters: &mut Parameters) -> Option<Vec<CredentialId>> {
    let mut lists = Vec::new();
    for name in ["agent", "agent:identifier", "agent.identifier"] {
        let id = |one: &String| {
            let id = token(one).filter(|(system, _)| *system == CREDENTIAL).map_or(one.as_str(), |(_, id)| id);
            Uuid::try_parse(id).ok()
        };
        let choices = parameters.choices(name);
        lists.extend(choices.iter().map(|list| list.iter().filter_map(id).map(CredentialId).collect::<Vec<_>>()));
    }
    common(lists)
}

fn is_possible(filter: &AuditFilter) -> bool {
    !(filter.ids.as_ref().is_some_and(Vec::is_empty)
        || filter.actions.as_ref().is_some_and(Vec::is_empty)
        || filter.outcomes.as_ref().is_some_and(Vec::is_empty)
        || filter.credential_ids.as_ref().is_some_and(Vec::is_empty)
        || filter.subject_ids.as_ref().is_some_and(Vec::is_empty)
        || filter.resource_ids.as_ref().is_some_and(Vec::is_empty)
        || filter.at.as_ref().is_some_and(Times::is_empty))
}
