//! The states in which a form takes no answers, as pages: closed, suspended, too many requests, sent already.

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::alarm::AlarmCard;
use super::sent::Sent;
use super::visit::{Place, Visit, policy};
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::current_request_id;
use crate::http::pages::address::in_language;
use crate::http::pages::assets::SCREENING_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::texts::{self, ScreeningTexts};
use crate::http::pages::{HTML, POLICY, rendered};

#[derive(Template)]
#[template(path = "pages/screening_state.html")]
struct StatePage<'a> {
    layout: Layout,
    texts: &'static ScreeningTexts,
    text: &'static str,
    /// The alarm of the answers that were not taken.
    alarm: Option<&'a AlarmCard>,
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

/// The response to a request that the form does not take. Its status and headers are those of the problem. It states the alarm of
/// the answers first, if they could be read, and shows in the frames in which the form does.
pub(super) fn refusal(problem: &Problem, place: &Place<'_>, alarm: Option<&AlarmCard>) -> HttpResponse {
    let mut response = problem.error_response();
    let Ok(page) = state(problem.kind(), place, alarm) else { return response };
    // The problem would be rendered as the page of another error.
    response.extensions_mut().remove::<Problem>();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(place.language.code()));
    let policy = HeaderValue::from_str(&policy(&place.origins));
    headers.insert(CONTENT_SECURITY_POLICY, policy.unwrap_or_else(|_| HeaderValue::from_static(POLICY)));
    response.set_body(BoxBody::new(page))
}

fn state(kind: ProblemType, place: &Place<'_>, alarm: Option<&AlarmCard>) -> Result<Vec<u8>, Problem> {
    let texts = &texts::of(place.language)?.screening;
    let (title, text, is_lost) = match kind {
        ProblemType::NotFound | ProblemType::Unauthenticated => (&texts.closed, &texts.closed_text, false),
        ProblemType::ClinicSuspended => (&texts.suspended, &texts.suspended_text, false),
        ProblemType::TooManyRequests => (&texts.busy, &texts.busy_text, false),
        kind if kind.row().1 >= 500 => (&texts.unavailable, &texts.unavailable_text, false),
        _ => (&texts.refused, &texts.refused_text, true),
    };
    let form = place.address();
    // The module empties the tab when the person starts again, and states the height of the page to the site around it.
    let layout = Layout::new(place.language, &form, title.clone(), Some(&SCREENING_MODULE.address))?;
    let again = is_lost.then(|| in_language(&form, place.language));
    rendered(&StatePage { layout, texts, text, alarm, again, request_id: current_request_id() })
}

/// The page after a second sending with other answers, whose alarm may be another.
pub(super) fn sent_already(visit: &Visit<'_>, alarm: Option<&AlarmCard>) -> Result<Vec<u8>, Problem> {
    let (texts, form) = (visit.texts, visit.address(""));
    let (own, title) = (visit.plain_address(), texts.sent_already.clone());
    let layout = Layout::new(visit.language, &own, title, Some(&SCREENING_MODULE.address))?;
    let (text, request_id) = (&*texts.sent_already_text, current_request_id());
    rendered(&StatePage { layout, texts, text, alarm, again: Some(form), request_id })
}

/// The page of its own that interrupts a refused form. It has the answers, so the module clears it as it clears the form.
pub(super) fn interruption(visit: &Visit<'_>, sent: &Sent, alarm: &AlarmCard) -> Result<Vec<u8>, Problem> {
    let (clinic, address) = (&*visit.clinic().name, visit.address(""));
    let layout = Layout::new(visit.language, &address, alarm.title.clone(), Some(&SCREENING_MODULE.address))?;
    rendered(&AlarmPage { layout, texts: visit.texts, clinic, alarm, address, fields: sent.pairs() })
}
