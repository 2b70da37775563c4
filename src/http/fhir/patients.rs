//! `Patient`: who a subject is, by its identifiers only. Contact data is not part of the facade.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use super::element::{element, identifier, reference};
use super::names::SUBJECT;
use super::people::{by_ids, named, of_reference};
use super::presentation::Presentation;
use super::search::{Found, Parameters, common, found, token};
use super::{reply, search};
use crate::app::subjects::identities::{self, Named};
use crate::domain::fault::{FaultCode, Sentence};
use crate::domain::ids::SubjectId;
use crate::domain::subjects::Identity;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// The largest number of identifiers in one search.
const MOST_NAMES: usize = 50;
/// Parameters for data that no Patient of this service has, so that they find nothing.
const ABSENT: [&str; 11] = [
    "name",
    "family",
    "given",
    "birthdate",
    "gender",
    "phone",
    "email",
    "telecom",
    "address",
    "name:contains",
    "name:exact",
];

/// The subjects that a search names: choices of ids and identifiers, all of which must hold.
struct Asked {
    choices: Vec<(Vec<SubjectId>, Vec<Named>)>,
    /// Whether an identifier of a person is given, which must not appear in the links of a page.
    private: bool,
}

pub(super) async fn get_patient(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let id = SubjectId(id.read()?.0);
    let found = identities::read(&state.app, &caller.actor(), caller.clinic(), id).await?;
    Ok(reply::versioned(found.version, &render(&found)))
}

/// Finds persons by their ids and identifiers. Without either nothing is found: the service lists no persons.
pub(super) async fn search_patients(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (mut parameters, query) = search::read(&request, incoming).await?;
    let asked = read(&mut parameters);
    let absent = ABSENT.iter().filter(|name| !parameters.all(name).is_empty()).count() > 0;
    if absent || asked.choices.is_empty() {
        parameters.notes.push("a Patient is found by _id or identifier only; it has no other data".to_owned());
    }
    let presentation = Presentation::read(&mut parameters);
    presentation.check_order(&mut parameters, &[]);
    parameters.end()?;
    let (actor, clinic) = (caller.actor(), caller.clinic());
    let mut lists = Vec::new();
    for (mut ids, names) in asked.choices {
        ids.extend(identities::named(&state.app, &actor, clinic, &names).await?);
        lists.push(ids);
    }
    let mut ids = common(lists).filter(|_| !absent).unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    let patients = identities::search(&state.app, &actor, clinic, &ids).await?;
    let query = if asked.private {
        let found: Vec<_> = patients.iter().map(|one| one.subject_id).collect();
        by_ids(&query, "_id", &found)
    } else {
        query
    };
    let presentation = presentation.end(parameters, Some(query));
    let total = Some(patients.len());
    let limit = if presentation.only_total { 0 } else { usize::from(presentation.page.limit) };
    let skipped = presentation.shown;
    let next = (!presentation.only_total && patients.len() > skipped + limit).then_some((None, skipped + limit));
    let resources = patients.iter().skip(skipped).take(limit).map(|one| (one.subject_id, render(one)));
    Ok(found(&request, "Patient", &presentation, Found { resources, next, total }))
}

fn read(parameters: &mut Parameters) -> Asked {
    let mut asked = Asked { choices: Vec::new(), private: false };
    for list in parameters.choices("_id") {
        let ids = list.iter().filter_map(|id| Uuid::try_parse(id).ok()).map(SubjectId);
        asked.choices.push((ids.collect(), Vec::new()));
    }
    let own = |text: &String| token(text).filter(|(system, _)| *system == SUBJECT).map(|(_, id)| id.to_owned());
    for list in parameters.choices("identifier") {
        let ids = list.iter().filter_map(|text| Uuid::try_parse(&own(text)?).ok()).map(SubjectId).collect();
        let others: Vec<&String> = list.iter().filter(|text| own(text).is_none()).collect();
        if others.len() > MOST_NAMES {
            let detail = Sentence::new("has at most 50 values", "tiene como máximo 50 valores");
            parameters.refuse("identifier", FaultCode::OutOfRange, detail);
        } else {
            asked.private |= !others.is_empty();
            asked.choices.push((ids, others.into_iter().filter_map(|text| named(text)).collect()));
        }
    }
    asked
}

fn render(identity: &Identity) -> Value {
    let own = identifier(SUBJECT, identity.subject_id);
    let identifiers: Vec<Value> = identity.reference.iter().map(of_reference).chain([own]).collect();
    let link = identity.merged_into.map(|into| [json!({"other": reference("Patient", into), "type": "replaced-by"})]);
    element(json!({
        "resourceType": "Patient",
        "id": identity.subject_id,
        "meta": {"versionId": identity.version.to_string()},
        "identifier": identifiers,
        "active": identity.merged_into.is_none(),
        "link": link,
    }))
}
