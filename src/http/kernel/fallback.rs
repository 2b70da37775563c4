//! Requests that no route handles: 405 with `Allow` for a path of the OpenAPI document, 404 for any other.

use actix_web::{HttpRequest, web};

use super::problem::{Problem, ProblemType};
use super::state::State;

pub(in crate::http) async fn fallback(request: HttpRequest, state: web::Data<State>) -> Result<&'static str, Problem> {
    let path = request.path();
    let matching = state.document.paths.iter().find(|known| matches(&known.template, path));
    Err(literal(&state, path).unwrap_or_else(|| match matching {
        Some(known) => Problem::method_not_allowed(&known.methods.join(", ")),
        None => Problem::new(ProblemType::NotFound, "unknown path; GET /openapi.json lists all paths"),
    }))
}

/// 405 for a documented path without parameters, even if a route with a parameter matched: `GET /v1/follow-ups/next` is not a
/// read of a follow-up with the id `next`.
pub(in crate::http) fn literal(state: &State, path: &str) -> Option<Problem> {
    let known = state.document.paths.iter().find(|known| known.template == path)?;
    Some(Problem::method_not_allowed(&known.methods.join(", ")))
}

/// Whether a path is one of a template; a segment in braces matches any text.
pub(in crate::http) fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
