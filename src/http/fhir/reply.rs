//! Responses with a resource.

use std::fmt::Display;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, ETAG, HeaderMap, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::bundle::searchset;
use super::outcome::{Issue, from_issues};
use super::presentation::Presentation;
use super::search::{following, remarks};
use super::{MEDIA_TYPE, PATH};
use crate::domain::language::Language;
use crate::http::kernel::address;
use crate::http::kernel::extract::preferred;
use crate::http::kernel::fixed::Fixed;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

pub(super) fn resource(mut response: HttpResponseBuilder, resource: &impl Serialize) -> HttpResponse {
    response.content_type(MEDIA_TYPE).json(resource)
}

/// Answers a write as `Prefer` requests: with headers only, with an `OperationOutcome` that has a text, or by default with the
/// resource.
pub(super) fn written(
    mut response: HttpResponseBuilder,
    headers: &HeaderMap,
    render: impl FnOnce() -> Value,
    text: &str,
) -> HttpResponse {
    let known = ["return=minimal", "return=representation", "return=OperationOutcome"].map(|name| (name, name));
    match preferred(headers, &known) {
        Some("return=minimal") => response.finish(),
        Some("return=OperationOutcome") => resource(response, &from_issues(vec![Issue::information(text)])),
        _ => resource(response, &render()),
    }
}

/// Answers with a resource that is built once for all clients.
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

/// A page of a public search, each resource with its id, and the number of all. It is not compressed: that would take far longer
/// than the rest.
pub(super) fn found(
    request: &HttpRequest,
    state: &State,
    language: Language,
    kind: &str,
    (page, total, asked): (Vec<(impl Display, Box<RawValue>)>, usize, &Presentation),
) -> HttpResponse {
    let base = format!("{}/{kind}", base(request));
    let query = asked.query().unwrap_or_default();
    let mut link = vec![json!({"relation": "self", "url": format!("{base}?{query}")})];
    let shown = asked.window(total).end;
    if !asked.only_total && shown < total {
        let next = following(query, None, shown);
        link.push(json!({"relation": "next", "url": format!("{base}?{next}")}));
    }
    let mut bundle = searchset(&base, page, link).with_total(Some(total));
    if let Some(notes) = remarks(asked) {
        bundle = bundle.with_outcome(&notes);
    }
    let mut response = public(language);
    // Without a configured public URL, the first client's base URL would be cached for all others.
    let kept = if state.settings.public_url.is_some() { "public, max-age=300" } else { "no-store" };
    // What was ignored is reported only to clients that say how to handle it.
    response.insert_header((VARY, "Accept-Language, Accept, Accept-Encoding, Prefer"));
    response.insert_header((CACHE_CONTROL, kept)).insert_header((CONTENT_ENCODING, "identity"));
    resource(response, &bundle)
}

fn public(language: Language) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((VARY, "Accept-Language, Accept, Accept-Encoding"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()));
    response
}

pub(super) fn versioned(version: i32, body: &Value) -> HttpResponse {
    resource(tagged(StatusCode::OK, version), body)
}

/// Starts a response with the `ETag` of a version.
pub(super) fn tagged(status: StatusCode, version: i32) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, format!("W/\"{version}\"")));
    response
}

/// The base URL of the facade, as clients reach it.
pub(super) fn base(request: &HttpRequest) -> String {
    let state = request.app_data::<web::Data<State>>();
    let base = state.map(|state| address::base(request, &state.settings));
    format!("{}{PATH}", base.unwrap_or_default())
}
