//! Resources made of submissions: read and search of `QuestionnaireResponse`, `RiskAssessment` and `Observation`.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::record_search::{Kind, RecordSearch};
use super::scored::{Scored, result_status};
use super::search::found;
use super::{observation, reply, response, risk_assessment, search};
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

const RESPONSES: Kind = Kind { status: response::status, date: "authored", form: true, coded: false };
const RISKS: Kind = Kind { status: result_status, date: "date", form: false, coded: false };
const OBSERVATIONS: Kind = Kind { status: result_status, date: "date", form: false, coded: true };

pub(super) async fn get_response(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    Ok(reply::versioned(response::version(&stored).0, &response::render(&stored)))
}

pub(super) async fn get_risk_assessment(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let scored = Scored::stored(&release.table, &stored);
    Ok(reply::versioned(scored.version.0, &risk_assessment::render(&scored)))
}

/// The id is that of the submission followed by the code.
pub(super) async fn get_observation(
    state: web::Data<State>,
    caller: Intake,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let submission_id = id.get(..36).and_then(|id| Uuid::try_parse(id).ok()).ok_or(AppError::NotFound)?;
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(submission_id)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let scored = Scored::stored(&release.table, &stored);
    let all = observation::all(&scored, &[]);
    let (_, found) = all.into_iter().find(|(one, _)| *one == *id).ok_or(AppError::NotFound)?;
    Ok(reply::versioned(scored.version.0, &found))
}

pub(super) async fn search_responses(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let (search, query) = read(&request, incoming, RESPONSES).await?;
    let page = find(&state, &caller, &search, search.page.clone()).await?;
    let resources = page.items.iter().map(|stored| (stored.submission_id, response::render(stored)));
    let next = page.next_cursor.filter(|_| !search.by_identifier).map(|cursor| (Some(cursor), 0));
    Ok(found(&request, "QuestionnaireResponse", &query, resources, next))
}

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
        resources.push((stored.submission_id, risk_assessment::render(&Scored::stored(&release.table, &stored))));
    }
    Ok(found(&request, "RiskAssessment", &query, resources, page.next_cursor.map(|cursor| (Some(cursor), 0))))
}

/// Searches `Observation`. A submission has several, and a page has at most the requested number: a page smaller than the
/// observations of one submission returns part of them, and the next page continues there.
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
    let next = if rest.len() > limit {
        Some((search.page.cursor.clone(), search.shown + limit))
    } else {
        page.next_cursor.map(|cursor| (Some(cursor), 0))
    };
    Ok(found(&request, "Observation", &query, rest.into_iter().take(limit), next))
}

/// The search, and the parameters that the URL of the next page repeats.
async fn read(request: &HttpRequest, incoming: Incoming, kind: Kind) -> Result<(RecordSearch, String), Problem> {
    let (parameters, query) = search::read(request, incoming).await?;
    Ok((RecordSearch::read(parameters, request.method() != Method::GET, kind)?, query))
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
