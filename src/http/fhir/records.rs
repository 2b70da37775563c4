//! Resources made of submissions: read and search of `QuestionnaireResponse`, `RiskAssessment` and `Observation`.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::people::People;
use super::presentation::MOST_COUNTED;
use super::record_search::{Kind, RecordSearch};
use super::scored::{Scored, result_status};
use super::search::{Found, any_code, found, found_with};
use super::{observation, questionnaire, reply, response, risk_assessment, search};
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::app::submissions;
use crate::app::submissions::records;
use crate::domain::ids::SubmissionId;
use crate::domain::language::Language;
use crate::domain::page::{Page, PageRequest};
use crate::domain::submissions::stored::StoredSubmission;
use crate::http::kernel::auth::Intake;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::extract::{AcceptedLanguages, Later, PathId};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

const RESULT_STATUS: &str = "http://hl7.org/fhir/observation-status";
const RESPONSES: Kind = Kind {
    status: response::status,
    statuses: "http://hl7.org/fhir/questionnaire-answers-status",
    date: "authored",
    form: true,
    coded: false,
};
const RISKS: Kind = Kind { status: result_status, statuses: RESULT_STATUS, date: "date", form: false, coded: false };
const OBSERVATIONS: Kind = Kind { coded: true, ..RISKS };
/// The largest number of submissions whose observations are counted.
const MOST_SCORED: usize = 1_000;

pub(super) async fn get_response(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    let people = of_one(&state, &caller, &stored).await?;
    Ok(reply::versioned(response::version(&stored).0, &response::render(&stored, &people)))
}

pub(super) async fn get_risk_assessment(
    state: web::Data<State>,
    caller: Intake,
    id: Later<PathId>,
) -> Result<HttpResponse, Problem> {
    let stored = submissions::get(&state.app, &caller.actor(), SubmissionId(id.read()?.0)).await?;
    let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
    let people = of_one(&state, &caller, &stored).await?;
    let scored = Scored::stored(&release.table, &stored, &people);
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
    let people = of_one(&state, &caller, &stored).await?;
    let scored = Scored::stored(&release.table, &stored, &people);
    let all = observation::all(&scored);
    let (_, found) = all.into_iter().find(|(one, _)| *one == *id).ok_or(AppError::NotFound)?;
    Ok(reply::versioned(scored.version.0, &found))
}

pub(super) async fn search_responses(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let mut search = read(&request, &state, &caller, incoming, RESPONSES).await?;
    let total = count(&state, &caller, &mut search).await?;
    let page = page(&state, &caller, &search).await?;
    let people = of_page(&state, &caller, &page).await?;
    let resources = page.items.iter().map(|stored| (stored.submission_id, response::render(stored, &people)));
    let next = page.next_cursor.clone().map(|cursor| (Some(cursor), 0));
    let forms = if search.with_forms { forms_of(&request, &state, &page)? } else { Vec::new() };
    let found = Found { resources, next, total };
    Ok(found_with(&request, "QuestionnaireResponse", &search.presentation, found, forms))
}

/// The forms that the responses of a page answer, each once and with its URL.
fn forms_of(
    request: &HttpRequest,
    state: &State,
    page: &Page<StoredSubmission>,
) -> Result<Vec<(String, Box<RawValue>)>, Problem> {
    let language = AcceptedLanguages::of(request).or(Language::default());
    let versions: BTreeSet<&str> = page.items.iter().map(StoredSubmission::form_version).collect();
    let mut forms = Vec::new();
    for version in versions {
        if let Some((id, form)) = questionnaire::embedded(state, version, language)? {
            forms.push((format!("{}/Questionnaire/{id}", reply::base(request)), form));
        }
    }
    Ok(forms)
}

pub(super) async fn search_risk_assessments(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let mut search = read(&request, &state, &caller, incoming, RISKS).await?;
    let total = count(&state, &caller, &mut search).await?;
    let page = page(&state, &caller, &search).await?;
    let people = of_page(&state, &caller, &page).await?;
    let mut resources = Vec::new();
    for stored in page.items {
        let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
        let scored = Scored::stored(&release.table, &stored, &people);
        resources.push((stored.submission_id, risk_assessment::render(&scored)));
    }
    let next = page.next_cursor.map(|cursor| (Some(cursor), 0));
    Ok(found(&request, "RiskAssessment", &search.presentation, Found { resources, next, total }))
}

/// Searches `Observation`. A submission has several, and a page has at most the requested number: a page smaller than the
/// observations of one submission returns part of them, and the next page continues there.
pub(super) async fn search_observations(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Intake,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let mut search = read(&request, &state, &caller, incoming, OBSERVATIONS).await?;
    let mut total = None;
    if search.presentation.total {
        let count = count_observations(&state, &caller, &search).await?;
        total = search.presentation.counted(count);
    }
    if search.presentation.only_total {
        let nothing = Found { resources: Vec::<(String, Value)>::new(), next: None, total };
        return Ok(found(&request, "Observation", &search.presentation, nothing));
    }
    let most = observation::most(rule_tables::current(&state.app)).min(search.most_codes());
    let limit = usize::from(search.presentation.page.limit);
    let whole = u16::try_from(limit / most).unwrap_or(u16::MAX).max(1);
    let cursor = search.presentation.page.cursor.clone();
    let page = find(&state, &caller, &search, PageRequest { limit: whole, cursor: cursor.clone() }).await?;
    let next_cursor = page.next_cursor.clone();
    let mut resources = observations(&state, &caller, &search, page).await?;
    let shown = search.presentation.shown;
    let mut rest = resources.split_off(shown.min(resources.len()));
    let next =
        if rest.len() > limit { Some((cursor, shown + limit)) } else { next_cursor.map(|cursor| (Some(cursor), 0)) };
    rest.truncate(limit);
    Ok(found(&request, "Observation", &search.presentation, Found { resources: rest, next, total }))
}

/// The observations of a page of submissions that a search asks for.
async fn observations(
    state: &State,
    caller: &Intake,
    search: &RecordSearch,
    page: Page<StoredSubmission>,
) -> Result<Vec<(String, Value)>, Problem> {
    let people = of_page(state, caller, &page).await?;
    let mut resources = Vec::new();
    for stored in page.items {
        let release = rule_tables::get(&state.app, &stored.assessment.rule_table).await?;
        resources.extend(observation::all(&Scored::stored(&release.table, &stored, &people)));
    }
    let coded = |asked: &[Vec<String>], concept: &Value| {
        let text = |coding: &Value, name: &str| coding[name].as_str().unwrap_or_default().to_owned();
        let mut codings = concept["coding"].as_array().into_iter().flatten();
        asked.is_empty() || codings.any(|one| any_code(asked, &text(one, "system"), &text(one, "code")))
    };
    resources.retain(|(id, one)| {
        search.ids.as_ref().is_none_or(|ids| ids.contains(id))
            && coded(&search.codes, &one["code"])
            && coded(&search.categories, &one["category"][0])
    });
    Ok(resources)
}

/// The number of observations that match; `None` if too many submissions would have to be read.
async fn count_observations(state: &State, caller: &Intake, search: &RecordSearch) -> Result<Option<u32>, Problem> {
    let (mut counted, mut read) = (0_usize, 0);
    let mut asked = PageRequest { limit: 200, cursor: None };
    loop {
        let page = find(state, caller, search, asked.clone()).await?;
        read += page.items.len();
        let next = page.next_cursor.clone();
        counted += observations(state, caller, search, page).await?.len();
        match next {
            None => return Ok(u32::try_from(counted).ok()),
            Some(_) if read >= MOST_SCORED => return Ok(None),
            Some(cursor) => asked.cursor = Some(cursor),
        }
    }
}

async fn read(
    request: &HttpRequest,
    state: &State,
    caller: &Intake,
    incoming: Incoming,
    kind: Kind,
) -> Result<RecordSearch, Problem> {
    let parameters = search::read(request, incoming).await?;
    RecordSearch::of(request, (state, &caller.actor(), caller.clinic()), parameters, kind).await
}

/// The number of submissions that match, if it is requested and known.
async fn count(state: &State, caller: &Intake, search: &mut RecordSearch) -> Result<Option<usize>, Problem> {
    if !search.presentation.total {
        return Ok(None);
    }
    if !search.is_possible() {
        return Ok(Some(0));
    }
    let alone = search.presentation.only_total;
    let counted = records::count(&state.app, &caller.actor(), search.filter.clone(), MOST_COUNTED, alone).await?;
    Ok(search.presentation.counted(counted))
}

/// The requested page of submissions. It is empty if only their number is requested.
async fn page(state: &State, caller: &Intake, search: &RecordSearch) -> Result<Page<StoredSubmission>, Problem> {
    if search.presentation.only_total {
        return Ok(Page { items: Vec::new(), next_cursor: None });
    }
    find(state, caller, search, search.presentation.page.clone()).await
}

async fn find(
    state: &State,
    caller: &Intake,
    search: &RecordSearch,
    page: PageRequest,
) -> Result<Page<StoredSubmission>, Problem> {
    let mut found = records::list(&state.app, &caller.actor(), search.filter.clone(), search.order, &page).await?;
    if !search.is_possible() {
        found = Page { items: Vec::new(), next_cursor: None };
    }
    Ok(found)
}

async fn of_one(state: &State, caller: &Intake, stored: &StoredSubmission) -> Result<People, AppError> {
    People::of(state, &caller.actor(), caller.clinic(), &[stored.subject_id]).await
}

async fn of_page(state: &State, caller: &Intake, page: &Page<StoredSubmission>) -> Result<People, AppError> {
    let subjects: Vec<_> = page.items.iter().map(|stored| stored.subject_id).collect();
    People::of(state, &caller.actor(), caller.clinic(), &subjects).await
}
