//! The states in which a form takes no answers, as pages: closed, suspended, too many requests, sent already.

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::alarm::AlarmCard;
use super::sent::Sent;
use super::visit::Visit;
use crate::domain::language::Language;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::current_request_id;
use crate::http::pages::assets::SCREENING_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::texts::{self, ScreeningTexts};
use crate::http::pages::{HTML, POLICY, rendered};

#[derive(Template)]
#[template(path = "pages/screening_state.html")]
struct StatePage {
    layout: Layout,
    texts: &'static ScreeningTexts,
    text: &'static str,
    /// The address of a new form; `None` if there is none.
    again: Option<String>,
    request_id: String,
}

/// The page of an alarm, with the answers that the form goes on with.
#[derive(Template)]
#[template(path = "pages/screening_alarm.html")]
struct AlarmPage<'a> {
    layout: Layout,
    texts: &'static ScreeningTexts,
    clinic: &'a str,
    alarm: &'a AlarmCard,
    address: String,
    fields: &'a [(String, String)],
}

/// The response to a request that the form does not take. Its status and headers are those of the problem.
pub(super) fn refusal(problem: &Problem, slug: &str, language: Language) -> HttpResponse {
    let mut response = problem.error_response();
    let Ok(page) = state(problem.kind(), slug, language) else { return response };
    // The problem would be rendered as the page of another error.
    response.extensions_mut().remove::<Problem>();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.set_body(BoxBody::new(page))
}

fn state(kind: ProblemType, slug: &str, language: Language) -> Result<Vec<u8>, Problem> {
    let texts = &texts::of(language)?.screening;
    let (title, text) = match kind {
        ProblemType::NotFound | ProblemType::Unauthenticated => (&texts.closed, &texts.closed_text),
        ProblemType::ClinicSuspended => (&texts.suspended, &texts.suspended_text),
        ProblemType::TooManyRequests => (&texts.busy, &texts.busy_text),
        kind if kind.row().1 >= 500 => (&texts.unavailable, &texts.unavailable_text),
        _ => (&texts.refused, &texts.refused_text),
    };
    let form = format!("/s/{slug}");
    let again = (kind == ProblemType::MalformedRequest).then(|| form.clone());
    let layout = Layout::new(language, &form, title.clone(), None)?;
    rendered(&StatePage { layout, texts, text, again, request_id: current_request_id() })
}

/// The page after a second sending with other answers.
pub(super) fn sent_already(visit: &Visit<'_>) -> Result<Vec<u8>, Problem> {
    let (texts, form) = (visit.texts, visit.address(""));
    let (own, title) = (visit.plain_address(), texts.sent_already.clone());
    let layout = Layout::new(visit.language, &own, title, Some(&SCREENING_MODULE.address))?;
    let (text, request_id) = (&*texts.sent_already_text, current_request_id());
    rendered(&StatePage { layout, texts, text, again: Some(form), request_id })
}

/// The page of its own that interrupts a refused form.
pub(super) fn interruption(visit: &Visit<'_>, sent: &Sent, alarm: &AlarmCard) -> Result<Vec<u8>, Problem> {
    let layout = Layout::new(visit.language, &visit.address(""), alarm.title.clone(), None)?;
    let (clinic, address) = (&*visit.clinic().name, visit.address(""));
    rendered(&AlarmPage { layout, texts: visit.texts, clinic, alarm, address, fields: sent.pairs() })
}
