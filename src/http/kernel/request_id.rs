//! The id and the languages of a request, available to its task.

use actix_web::http::header::{AcceptLanguage, HeaderValue, Quality, from_comma_delimited};
use uuid::Uuid;

use crate::domain::language::Language;

/// The request and response header of the request id.
pub(in crate::http) const REQUEST_ID: &str = "x-request-id";

/// What the rendering of a response needs of its request.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Current {
    pub(in crate::http) id: Uuid,
    /// The headers `Accept-Language`. They are parsed only if a fault is rendered, so that a refusal stays cheap.
    pub(in crate::http) accept_language: Vec<HeaderValue>,
    /// The public URL in the operator's settings, which canonical URLs start with.
    pub(in crate::http) public_url: Option<String>,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// Id of the current request, as text; empty outside a request.
pub(in crate::http) fn current_request_id() -> String {
    request_id().map(|id| id.to_string()).unwrap_or_default()
}

pub(in crate::http) fn request_id() -> Option<Uuid> {
    CURRENT.try_with(|current| current.id).ok()
}

/// The best accepted language of the current request that has texts, or English.
pub(in crate::http) fn asked_language() -> Language {
    let best = |current: &Current| best_languages(current.accept_language.iter()).first().copied();
    CURRENT.try_with(best).ok().flatten().unwrap_or_default()
}

/// The public URL of the service, without a path; `None` if it has none, and outside a request.
pub(in crate::http) fn public_url() -> Option<String> {
    CURRENT.try_with(|current| current.public_url.clone()).ok().flatten()
}

/// The current request; the default outside a request.
pub(in crate::http) fn current() -> Current {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Runs work as part of a request, including work that continues while the response is sent.
pub(in crate::http) fn in_request<F: Future>(current: Current, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(current, work)
}

/// The languages of headers `Accept-Language` that have texts, best first; empty if a header cannot be read.
pub(in crate::http) fn best_languages<'a>(headers: impl Iterator<Item = &'a HeaderValue> + 'a) -> Vec<Language> {
    let Ok(mut accepted) = from_comma_delimited(headers).map(AcceptLanguage) else { return Vec::new() };
    // Weight 0 means not acceptable (RFC 9110, section 12.4.2).
    accepted.0.retain(|language| language.quality > Quality::ZERO);
    accepted.ranked().iter().filter_map(|language| Language::from_tag(&language.to_string())).collect()
}
