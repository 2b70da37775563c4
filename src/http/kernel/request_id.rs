//! The id of a request, available to its task.

use uuid::Uuid;

/// The request and response header of the request id.
pub(in crate::http) const REQUEST_ID: &str = "x-request-id";

tokio::task_local! {
    static CURRENT: Uuid;
}

/// Id of the current request, as text; empty outside a request.
pub(in crate::http) fn current_request_id() -> String {
    request_id().map(|id| id.to_string()).unwrap_or_default()
}

pub(in crate::http) fn request_id() -> Option<Uuid> {
    CURRENT.try_with(|id| *id).ok()
}

/// Runs work as part of the request with this id, including work that continues while the response is sent.
pub(in crate::http) fn in_request<F: Future>(id: Uuid, work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(id, work)
}
