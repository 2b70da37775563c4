//! Calls from web pages of other origins (CORS). Operations that need no key or a browser key are open to every origin: browsers
//! do not send a key automatically, unlike a cookie, and sign-in checks the origin of a browser key. The other operations are
//! open to the origins in the operator's setting.

use actix_cors::{Cors, CorsError};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _, web};

use super::fallback::matches;
use super::json_response::REPLAYED;
use super::problem::{Problem, ProblemType};
use super::rate;
use super::request_id::REQUEST_ID;
use super::state::State;

/// Headers that a page may send in addition to those that browsers always allow. The service ignores the headers of tracing
/// libraries, but pages that send them must work too.
const SENT: [&str; 16] = [
    "accept",
    "accept-language",
    "authorization",
    "baggage",
    "cache-control",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-exist",
    "if-none-match",
    "pragma",
    "prefer",
    "sentry-trace",
    "traceparent",
    "tracestate",
    REQUEST_ID,
];
const READ: [&str; 10] = [
    "deprecation",
    "etag",
    "link",
    "location",
    "retry-after",
    "sunset",
    rate::POLICY,
    rate::LEFT,
    REPLAYED,
    REQUEST_ID,
];
/// Hosts of pages during development.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// How long a browser caches a preflight, seconds.
const REMEMBERED: usize = 600;

pub(in crate::http) fn layer(state: &web::Data<State>) -> Cors {
    let state = state.clone();
    Cors::default()
        .allowed_origin_fn(move |origin, head| allowed(&state, origin, head))
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED)
}

/// Adds to the response to a refused preflight what must be changed.
pub(in crate::http) async fn explain(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let Some(error) = response.response().error().and_then(|error| error.as_error::<CorsError>()) else {
        return Ok(response);
    };
    let problem = match error {
        CorsError::OriginNotAllowed => Problem::new(
            ProblemType::OriginNotAllowed,
            "pages of this origin may not call this operation; the operator allows an origin with SARCOSCREEN_CORS_ORIGINS, or \
             --cors-origins",
        ),
        CorsError::HeadersNotAllowed => {
            let detail = format!("a page may send these headers: {}", SENT.join(", "));
            Problem::new(ProblemType::MalformedRequest, detail)
        }
        other => Problem::new(ProblemType::MalformedRequest, other.to_string()),
    };
    Ok(response.into_response(problem.error_response()))
}

fn allowed(state: &State, origin: &HeaderValue, head: &RequestHead) -> bool {
    let asked = head.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).filter(|_| head.method == Method::OPTIONS);
    let method = asked.map_or(head.method.as_str(), |method| method.to_str().unwrap_or_default());
    let path = head.uri.path();
    let open = &state.document.open_to_pages;
    open.iter().any(|(one, template)| *one == method && matches(template, path)) || is_known(state, origin)
}

/// Whether the pages of an origin may call every operation. The service's own pages may, because browsers send an origin for them
/// too.
pub(in crate::http) fn is_known(state: &State, origin: &HeaderValue) -> bool {
    let (Ok(origin), settings) = (origin.to_str(), &state.settings) else { return false };
    let own = settings.public_url.as_deref() == Some(origin);
    own || settings.cors_origins.iter().any(|one| one == origin) || settings.cors_local && is_local(origin)
}

/// Whether a page of this origin is served by this machine.
pub(in crate::http) fn is_local(origin: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let of_a_page = matches!(origin.scheme_str(), Some("http" | "https"));
    of_a_page && origin.host().is_some_and(|host| LOCAL.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_local_hosts_are_local() {
        for origin in ["http://localhost:5173", "http://localhost", "http://127.0.0.1:8080", "http://[::1]:3000"] {
            assert!(is_local(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "capacitor://localhost",
            "ionic://localhost",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "https://clinic.example",
        ] {
            assert!(!is_local(origin), "{origin}");
        }
    }
}
