//! Access tokens for systems (SMART backend services): a system sends an assertion that it signed itself, and gets a token for a
//! few minutes. An assertion is valid once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Found, SignedIn, failed, working};
use crate::app::access::actor;
use crate::app::access::limits::{Budget, Exceeded};
use crate::app::access::tokens::TOKEN_LENGTH;
use crate::app::access::tokens::access_token::AccessToken;
use crate::app::access::tokens::backend::{BackendClients, claimed};
use crate::app::ambient::after;
use crate::app::{App, AppError, Result};
use crate::domain::access::credential::Credential;
use crate::domain::access::scope::Scopes;
use crate::store::access::{clients, used_tokens};

/// The lifetime of an access token.
const LIFETIME: Duration = Duration::from_mins(5);
const GRANT: &str = "client_credentials";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A request for an access token, with the parameters that were sent.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    pub grant_type: Option<&'a str>,
    pub assertion_type: Option<&'a str>,
    pub assertion: Option<&'a str>,
    pub scope: Option<&'a str>,
    pub address: IpAddr,
    pub request_id: Option<Uuid>,
}

#[derive(Clone, Debug)]
pub struct Granted {
    pub token: String,
    /// The scopes of the token, which may be fewer than requested.
    pub scope: String,
    pub lifetime: Duration,
}

/// Why no token is issued (RFC 6749, section 5.2).
#[derive(Debug)]
pub enum TokenRefusal {
    /// A parameter is missing or wrong; the text says what to send.
    InvalidRequest(&'static str),
    UnsupportedGrantType,
    /// The assertion is refused. The log has the reason.
    InvalidClient,
    /// None of the requested scopes can be granted.
    InvalidScope,
    /// Tokens are not issued, too many requests, or a failure of this service.
    Other(AppError),
}

/// Issues an access token. The assertion is used up only if every other check passes.
pub async fn issue(app: &App, request: TokenRequest<'_>) -> Result<Granted, TokenRefusal> {
    let backend = app.backend_clients.as_ref().ok_or(TokenRefusal::Other(AppError::NotFound))?;
    match request.grant_type {
        Some(GRANT) => {}
        Some(_) => return Err(TokenRefusal::UnsupportedGrantType),
        None => return Err(TokenRefusal::InvalidRequest("send grant_type=client_credentials")),
    }
    if request.assertion_type != Some(ASSERTION) {
        let detail = "send client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        return Err(TokenRefusal::InvalidRequest(detail));
    }
    let assertion = request.assertion.filter(|assertion| assertion.len() <= TOKEN_LENGTH);
    let assertion = assertion.ok_or(TokenRefusal::InvalidRequest("send one signed JWT as client_assertion"))?;
    match granted(app, backend, assertion, request).await {
        Err(TokenRefusal::Other(error)) => match failed(app, request.address, true, error) {
            AppError::NotSignedIn(_) => Err(TokenRefusal::InvalidClient),
            other => Err(TokenRefusal::Other(other)),
        },
        other => other,
    }
}

async fn granted(
    app: &App,
    backend: &BackendClients,
    assertion: &str,
    request: TokenRequest<'_>,
) -> Result<Granted, TokenRefusal> {
    let refused = |reason: &'static str| {
        tracing::info!(reason, "a system's assertion was refused");
        TokenRefusal::Other(AppError::NotSignedIn(None))
    };
    let client = claimed(assertion).ok_or_else(|| refused("issuer"))?;
    let known = {
        let _turn = backend.turn().await.map_err(TokenRefusal::Other)?;
        clients::find(&app.store, client).await.map_err(|error| TokenRefusal::Other(error.into()))?
    };
    let (found, keys) = known.ok_or_else(|| refused("unknown client"))?;
    let verified = backend.verify(client, &keys, assertion).await.map_err(TokenRefusal::Other)?;
    let call = verified.map_err(refused)?;
    let found = working(app, Arc::new(found)).map_err(TokenRefusal::Other)?;
    let actor = actor(&found.credential, request.request_id);
    if let Err(Exceeded { wait, .. }) = app.limits.count(&actor, request.address, Budget::Scores) {
        return Err(TokenRefusal::Other(AppError::Limited { retry_after: wait }));
    }
    let scopes = Scopes::parse(request.scope.unwrap_or_default()).for_role(actor.role);
    if scopes.is_empty() {
        return Err(TokenRefusal::InvalidScope);
    }
    let Credential { clinic_id, credential_id, .. } = found.credential;
    let issuer = client.to_string();
    let unused = used_tokens::use_up(&app.store, clinic_id, (&issuer, &call.id), call.until).await;
    if !unused.map_err(|error| TokenRefusal::Other(error.into()))? {
        tracing::info!(reason = "replayed", "a system's assertion was refused");
        return Err(TokenRefusal::Other(AppError::NotSignedIn(Some((clinic_id, credential_id)))));
    }
    let token = AccessToken { client, until: after(app.ambient.now(), LIFETIME), scopes };
    let text = token.sign(&app.store).map_err(TokenRefusal::Other)?;
    Ok(Granted { token: text, scope: token.scopes.to_string(), lifetime: LIFETIME })
}

/// Finds the system of an access token, and checks that both work now.
pub(super) async fn signed_in(app: &App, bearer: &str) -> Result<SignedIn> {
    let token = AccessToken::read(&app.store, bearer).ok_or(AppError::NotSignedIn(None))?;
    let AccessToken { client, until, scopes } = token;
    let look_up = async {
        let found = clients::find(&app.store, client).await?;
        let (found, _) = found.ok_or(AppError::NotSignedIn(None))?;
        Ok::<_, AppError>(Arc::new(Found { until: Some(until), ..found }))
    };
    let hash = app.store.credential_hash(bearer);
    let found = app.remembered.tokens.try_get_with(hash, look_up).await.map_err(AppError::shared)?;
    Ok(SignedIn { found: working(app, found)?, scopes: Some(scopes) })
}
