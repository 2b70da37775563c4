//! The scope that each request needs of an access token (SMART backend services).

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};

use crate::domain::access::scope::{Need, Permission};
use crate::http::kernel::auth::ScopeNeed;

/// Notes the scope that the request needs, for sign-in.
pub(super) async fn note(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let need = need(request.method(), request.path());
    request.extensions_mut().insert(ScopeNeed(need));
    next.call(request).await
}

/// The permission for the type in the path. An operation computes from data that it reads, and stores nothing.
fn need(method: &Method, path: &str) -> Need {
    let mut parts = path.split('/').skip(2);
    let kind = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let permission = match (method.as_str(), &rest[..]) {
        _ if kind.is_empty() => None,
        (_, [.., last]) if last.starts_with('$') => Some(Permission::Read),
        ("GET", []) | ("POST", ["_search"]) => Some(Permission::Search),
        ("GET", _) => Some(Permission::Read),
        ("POST", _) => Some(Permission::Create),
        _ => Some(Permission::Update),
    };
    Need { kind: kind.to_owned(), permission }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_needs_the_permission_of_its_interaction() {
        for (method, path, scope) in [
            (Method::GET, "/fhir/Task", "system/Task.s"),
            (Method::POST, "/fhir/Task/_search", "system/Task.s"),
            (Method::GET, "/fhir/Task/1", "system/Task.r"),
            (Method::GET, "/fhir/Task/1/_history/2", "system/Task.r"),
            (Method::PUT, "/fhir/Task/1", "system/Task.u"),
            (Method::POST, "/fhir/QuestionnaireResponse", "system/QuestionnaireResponse.c"),
            (Method::POST, "/fhir/QuestionnaireResponse/1/$extract", "system/QuestionnaireResponse.r"),
            (Method::POST, "/fhir/Questionnaire/$populate", "system/Questionnaire.r"),
        ] {
            assert_eq!(need(&method, path).to_string(), scope, "{method} {path}");
        }
        assert_eq!(need(&Method::POST, "/fhir").permission, None);
        assert_eq!(need(&Method::POST, "/fhir/").permission, None);
    }
}
