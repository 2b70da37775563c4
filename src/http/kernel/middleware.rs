//! Wraps every request: request id, span, headers, and a problem response even after a panic.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError, web};
use futures_util::{FutureExt, Stream};
use metrics::histogram;
use tracing::Instrument;
use uuid::Uuid;

use super::answer::Answer;
use super::connections::{CHUNKED, Connection, UnderWay};
use super::problem::{Problem, ProblemType};
use super::rate::Counted;
use super::relay::relayed;
use super::request_id::{Current, REQUEST_ID, in_request};
use super::state::State;
use super::unread::{self, Held, until_sent};
use crate::app::ambient::new_id;
use crate::domain::access::actor::Actor;

/// Gives the request an id and a span, and sets the headers of every response. The span holds the route template, never the
/// actual path.
pub async fn envelope(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = incoming_id(request.headers()).or_else(|| fresh_id(&request)).unwrap_or_default();
    let accept_language = request.headers().get_all(ACCEPT_LANGUAGE).cloned().collect();
    let state = request.app_data::<web::Data<State>>();
    let public_url = state.and_then(|state| state.settings.public_url.clone());
    let current = Current { id, accept_language, public_url };
    let method = request.method().as_str().to_owned();
    if request.method() == Method::HEAD {
        // Handled as GET; the connection does not send the body of a HEAD response.
        request.head_mut().method = Method::GET;
    }
    let held = unread::hold(&mut request);
    let under_way = begun(&mut request);
    let span = tracing::info_span!("request", %id, method);
    let start = Instant::now();
    let work = async move {
        match next.call(request).await {
            Ok(response) => {
                let mut response = response.map_into_boxed_body();
                let state = response.request().app_data::<web::Data<State>>();
                // Clients must reconnect to another instance.
                if state.is_some_and(|state| state.app.stopping()) {
                    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                }
                log(response.request().match_pattern(), response.status(), start);
                let counted = response.request().extensions().get::<Counted>().copied();
                if let Some(counted) = counted {
                    counted.tell(response.headers_mut());
                }
                finish(response.headers_mut(), id);
                Ok(on_its_way(response.map_body(|_, body| until_sent(held, body)), under_way))
            }
            Err(error) => Err(finished(error.error_response(), id, start, held)),
        }
    };
    relayed(in_request(current, work.instrument(span))).await
}

/// Renders panics and framework errors as problems.
pub async fn problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The request must not be cloned, because the router must hold the only reference to it.
    let Ok(response) = AssertUnwindSafe(next.call(request)).catch_unwind().await else {
        tracing::error!("a handler panicked");
        return Err(Problem::new(ProblemType::Internal, "search the log for the request id").into());
    };
    Ok(translated(response?.map_into_boxed_body()))
}

/// Registers the request with its connection, including the end of a body of unknown length.
fn begun(request: &mut ServiceRequest) -> Option<UnderWay> {
    let connection = Arc::clone(request.request().conn_data::<Arc<Connection>>()?);
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let has_body = !matches!(request.parts_mut().1, Payload::None);
    let body = if has_body { length.unwrap_or(CHUNKED) } else { 0 };
    let under_way = connection.begin(body);
    if body == CHUNKED {
        let payload = request.take_payload();
        request.set_payload(Payload::Stream { payload: Box::pin(Arriving { payload, connection }) });
    }
    Some(under_way)
}

/// A body of unknown length, which notifies its connection when it ends or is dropped.
struct Arriving {
    payload: Payload,
    connection: Arc<Connection>,
}

impl Stream for Arriving {
    type Item = <Payload as Stream>::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.payload).poll_next(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.connection.body_ended();
        }
        polled
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.connection.body_ended();
    }
}

/// A request ends with the last byte of its response. Buffered bytes count toward the caller's share.
fn on_its_way(response: ServiceResponse<BoxBody>, under_way: Option<UnderWay>) -> ServiceResponse<BoxBody> {
    if matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0)) {
        return response;
    }
    let caller = response.request().extensions().get::<Actor>().map(|actor| actor.credential_id);
    let state = response.request().app_data::<web::Data<State>>();
    let share = state.zip(caller).map(|(state, caller)| state.waiting.share(caller));
    response.map_body(|_, body| BoxBody::new(Answer::new(body, share, under_way)))
}

/// Turns a response without its request into an error, the only form in which the framework accepts it.
fn finished(mut response: HttpResponse, id: Uuid, start: Instant, held: Option<Held>) -> Error {
    log(None, response.status(), start);
    finish(response.headers_mut(), id);
    let response = response.map_body(|_, body| until_sent(held, body));
    InternalError::from_response("answered", response).into()
}

fn log(route: Option<String>, status: StatusCode, start: Instant) {
    let route = route.unwrap_or_else(|| "none".to_owned());
    tracing::info!(route, status = status.as_u16(), "answered");
    histogram!("sarcoscreen_http_seconds", "route" => route, "status" => status.as_str().to_owned())
        .record(start.elapsed());
}

/// Renders an error of the framework, such as for an unreadable header, as a problem. The framework's errors are plain text
/// or empty; those of the service are JSON.
fn translated(response: ServiceResponse) -> ServiceResponse {
    let status = response.status();
    let plain = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/plain");
    let foreign = response.headers().get(CONTENT_TYPE).is_none_or(plain);
    if !foreign || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let kind = match status {
        StatusCode::NOT_FOUND => ProblemType::NotFound,
        StatusCode::REQUEST_TIMEOUT => ProblemType::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => ProblemType::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemType::UnsupportedMediaType,
        status if status.is_server_error() => ProblemType::Internal,
        _ => ProblemType::MalformedRequest,
    };
    response.into_response(Problem::new(kind, "the request cannot be processed").error_response())
}

fn incoming_id(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(REQUEST_ID)?.to_str().ok()?.parse().ok()
}

fn fresh_id(request: &ServiceRequest) -> Option<Uuid> {
    let ambient = &*request.app_data::<web::Data<State>>()?.app.ambient;
    new_id(ambient, ambient.now()).ok()
}

fn finish(headers: &mut HeaderMap, id: Uuid) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
    let defaults = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-site"),
        // Health data must not be cached anywhere; public responses set their own header.
        ("cache-control", "no-store"),
    ];
    for (name, value) in defaults {
        let name = HeaderName::from_static(name);
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
