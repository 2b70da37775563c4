//! Requests that no route handles: 404 for an unknown type, 405 for an unsupported interaction.

use actix_web::HttpRequest;

use super::INTERACTIONS;
use crate::http::kernel::problem::{Problem, ProblemType};

/// Answers a request that no route handles.
///
/// # Errors
/// Always fails, with 405 or 404.
pub(super) async fn fallback(request: HttpRequest) -> Result<&'static str, Problem> {
    let path: Vec<&str> = request.path().split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let same = |(wanted, given): (&&str, &&str)| wanted == given || (wanted.starts_with('{') && !given.is_empty());
        wanted.len() == path.len() && wanted.iter().zip(&path).all(same)
    };
    let methods: Vec<&str> = INTERACTIONS.iter().filter(|one| fits(one.path)).map(|one| one.method).collect();
    if !methods.is_empty() {
        return Err(Problem::method_not_allowed(&methods.join(", ")));
    }
    let served = |one: &super::Interaction| path.len() > 2 && one.path.split('/').nth(2) == Some(path[2]);
    Err(match INTERACTIONS.iter().find(|one| served(one)) {
        Some(_) => Problem::new(
            ProblemType::NotFound,
            "this type does not support this interaction; GET /fhir/metadata lists them",
        ),
        None => Problem::new(ProblemType::NotFound, "this type is not served; GET /fhir/metadata lists the types"),
    })
}
