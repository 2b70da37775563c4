//! The token endpoint. Its errors have the form of OAuth (RFC 6749, section 5.2), which clients of it read.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::BytesMut;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use futures_util::StreamExt as _;
use serde_json::json;

use crate::app::access::sign_in::backend::{Granted, TokenRefusal, TokenRequest, issue};
use crate::app::error::AppError;
use crate::http::kernel::address;
use crate::http::kernel::body::declared_as;
use crate::http::kernel::problem::{Problem, ProblemType};
use crate::http::kernel::request_id::request_id;
use crate::http::kernel::state::State;

/// Maximum body of a request, bytes: an assertion, scopes, and the names of the parameters.
const LIMIT: usize = 12 * 1024;

/// Issues an access token for the assertion of a system.
pub(super) async fn create_token(
    request: HttpRequest,
    state: web::Data<State>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    if state.app.token_endpoint().is_none() {
        return Err(AppError::NotFound.into());
    }
    declared_as(&request, "application/x-www-form-urlencoded")?;
    let late = |_| Problem::new(ProblemType::RequestTimeout, "the body did not arrive in time");
    let arrived = tokio::time::timeout(state.settings.read_deadline, arrive(payload)).await;
    let bytes = arrived.map_err(late)??;
    let Some(parameters) = parameters(&bytes) else {
        return Ok(answer(Err(TokenRefusal::InvalidRequest("send each parameter once"))));
    };
    let parameter = |name: &str| parameters.get(name).map(String::as_str);
    let wanted = TokenRequest {
        grant_type: parameter("grant_type"),
        assertion_type: parameter("client_assertion_type"),
        assertion: parameter("client_assertion"),
        scope: parameter("scope"),
        address: address::client(&request, &state.settings.trusted_proxies),
        request_id: request_id(),
    };
    Ok(answer(issue(&state.app, wanted).await))
}

/// Reads the body. The caller is not known yet, so the limit is low.
async fn arrive(mut payload: web::Payload) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(ProblemType::MalformedRequest, "the body is incomplete"))?;
        if bytes.len() + chunk.len() > LIMIT {
            return Err(Problem::new(ProblemType::BodyTooLarge, format!("at most {LIMIT} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The parameters of a form; `None` if one is repeated.
fn parameters(form: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(form) {
        if found.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(found)
}

fn answer(outcome: Result<Granted, TokenRefusal>) -> HttpResponse {
    let refusal = match outcome {
        Ok(Granted { token, scope, lifetime }) => {
            let body = json!({
                "access_token": token,
                "token_type": "bearer",
                "expires_in": lifetime.as_secs(),
                "scope": scope,
            });
            return HttpResponse::Ok().insert_header(("pragma", "no-cache")).json(body);
        }
        Err(refusal) => refusal,
    };
    let (status, code, description) = match refusal {
        TokenRefusal::InvalidRequest(detail) => (StatusCode::BAD_REQUEST, "invalid_request", detail.to_owned()),
        TokenRefusal::UnsupportedGrantType => {
            (StatusCode::BAD_REQUEST, "unsupported_grant_type", "send grant_type=client_credentials".to_owned())
        }
        TokenRefusal::InvalidScope => (
            StatusCode::BAD_REQUEST,
            "invalid_scope",
            "send scopes of smart-configuration that the role of the credential allows, separated by spaces".to_owned(),
        ),
        TokenRefusal::InvalidClient => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "send a new assertion, signed with a registered key, whose iss and sub are the client id, whose aud is the token \
             endpoint, whose exp is at most five minutes ahead, and whose jti was not used before"
                .to_owned(),
        ),
        TokenRefusal::Other(error) => return failure(error),
    };
    // No `WWW-Authenticate`: a client authenticates in the body, and libraries take the header for a refused access token.
    HttpResponse::build(status).json(json!({"error": code, "error_description": description}))
}

/// A refusal that has no code of its own in OAuth, with the status and the delay of its problem.
fn failure(error: AppError) -> HttpResponse {
    let problem = Problem::from(error);
    let rendered = problem.error_response();
    let mut response = HttpResponse::build(problem.status_code());
    if let Some(delay) = rendered.headers().get(RETRY_AFTER) {
        response.insert_header((RETRY_AFTER, delay.clone()));
    }
    let code = if problem.status_code().is_server_error() { "server_error" } else { "unauthorized_client" };
    response.json(json!({"error": code, "error_description": problem.body().detail}))
}
