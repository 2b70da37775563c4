//! Responses with a resource.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, ETAG, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::Serialize;
use serde_json::value::RawValue;

use super::bundle::{Link, searchset};
use super::{MEDIA_TYPE, PATH};
use crate::domain::language::Language;
use crate::http::kernel::address;
use crate::http::kernel::fixed::Fixed;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// Answers with a resource.
pub(super) fn resource(mut response: HttpResponseBuilder, resource: &impl Serialize) -> HttpResponse {
    response.content_type(MEDIA_TYPE).json(resource)
}

/// Answers with a resource that is built once for all clients.
///
/// # Errors
/// Fails when the resource cannot be built.
pub(super) fn fixed(
    request: &HttpRequest,
    language: Language,
    body: &Fixed,
    make: impl FnOnce() -> Result<Vec<u8>, Problem>,
) -> Result<HttpResponse, Problem> {
    let mut response = public(language);
    response.insert_header((CACHE_CONTROL, "public, max-age=300"));
    body.answer(request, response, MEDIA_TYPE, make)
}

/// The result of a public search, each resource with its URL. It is not compressed: that would take far longer than the rest.
pub(super) fn found(
    request: &HttpRequest,
    state: &State,
    language: Language,
    kind: &str,
    found: &[(&str, Box<RawValue>)],
) -> HttpResponse {
    let base = format!("{}/{kind}", base(request));
    let entries = found.iter().map(|(id, resource)| (format!("{base}/{id}"), resource)).collect();
    let link = Link { relation: "self", url: format!("{base}?{}", request.query_string()) };
    let mut response = public(language);
    // Without a configured public URL, the first client's base URL would be cached for all others.
    let kept = if state.settings.public_url.is_some() { "public, max-age=300" } else { "no-store" };
    response.insert_header((CACHE_CONTROL, kept)).insert_header((CONTENT_ENCODING, "identity"));
    resource(response, &searchset(entries, vec![link]))
}

fn public(language: Language) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((VARY, "Accept-Language, Accept, Accept-Encoding"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()));
    response
}

/// A resource of a clinic with its version.
pub(super) fn versioned(status: StatusCode, version: i32, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, tag(version)));
    resource(response, body)
}

/// The `ETag` of a version.
pub(super) fn tag(version: i32) -> String {
    format!("W/\"{version}\"")
}

/// The base URL of the facade, as clients reach it.
pub(super) fn base(request: &HttpRequest) -> String {
    let state = request.app_data::<web::Data<State>>();
    let base = state.map(|state| address::base(request, &state.settings));
    format!("{}{PATH}", base.unwrap_or_default())
}
