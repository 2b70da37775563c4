//! Responses with one page of a list: the body, and the URL of the next page in `Link`.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::domain::stored::Page;

/// Answers with a page, rendered from its items and cursor.
pub(in crate::http) fn answer<T, B: Serialize>(
    request: &HttpRequest,
    page: Page<T>,
    body: impl FnOnce(Vec<T>, Option<String>) -> B,
) -> HttpResponse {
    let next = page.next_cursor.clone();
    respond(request, next.as_deref(), body(page.items, page.next_cursor))
}

/// Answers with a page that is already rendered.
pub(in crate::http) fn respond(request: &HttpRequest, next_cursor: Option<&str>, body: impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = next_cursor {
        response.insert_header(("link", next_link(request, cursor)));
    }
    response.json(body)
}

/// `Link` header of the next page.
fn next_link(request: &HttpRequest, cursor: &str) -> String {
    let others = form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name != "cursor");
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).append_pair("cursor", cursor);
    format!("<{}?{}>; rel=\"next\"", request.path(), query.finish())
}
