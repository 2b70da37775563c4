//! Search parameters of resources made of follow-ups: `ServiceRequest`, `Task` and `Flag`.

use actix_web::HttpRequest;
use uuid::Uuid;

use super::dates::times;
use super::follow_up::{flag_status, priority, request_status, task_status};
use super::names::{CREDENTIAL, RESULTS};
use super::people::{self, local_id};
use super::presentation::Presentation;
use super::search::{Parameters, any_code, common, token};
use crate::domain::access::actor::Actor;
use crate::domain::clinics::Clinic;
use crate::domain::follow_ups::worklist::{FollowUpFilter, FollowUpOrder};
use crate::domain::follow_ups::{ClosingOutcome, StateName};
use crate::domain::ids::{CredentialId, FollowUpId};
use crate::domain::screening::urgency::Urgency;
use crate::domain::times::Times;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// The status of a resource, from state and outcome of its follow-up.
type Status = fn(StateName, Option<ClosingOutcome>) -> &'static str;

/// Differences between the resource types.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The status and its code system. A flag has a status of its own.
    status: Option<(Status, &'static str)>,
    /// Whether the type is `Task`, which has an owner and a business status.
    worked: bool,
    /// Whether the type has a priority and a time of its request.
    requested: bool,
}

pub(super) const REQUESTS: Kind =
    Kind { status: Some((request_status, "http://hl7.org/fhir/request-status")), worked: false, requested: true };
pub(super) const TASKS: Kind =
    Kind { status: Some((task_status, "http://hl7.org/fhir/task-status")), worked: true, requested: true };
pub(super) const FLAGS: Kind = Kind { status: None, worked: false, requested: false };

const PRIORITY: &str = "http://hl7.org/fhir/request-priority";
const FLAG_STATUS: &str = "http://hl7.org/fhir/flag-status";

pub(super) struct FollowUpSearch {
    pub(super) filter: FollowUpFilter,
    pub(super) order: FollowUpOrder,
    pub(super) presentation: Presentation,
    /// Whether the filter can match anything.
    pub(super) possible: bool,
}

impl FollowUpSearch {
    /// Reads the parameters of a search and finds the subjects that they name.
    pub(super) async fn of(
        request: &HttpRequest,
        (state, actor, clinic): (&State, &Actor, &Clinic),
        (mut parameters, query): (Parameters, String),
        kind: Kind,
    ) -> Result<Self, Problem> {
        let mut filter = FollowUpFilter::default();
        let mut possible = restrict(&mut filter, &mut parameters, kind);
        filter.changed = times(&mut parameters, "_lastUpdated");
        let subjects = people::Asked::read(request, &mut parameters);
        let ids = parameters.choices("_id");
        let known = |list: &Vec<String>| -> Vec<FollowUpId> {
            list.iter().filter_map(|id| Uuid::try_parse(id).ok()).map(FollowUpId).collect()
        };
        filter.follow_up_ids = common(ids.iter().map(known).collect());
        let requested_at = if kind.worked { "authored-on" } else { "authored" };
        if kind.requested {
            take_request(&mut filter, &mut parameters, requested_at);
        }
        if kind.worked {
            filter.assignees = owners(request, &mut parameters);
        }
        let presentation = Presentation::read(&mut parameters);
        parameters.end()?;
        let (subject_ids, query) = subjects.resolve((state, actor, clinic), "subject", query).await?;
        filter.subject_ids = subject_ids;
        let urgent = presentation.sort.first().is_some_and(|first| first == "-priority") && kind.requested;
        let order = if urgent { FollowUpOrder::Urgency } else { FollowUpOrder::Oldest };
        let offered: &[&str] = if kind.requested { &[requested_at, "-priority"] } else { &[] };
        presentation.check_order(&mut parameters, offered);
        possible &= is_possible(&filter);
        Ok(Self { filter, order, presentation: presentation.end(parameters, Some(query)), possible })
    }
}

/// Restricts a filter to follow-ups whose resource has one of the statuses. `false` if none can have it.
fn restrict(filter: &mut FollowUpFilter, parameters: &mut Parameters, kind: Kind) -> bool {
    filter.states = StateName::ALL.to_vec();
    let mut outcomes = ClosingOutcome::ALL.to_vec();
    let asked = parameters.choices("status");
    let Some((status, system)) = kind.status else {
        let [active, inactive] = [true, false].map(|flags| any_code(&asked, FLAG_STATUS, flag_status(flags)));
        filter.flags_subject = (active != inactive).then_some(active);
        return active || inactive;
    };
    filter.states.retain(|state| *state == StateName::Closed || any_code(&asked, system, status(*state, None)));
    outcomes.retain(|outcome| any_code(&asked, system, status(StateName::Closed, Some(*outcome))));
    if kind.worked {
        let asked = parameters.choices("business-status");
        filter.states.retain(|state| *state == StateName::Closed || any_code(&asked, RESULTS, state.as_str()));
        outcomes.retain(|outcome| any_code(&asked, RESULTS, outcome.as_str()));
    }
    if outcomes.is_empty() {
        filter.states.retain(|state| *state != StateName::Closed);
    }
    // Without a list of outcomes, closed follow-ups have any.
    if outcomes.len() < ClosingOutcome::ALL.len() {
        filter.outcomes = outcomes;
    }
    !filter.states.is_empty()
}

fn take_request(filter: &mut FollowUpFilter, parameters: &mut Parameters, requested_at: &str) {
    let asked = parameters.choices("priority");
    if !asked.is_empty() {
        let urgencies = Urgency::ALL.into_iter().filter(|urgency| any_code(&asked, PRIORITY, priority(*urgency)));
        filter.urgencies = Some(urgencies.collect());
    }
    filter.flagged_at = times(parameters, requested_at);
}

/// The credentials that own a task, by their ids.
fn owners(request: &HttpRequest, parameters: &mut Parameters) -> Option<Vec<CredentialId>> {
    let mut lists = Vec::new();
    for name in ["owner", "owner:Practitioner"] {
        let known = |one: &String| local_id(request, "Practitioner", one);
        let choices = parameters.choices(name);
        lists.extend(choices.iter().map(|list| list.iter().filter_map(known).map(CredentialId).collect::<Vec<_>>()));
    }
    for name in ["owner:identifier", "owner.identifier"] {
        let own = |one: &String| {
            let (_, id) = token(one).filter(|(system, _)| *system == CREDENTIAL)?;
            Uuid::try_parse(id).ok()
        };
        let choices = parameters.choices(name);
        lists.extend(choices.iter().map(|list| list.iter().filter_map(own).map(CredentialId).collect::<Vec<_>>()));
    }
    common(lists)
}

fn is_possible(filter: &FollowUpFilter) -> bool {
    let empty = |times: &Option<Times>| times.as_ref().is_some_and(Times::is_empty);
    !(filter.subject_ids.as_ref().is_some_and(Vec::is_empty)
        || filter.follow_up_ids.as_ref().is_some_and(Vec::is_empty)
        || filter.assignees.as_ref().is_some_and(Vec::is_empty)
        || filter.urgencies.as_ref().is_some_and(Vec::is_empty)
        || empty(&filter.changed)
        || empty(&filter.flagged_at))
}
