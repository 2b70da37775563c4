//! Content negotiation: FHIR JSON, or JSON under its plain media type. No other format is supported.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, Accept, CONTENT_TYPE, Header, HeaderValue, Quality};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

use super::MEDIA_TYPE;
use super::outcome::{Issue, of};

const JSON: &str = "application/json";

/// Answers 406 if the client accepts neither; otherwise uses the media type that the client asked for.
///
/// # Errors
/// Passes on errors of the rest of the service.
pub(super) async fn negotiate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(media_type) = wanted(&request) else {
        let issue = Issue {
            severity: "error",
            code: "processing",
            diagnostics: Some(format!("this service responds with {MEDIA_TYPE} or {JSON}")),
            ..Issue::default()
        };
        let refusal = HttpResponse::build(StatusCode::NOT_ACCEPTABLE).content_type(MEDIA_TYPE).json(of(vec![issue]));
        return Ok(request.into_response(refusal).map_into_boxed_body());
    };
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(kind) = response.headers_mut().get_mut(CONTENT_TYPE)
        && kind == MEDIA_TYPE
    {
        *kind = HeaderValue::from_static(media_type);
    }
    Ok(response)
}

/// The media type to answer with. `_format` overrides the header, as FHIR specifies.
fn wanted(request: &ServiceRequest) -> Option<&'static str> {
    // The caller is not authenticated yet, so no other parameter is parsed.
    let asked = request.query_string().split('&').find_map(|pair| pair.strip_prefix("_format="));
    if let Some((format, _)) = asked.and_then(|value| form_urlencoded::parse(value.as_bytes()).next()) {
        // A plus sign that was not encoded has become a space.
        return named(if format == "json" { MEDIA_TYPE } else { &format });
    }
    if !request.headers().contains_key(ACCEPT) {
        return Some(MEDIA_TYPE);
    }
    let accepted = Accept::parse(request).ok()?;
    let mut readable = accepted.iter().filter(|one| one.quality > Quality::ZERO);
    let any = accepted.is_empty();
    readable.find_map(|one| named(one.item.essence_str())).or_else(|| any.then_some(MEDIA_TYPE))
}

fn named(media_type: &str) -> Option<&'static str> {
    match &*media_type.to_ascii_lowercase() {
        "*/*" | "application/*" | "application/fhir+json" | "application/fhir json" => Some(MEDIA_TYPE),
        "application/json" => Some(JSON),
        _ => None,
    }
}
