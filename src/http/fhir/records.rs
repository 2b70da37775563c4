//! Resources made of submissions: read and search of `QuestionnaireResponse`, `RiskAssessment` and `Observation`.

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use super::bundle::{self, searchset};
use super::record_search::{Kind, RecordSearch};
use super::scored::Scored;
use super::{observation, reply, response, risk_assessment};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::app::submissions;
use crate::app::submissions::records;
use crate::domain::ids::SubmissionId;
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::stored::StoredSubmission;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

const RESPONSES: Kind = Kind { status: "completed", date: "authored", form: true, coded: false };
const RISKS: Kind = Kind { status: "final", date: "date", form: false, coded: false };
const OBSERVATIONS: Kind = Kind { status: "final", date: "date", form: false, coded: true };

/// `GET /fhir/QuestionnaireResponse/{id}`.
///
/// # Errors
/// Fails when there is none that the caller may read.
pub(super) async fn get_response(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    Ok(reply::versioned(StatusCode::OK, 1, &response::render(&stored)))
}

/// `GET /fhir/RiskAssessment/{id}`.
///
/// # Errors
/// Fails when there is none that the caller may read.
pub(super) async fn get_risk_assessment(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    Ok(reply::versioned(StatusCode::OK, 1, &risk_assessment::render(&Scored::stored(&release.table, &stored))))
}

/// `GET /fhir/Observation/{id}`: the id is that of the submission followed by the code.
///
/// # Errors
/// Fails when there is none that the caller may read.
pub(super) async fn get_observation(
    state: web::Data<State>,
    caller: Intake,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let submission_id = id.get(..36).and_then(|id| Uuid::try_parse(id).ok()).ok_or(AppError::NotFound)?;
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(submission_id)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let found =
        observation::all(&Scored::stored(&release.table, &stored), &[]).into_iter().find(|(one, _)| *one == *id);
    let (_, found) = found.ok_or(AppError::NotFound)?;
    Ok(reply::versioned(StatusCode::OK, 1, &found))
}

/// Searches `QuestionnaireResponse`.
///
/// # Errors
/// Fails when a parameter has a fault.
pub(super) async fn search_responses(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (search, query) = read(&request, incoming, RESPONSES).await?;
    let page = find(&state, &caller, &search, search.page.clone()).await?;
    let name = |stored: StoredSubmission| (stored.submission_id.to_string(), response::render(&stored));
    let next = page.next_cursor.filter(|_| !search.by_identifier).map(|cursor| (Some(cursor), 0));
    Ok(found(&request, "QuestionnaireResponse", &query, page.items.into_iter().map(name).collect(), next))
}

/// Searches `RiskAssessment`.
///
/// # Errors
/// Fails when a parameter has a fault.
pub(super) async fn search_risk_assessments(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (search, query) = read(&request, incoming, RISKS).await?;
    let page = find(&state, &caller, &search, search.page.clone()).await?;
    let mut resources = Vec::new();
    for stored in page.items {
        let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
        resources.push((
            stored.submission_id.to_string(),
            risk_assessment::render(&Scored::stored(&release.table, &stored)),
        ));
    }
    Ok(found(&request, "RiskAssessment", &query, resources, page.next_cursor.map(|cursor| (Some(cursor), 0))))
}

/// Searches `Observation`. A submission has several, and a page has at most the requested number: a page smaller than the
/// observations of one submission returns part of them, and the next page continues there.
///
/// # Errors
/// Fails when a parameter has a fault.
pub(super) async fn search_observations(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (search, query) = read(&request, incoming, OBSERVATIONS).await?;
    let most = observation::most(rule_tables::current(&state.app));
    let limit = usize::from(search.page.limit);
    let whole = u16::try_from(limit / most).unwrap_or(u16::MAX).max(1);
    let asked = PageRequest { limit: whole, cursor: search.page.cursor.clone() };
    let page = find(&state, &caller, &search, asked).await?;
    let mut resources = Vec::new();
    for stored in page.items {
        let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
        resources.extend(observation::all(&Scored::stored(&release.table, &stored), &search.codes));
    }
    let rest = resources.split_off(search.shown.min(resources.len()));
    let more = rest.len() > limit;
    let next = if more {
        Some((search.page.cursor.clone(), search.shown + limit))
    } else {
        page.next_cursor.map(|cursor| (Some(cursor), 0))
    };
    Ok(found(&request, "Observation", &query, rest.into_iter().take(limit).collect(), next))
}

/// The search, and the parameters that the URL of the next page repeats.
async fn read(request: &HttpRequest, incoming: Incoming, kind: Kind) -> Result<(RecordSearch, String), Problem> {
    let query = request.query_string();
    if request.method() == actix_web::http::Method::GET {
        return Ok((RecordSearch::read(query, None, kind)?, query.to_owned()));
    }
    let form: Bytes = incoming.form().await?;
    let search = RecordSearch::read(query, Some(&form), kind)?;
    let text = String::from_utf8_lossy(&form);
    let query = [query, &text].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
    Ok((search, query))
}

async fn find(
    state: &State,
    caller: &Intake,
    search: &RecordSearch,
    page: PageRequest,
) -> Result<Page<StoredSubmission>, Problem> {
    let mut found = records::list(&state.app, &caller.actor(), search.filter.clone(), &page).await?;
    if !search.possible {
        found = Page { items: Vec::new(), next_cursor: None };
    }
    Ok(found)
}

/// The response to a search: resources of one type, and the URLs of this page and the next.
pub(super) fn found<T: Serialize>(
    request: &HttpRequest,
    kind: &str,
    query: &str,
    resources: Vec<(String, T)>,
    next: Option<(Option<String>, usize)>,
) -> HttpResponse {
    let base = format!("{}/{kind}", reply::base(request));
    // An identifier must not appear in a URL, so a search by identifier has no link.
    let named = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "identifier");
    let mut link = Vec::new();
    if !named {
        link.push(bundle::Link { relation: "self", url: address(&base, query) });
    }
    if let Some((cursor, shown)) = next {
        let others = form_urlencoded::parse(query.as_bytes());
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(others.filter(|(name, _)| name != "_cursor" && name != "_shown"));
        if let Some(cursor) = cursor {
            pairs.append_pair("_cursor", &cursor);
        }
        if shown > 0 {
            pairs.append_pair("_shown", &shown.to_string());
        }
        link.push(bundle::Link { relation: "next", url: address(&base, &pairs.finish()) });
    }
    let resources = resources.into_iter().map(|(id, resource)| (format!("{base}/{id}"), resource)).collect();
    reply::resource(HttpResponse::Ok(), &searchset(resources, link))
}

fn address(base: &str, query: &str) -> String {
    if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") }
}
