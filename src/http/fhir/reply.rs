//! Answers with a resource.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, ETAG, VARY};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::{MEDIA_TYPE, PATH};
use crate::domain::language::Language;

/// An answer with a resource.
pub(super) fn resource(mut response: HttpResponseBuilder, resource: &impl Serialize) -> HttpResponse {
    response.content_type(MEDIA_TYPE).json(resource)
}

/// A resource that anybody may read, in a language.
pub(super) fn public(language: Language, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((VARY, "Accept-Language, Accept, Accept-Encoding"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((CONTENT_LANGUAGE, language.code()));
    resource(response, body)
}

/// A resource of a clinic under its version.
pub(super) fn versioned(status: StatusCode, version: i32, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, tag(version)));
    resource(response, body)
}

/// The version of a resource as a header names it.
pub(super) fn tag(version: i32) -> String {
    format!("W/\"{version}\"")
}

/// The address that clients reach the facade under, as the request names it.
pub(super) fn base(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}{PATH}", connection.scheme(), connection.host())
}
