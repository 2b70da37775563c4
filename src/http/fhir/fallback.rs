//! Requests that no route handles: 404 for an unknown type, 405 for an unsupported interaction.

use actix_web::HttpRequest;

use super::INTERACTIONS;
use crate::http::kernel::fallback::matches;
use crate::http::kernel::problem::{Problem, ProblemType};

/// Answers a request that no route handles.
///
/// # Errors
/// Always fails, with 405 or 404.
pub(super) async fn fallback(request: HttpRequest) -> Result<&'static str, Problem> {
    let path = request.path();
    let supported = INTERACTIONS.iter().filter(|one| matches(one.path, path));
    let methods: Vec<&str> = supported.map(|one| one.method.as_str()).collect();
    if !methods.is_empty() {
        return Err(Problem::method_not_allowed(&methods.join(", ")));
    }
    let kind = path.split('/').nth(2);
    let served = kind.is_some() && INTERACTIONS.iter().any(|one| one.resource_type() == kind);
    let detail = if served {
        "this type does not support this interaction; GET /fhir/metadata lists them"
    } else {
        "this type is not served; GET /fhir/metadata lists the types"
    };
    Err(Problem::new(ProblemType::NotFound, detail))
}
