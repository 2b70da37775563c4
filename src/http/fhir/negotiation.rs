//! Content negotiation: FHIR JSON, or JSON under its plain media type. No other format is supported. Errors are
//! `OperationOutcome` resources.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{ACCEPT, Accept, CONTENT_TYPE, Header, HeaderValue, Quality};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};

use super::outcome::{Issue, from_issues, outcome};
use super::{MEDIA_TYPE, PATH, reply};
use crate::http::kernel::body::BodyType;
use crate::http::kernel::bounds::LIST_LIMIT;
use crate::http::kernel::problem::Problem;

const JSON: &str = "application/json";

/// Answers 406 if the client accepts neither; otherwise uses the media type that the client requested.
pub(super) async fn negotiate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(media_type) = wanted(request.request()) else {
        let issue = Issue::error("processing", &format!("this service responds with {MEDIA_TYPE} or {JSON}"));
        let refusal = reply::resource(HttpResponse::NotAcceptable(), &from_issues(vec![issue]));
        return Ok(request.into_response(refusal).map_into_boxed_body());
    };
    request.extensions_mut().insert(BodyType(MEDIA_TYPE));
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(kind) = response.headers_mut().get_mut(CONTENT_TYPE)
        && kind == MEDIA_TYPE
    {
        *kind = HeaderValue::from_static(media_type);
    }
    Ok(response)
}

/// Replaces the problem of a FHIR request by an `OperationOutcome` with the same status and headers.
pub(in crate::http) async fn outcomes(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let fhir = request.path().strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match next.call(request).await {
        Ok(response) if fhir => {
            let (request, response) = response.map_into_boxed_body().into_parts();
            let response = with_outcome(response, || wanted(&request).unwrap_or(MEDIA_TYPE));
            Ok(ServiceResponse::new(request, response))
        }
        Ok(response) => Ok(response.map_into_boxed_body()),
        Err(error) if fhir => {
            let response = with_outcome(error.error_response(), || MEDIA_TYPE);
            Err(InternalError::from_response("refused", response).into())
        }
        Err(error) => Err(error),
    }
}

fn with_outcome(mut response: HttpResponse, media_type: impl FnOnce() -> &'static str) -> HttpResponse {
    let kept = response.extensions_mut().remove::<Problem>();
    let Some(problem) = kept else { return response };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type()));
    // Serializing an outcome does not fail.
    let body = serde_json::to_vec(&outcome(&problem)).unwrap_or_default();
    response.set_body(BoxBody::new(body))
}

/// The media type to answer with. `_format` overrides the header, as FHIR specifies.
fn wanted(request: &HttpRequest) -> Option<&'static str> {
    // The caller is not authenticated yet, so no other parameter is parsed.
    let asked = request.query_string().split('&').find_map(|pair| pair.strip_prefix("_format="));
    if let Some((format, _)) = asked.and_then(|value| form_urlencoded::parse(value.as_bytes()).next()) {
        // A plus sign that was not encoded has become a space.
        return named(if format == "json" { MEDIA_TYPE } else { &format });
    }
    if !request.headers().contains_key(ACCEPT) {
        return Some(MEDIA_TYPE);
    }
    // Also called for a head that was refused as too large.
    if request.headers().get_all(ACCEPT).map(HeaderValue::len).sum::<usize>() > LIST_LIMIT {
        return None;
    }
    let accepted = Accept::parse(request).ok()?;
    let mut readable = accepted.iter().filter(|one| one.quality > Quality::ZERO);
    let any = accepted.is_empty();
    readable.find_map(|one| named(one.item.essence_str())).or_else(|| any.then_some(MEDIA_TYPE))
}

fn named(media_type: &str) -> Option<&'static str> {
    match &*media_type.to_ascii_lowercase() {
        // Clients still list the name of FHIR before R3, `application/json+fhir`.
        "*/*"
        | "application/*"
        | "application/fhir+json"
        | "application/fhir json"
        | "application/json+fhir"
        | "application/json fhir" => Some(MEDIA_TYPE),
        "application/json" => Some(JSON),
        _ => None,
    }
}
