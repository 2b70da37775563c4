//! What no route takes: 405 with `Allow` for a path of the document, 404 for any other.

use actix_web::{HttpRequest, web};

use super::State;
use super::problem::{Problem, ProblemType};

/// Answers a request that no route took.
///
/// # Errors
/// Always: 405 or 404.
pub(super) async fn fallback(request: HttpRequest, state: web::Data<State>) -> Result<&'static str, Problem> {
    let path = request.path();
    let matching = state.document.paths.iter().find(|known| matches(&known.template, path));
    Err(match matching {
        Some(known) => Problem::method_not_allowed(&known.methods.join(", ")),
        None => Problem::new(ProblemType::NotFound, "there is no such path; GET /openapi.json lists them"),
    })
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
