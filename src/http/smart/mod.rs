//! SMART backend services (SMART App Launch 2.2): discovery and the token endpoint. A system gets a short-lived access token for
//! the FHIR facade with an assertion that it signs itself. These routes are not part of the OpenAPI document: the specification is
//! their contract. They exist only with a public URL, because an assertion names the token endpoint as its audience.

mod token;

use std::future::ready;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, Route, web};
use serde_json::json;

use crate::app::access::tokens::backend::TOKEN_PATH;
use crate::app::error::AppError;
use crate::domain::access::scope::supported;
use crate::domain::access::token::TokenAlgorithm;
use crate::domain::language::Language;
use crate::http::kernel::fixed::{self, JSON};
use crate::http::kernel::problem::Problem;
use crate::http::kernel::state::State;

/// The path of discovery, below the base URL of the FHIR facade.
pub(super) const CONFIGURATION: &str = "/fhir/.well-known/smart-configuration";

/// Registers the routes.
pub(super) fn services(config: &mut web::ServiceConfig) {
    let service = |path: &str, method: &'static str, route: Route| {
        let refused = move || ready(Err::<HttpResponse, _>(Problem::method_not_allowed(method)));
        web::resource(path.to_owned()).route(route).default_service(web::to(refused))
    };
    config.service(service(CONFIGURATION, "GET", web::get().to(get_configuration))).service(service(
        TOKEN_PATH,
        "POST",
        web::post().to(token::create_token),
    ));
}

/// Discovery: where tokens are issued, and to whom. It needs no key.
async fn get_configuration(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let endpoint = state.app.token_endpoint().ok_or(AppError::NotFound)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "public, max-age=300"));
    let body = state.public.body(CONFIGURATION, "", Language::default());
    body.answer(&request, response, JSON, || fixed::json(&configuration(endpoint)))
}

fn configuration(endpoint: &str) -> serde_json::Value {
    json!({
        "token_endpoint": endpoint,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": TokenAlgorithm::ALL.map(TokenAlgorithm::as_str),
        "scopes_supported": supported().into_iter().map(|(scope, _)| scope).collect::<Vec<_>>(),
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    })
}
