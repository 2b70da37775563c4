//! The screening form of a clinic, for the person. The service acts as the clinic's web form, so no page has a key. Without
//! script the form is one page with one POST; the module of the form sends it to `check` after each step.

mod alarm;
mod check;
mod faults;
mod filled;
mod form;
mod outcome;
mod sent;
mod states;
mod visit;

use std::future::ready;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};

use super::address::{self, parameter};
use super::assets::get_screening_element;
use crate::app::access::limits::Budget;
use crate::app::access::sign_in::web_form;
use crate::app::error::AppError;
use crate::app::once::Once;
use crate::app::submissions::intake;
use crate::domain::language::Language;
use crate::http::kernel::body::Incoming;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::state::State;
use crate::http::kernel::{alarm as refusals, lag};
use check::Checked;
use filled::Filled;
use form::Shown;
use sent::Sent;
use visit::{Place, Visit, is_kiosk};

/// The address of the element that shows a form on another site.
pub(in crate::http) const ELEMENT: &str = "/sarco-screen.js";

/// The form, its check, the element for other sites, and the first page of a service with one form.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let refused =
        |allowed: &'static str| web::to(move || ready(Err::<HttpResponse, _>(Problem::method_not_allowed(allowed))));
    let form = web::resource("/s/{clinic}").route(web::get().to(get_form)).route(web::post().to(post_form));
    let check = web::resource("/s/{clinic}/check").route(web::post().to(post_check));
    config
        .service(form.default_service(refused("GET, POST")))
        .service(check.default_service(refused("POST")))
        .service(web::resource(ELEMENT).route(web::get().to(get_screening_element)).default_service(refused("GET")))
        .service(web::resource("/").route(web::get().to(get_first_page)).default_service(refused("GET")));
}

/// Leads to the only open form. With none or several there is no first page.
async fn get_first_page(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let slug = web_form::only(&state.app).await?.ok_or(AppError::NotFound)?;
    let query = request.query_string();
    let address = if query.is_empty() { format!("/s/{slug}") } else { format!("/s/{slug}?{query}") };
    Ok(HttpResponse::Found().insert_header((LOCATION, address)).finish())
}

async fn get_form(request: HttpRequest, state: web::Data<State>, slug: web::Path<String>) -> HttpResponse {
    answered(&request, &state, &slug, blank(&request, &state, &slug).await).await
}

async fn post_form(
    request: HttpRequest,
    state: web::Data<State>,
    slug: web::Path<String>,
    incoming: Incoming,
) -> HttpResponse {
    answered(&request, &state, &slug, Box::pin(send(&request, &state, &slug, incoming)).await).await
}

async fn post_check(
    request: HttpRequest,
    state: web::Data<State>,
    slug: web::Path<String>,
    incoming: Incoming,
) -> HttpResponse {
    answered(&request, &state, &slug, checked(&request, &state, &slug, incoming).await).await
}

async fn answered(
    request: &HttpRequest,
    state: &State,
    slug: &str,
    response: Result<HttpResponse, Problem>,
) -> HttpResponse {
    let problem = match response {
        Ok(response) => return response,
        Err(problem) => problem,
    };
    let origins = web_form::origins(&state.app, slug).await;
    let place = Place { slug, language: address::language(request), is_kiosk: is_kiosk(request), origins };
    states::refusal(&problem, &place, None)
}

async fn blank(request: &HttpRequest, state: &State, slug: &str) -> Result<HttpResponse, Problem> {
    let visit = Visit::admit(request, state, slug, Budget::Scores).await?;
    let sent = Sent::default();
    let shown = Shown { sent: &sent, faults: &[], alarm: None, was_idle: parameter(request, "idle").is_some() };
    Ok(visit.blank_page(request, form::page(&visit, &shown)?))
}

/// Checks a form that is being filled in. Nothing is stored.
async fn checked(
    request: &HttpRequest,
    state: &State,
    slug: &str,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let visit = Visit::admit(request, state, slug, Budget::Scores).await?;
    let sent = Sent::parse(&incoming.form().await?);
    Ok(visit.page(StatusCode::OK, check::page(&visit, &sent)?))
}

/// Stores a form. The other buttons of the form show it again with its answers.
async fn send(request: &HttpRequest, state: &State, slug: &str, incoming: Incoming) -> Result<HttpResponse, Problem> {
    let visit = match Visit::admit(request, state, slug, Budget::Submissions).await {
        Err(problem) if problem.kind() == ProblemType::TooManyRequests => {
            let visit = Visit::uncounted(request, state, slug).await?;
            return unread(&visit, incoming, &problem).await;
        }
        visit => visit?,
    };
    let (body, _place) = match intake::admit(&state.app, &visit.actor(), lag::limit()) {
        Ok(place) => (incoming.form().await?, place),
        Err(error) => {
            lag::refused();
            return unread(&visit, incoming, &error.into()).await;
        }
    };
    let sent = Sent::parse(&body);
    let other = sent.given("language").and_then(Language::from_tag);
    if let Some(other) = other.filter(|language| visit.clinic().languages.contains(language)) {
        let visit = visit.in_language(other)?;
        let alarm = check::alarm_of(&visit, &sent);
        let shown = Shown { sent: &sent, faults: &[], alarm: alarm.as_ref(), was_idle: false };
        return Ok(visit.page(StatusCode::OK, form::page(&visit, &shown)?));
    }
    let filled = Filled::read(&visit, &sent)?;
    // Also what Enter in a field sends without script: the first button of the form, so that nothing is stored by mistake.
    if sent.has("action", "edit") {
        return again(&visit, &sent, StatusCode::OK, &check::checked(&visit, &filled)?);
    }
    let contacting = filled.contacting();
    let Filled { draft, faults } = filled;
    let stored = intake::submit(&state.app, &visit.actor(), visit.clinic(), draft, faults).await;
    match stored {
        Ok(Once { result: stored, .. }) => {
            let visit = visit.in_language(stored.language)?;
            Ok(visit.page(StatusCode::OK, outcome::page(&visit, &stored, contacting).await?))
        }
        Err(AppError::IdempotencyKeyReused) => {
            let alarm = check::alarm_of(&visit, &sent);
            Ok(visit.page(StatusCode::UNPROCESSABLE_ENTITY, states::sent_already(&visit, alarm.as_ref())?))
        }
        Err(error) => {
            let problem = refusals::problem(state, error, visit.clinic(), visit.language);
            match check::refused(&visit, problem) {
                Ok(checked) => refused(&visit, &sent, &checked),
                // A person with an emergency must not get only the news that nothing was stored.
                Err(problem) => {
                    let alarm = check::alarm_of(&visit, &sent);
                    Ok(states::refusal(&problem, &visit.place(), alarm.as_ref()))
                }
            }
        }
    }
}

/// A form that the service has no room for. It is read for its alarm only.
async fn unread(visit: &Visit<'_>, incoming: Incoming, problem: &Problem) -> Result<HttpResponse, Problem> {
    let sent = Sent::parse(&incoming.form().await?);
    Ok(states::refusal(problem, &visit.place(), check::alarm_of(visit, &sent).as_ref()))
}

/// A refused form. An alarm that interrupts comes first, on a page of its own.
fn refused(visit: &Visit<'_>, sent: &Sent, checked: &Checked) -> Result<HttpResponse, Problem> {
    match checked.alarm.as_ref().filter(|alarm| alarm.interrupts) {
        Some(alarm) => {
            let page = states::interruption(visit, sent, alarm)?;
            Ok(visit.page(StatusCode::UNPROCESSABLE_ENTITY, page))
        }
        None => again(visit, sent, StatusCode::UNPROCESSABLE_ENTITY, checked),
    }
}

/// The form with what was typed and its faults.
fn again(visit: &Visit<'_>, sent: &Sent, status: StatusCode, checked: &Checked) -> Result<HttpResponse, Problem> {
    let shown = Shown { sent, faults: &checked.faults, alarm: checked.alarm.as_ref(), was_idle: false };
    Ok(visit.page(status, form::page(visit, &shown)?))
}
