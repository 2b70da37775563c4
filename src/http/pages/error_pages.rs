//! Errors of pages, as pages: what happened and what to do, in the page's language. Status and headers stay those of the
//! problem.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use askama::Template;

use super::address::in_language;
use super::layout::Layout;
use super::texts::{self, ProblemTexts};
use super::{HTML, POLICY, STAFF, address, first_page, rendered};
use crate::domain::language::Language;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::current_request_id;

#[derive(Template)]
#[template(path = "pages/problem.html")]
struct ProblemPage {
    layout: Layout,
    texts: &'static ProblemTexts,
    text: &'static str,
    /// The text of the link to the first page.
    home: &'static str,
    request_id: String,
}

/// Replaces the problem of a page by an error page, and sets the header that all pages have.
pub(in crate::http) async fn error_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let first = first_page(request.path());
    match (next.call(request).await, first) {
        (Ok(response), Some(first)) => {
            let (request, response) = response.map_into_boxed_body().into_parts();
            let response = with_page(response, first, || address::language(&request));
            Ok(ServiceResponse::new(request, response))
        }
        (Ok(response), None) => Ok(response.map_into_boxed_body()),
        (Err(error), Some(first)) => {
            let response = with_page(error.error_response(), first, Language::default);
            Err(InternalError::from_response("refused", response).into())
        }
        (Err(error), None) => Err(error),
    }
}

fn with_page(mut response: HttpResponse, first: &'static str, language: impl FnOnce() -> Language) -> HttpResponse {
    // Without a referrer, browsers would also hide the origin of a form that a page sends to this service.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let kept = response.extensions_mut().remove::<Problem>();
    let Some(problem) = kept else { return response };
    let language = language();
    // Without the texts of the pages the problem stays as it is.
    let Ok(page) = body(problem.kind(), first, language) else { return response };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.set_body(BoxBody::new(page))
}

fn body(kind: ProblemType, first: &'static str, language: Language) -> Result<Vec<u8>, Problem> {
    let all = texts::of(language)?;
    let texts = &all.problems;
    let (title, text) = match kind {
        ProblemType::NotFound => (&texts.not_found, &texts.not_found_text),
        ProblemType::TooManyRequests => (&texts.too_many, &texts.too_many_text),
        kind if kind.row().1 >= 500 => (&texts.unavailable, &texts.unavailable_text),
        _ => (&texts.refused, &texts.refused_text),
    };
    let home = if first == STAFF { &*all.staff.case.to_worklist } else { &*texts.home };
    // The address may be faulty, so the links lead to the first page.
    let layout = Layout::new(language, first, title.clone(), None)?;
    let layout = Layout { home: in_language(first, language), ..layout };
    rendered(&ProblemPage { layout, texts, text, home, request_id: current_request_id() })
}
