//! Sign-in: [`admit`] is the only entry for keys, for tokens of people, for tokens of record systems and for access tokens, which
//! [`backend`] issues; [`web_form::admit`] is that for the clinics' own web forms. Caches are so short-lived that a revocation takes
//! effect within five seconds. [`sessions`] admits the cookies of the web pages by the same rules; only pages read them.

pub mod at_issuer;
pub mod backend;
mod keys;
pub(in crate::app) mod remembered;
pub mod sessions;
pub mod web_form;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::limits::{Budget, Exceeded, RateStatus};
use super::tokens::access_token;
use super::{actor, token_people, tokens::TOKEN_LENGTH, tokens::clients::Call};
use crate::app::audit::refusal_counts::{Kind, Refusal};
use crate::app::{App, AppError, Result, audit::folding};
use crate::domain::access::actor::{Actor, Role};
use crate::domain::access::scope::{Need, Scopes};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::ids::{ClinicId, CredentialId};
use crate::domain::{access::credential::Credential, clinics::Clinic};
use crate::store::{access::credentials::SignedIn as Found, access::used_tokens};

#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The key or token; `None` if the request has none, or several.
    pub bearer: Option<&'a str>,
    pub address: IpAddr,
    /// The web origin of the page that sends the request.
    pub origin: Option<&'a str>,
    /// Whether the operator allows that origin for every operation.
    pub origin_is_known: bool,
    /// The path of an endpoint that accepts tokens of record systems; `None` for other endpoints.
    pub endpoint: Option<&'a str>,
    /// The scope that an access token must have; `None` for endpoints that accept no access tokens.
    pub need: Option<&'a Need>,
    /// The lowest role that is allowed.
    pub least: Role,
    /// The budget of the visitor's address that the request counts against.
    pub budget: Budget,
    pub request_id: Option<Uuid>,
}

#[derive(Debug)]
pub struct Admission {
    /// The caller, if the credential works; also set if the request is refused after that.
    pub actor: Option<Actor>,
    /// The caller's limits, if the request was counted.
    pub rate_status: Option<RateStatus>,
    pub outcome: Result<SignedIn>,
}

impl Admission {
    /// The answer to a request without a working credential.
    fn failed(error: AppError) -> Self {
        Self { actor: None, rate_status: None, outcome: Err(error) }
    }
}

/// A caller whose key or token works.
#[derive(Clone, Debug)]
pub struct SignedIn {
    found: Arc<Found>,
    /// The scopes of an access token; `None` for a key or another token, which the role alone limits.
    scopes: Option<Scopes>,
}

impl SignedIn {
    pub fn actor(&self, request_id: Option<Uuid>) -> Actor {
        actor(&self.found.credential, request_id)
    }

    pub fn credential(&self) -> &Credential {
        &self.found.credential
    }

    pub fn clinic(&self) -> &Clinic {
        &self.found.clinic
    }

    fn whole(found: Arc<Found>) -> Self {
        Self { found, scopes: None }
    }

    /// The scope that is missing for the request.
    fn missing<'a>(&self, attempt: &Attempt<'a>) -> Option<&'a Need> {
        let scopes = self.scopes.as_ref()?;
        attempt.need.filter(|need| !scopes.permit(need))
    }

    /// Whether the request may come from its web origin. A browser key without origins works on the pages that the
    /// operator allows, and for clients that are not web pages.
    fn may_come_from(&self, attempt: &Attempt<'_>) -> bool {
        let Credential { role, origins: bound, .. } = &self.found.credential;
        match attempt.origin {
            Some(_) if *role != Role::Browser => true,
            Some(_) if bound.is_empty() => attempt.origin_is_known,
            Some(origin) => bound.iter().any(|one| one == origin),
            None => bound.is_empty(),
        }
    }
}

/// Decides whether a request is accepted, for every kind of credential: the credential works, its clinic is not suspended,
/// its limits are not exceeded, and its origin and role are allowed. Verification comes before any limit, so failed
/// attempts of other clients never cause the refusal of a working credential.
pub async fn admit(app: &App, attempt: Attempt<'_>) -> Admission {
    let found = sign_in(app, &attempt).await;
    admission(app, &attempt, found)
}

/// Decides about a key or token whose owner was looked up, and audits a failure.
fn admission(app: &App, attempt: &Attempt<'_>, found: Result<SignedIn>) -> Admission {
    match found {
        Ok(signed_in) => counted(app, attempt, signed_in),
        // A request without a credential is not a guess: many clients send one first, to get the 401 response.
        Err(error) => Admission::failed(failed(app, attempt.address, attempt.bearer.is_some(), error)),
    }
}

/// Counts a request of a working credential, and checks its origin, its role and its scopes.
fn counted(app: &App, attempt: &Attempt<'_>, signed_in: SignedIn) -> Admission {
    let actor = signed_in.actor(attempt.request_id);
    let counted = app.limits.count(&actor, attempt.address, attempt.budget);
    let rate_status = Some(counted.unwrap_or_else(|exceeded| exceeded.rate_status));
    let role = actor.role;
    let outcome = match counted {
        Err(Exceeded { wait, .. }) => Err(AppError::Limited { retry_after: wait }),
        Ok(_) if !signed_in.may_come_from(attempt) => Err(AppError::OriginNotAllowed),
        Ok(_) if role < attempt.least => Err(AppError::RoleTooLow { role, least: attempt.least }),
        Ok(_) => match signed_in.missing(attempt) {
            Some(need) => Err(AppError::ScopeMissing(need.to_string())),
            None => Ok(signed_in),
        },
    };
    Admission { actor: Some(actor), rate_status, outcome }
}

/// Finds the owner of a key or token, and checks that it works now.
async fn sign_in(app: &App, attempt: &Attempt<'_>) -> Result<SignedIn> {
    let refused = || AppError::NotSignedIn(None);
    let bearer = attempt.bearer.filter(|bearer| bearer.len() <= TOKEN_LENGTH).ok_or_else(refused)?;
    if keys::has_the_form(bearer) {
        return working(app, keys::find(app, bearer).await?).map(SignedIn::whole);
    }
    if access_token::has_the_form(bearer) {
        let accepted = attempt.need.is_some();
        return if accepted { Box::pin(backend::signed_in(app, bearer)).await } else { Err(refused()) };
    }
    let call = |path: &str| app.cds_clients.as_ref()?.read(bearer, path);
    if let Some(call) = attempt.endpoint.and_then(call) {
        return by_call(app, call, attempt.request_id).await.map(SignedIn::whole);
    }
    let tokens = app.tokens.as_ref().ok_or_else(refused)?;
    let hash = app.store.credential_hash(bearer);
    if let Some(found) = app.remembered.tokens.get(&hash).await {
        return working(app, found).map(SignedIn::whole);
    }
    // Boxed, so that requests with a cache hit do not carry the size of the lookup future.
    let look_up = Box::pin(token_people::find(app, tokens, bearer, attempt.request_id));
    let found = app.remembered.tokens.try_get_with(hash, look_up).await.map_err(AppError::shared)?;
    working(app, found).map(SignedIn::whole)
}

/// Signs a record system in with its token for one call. The token is used up only if every other check passes.
async fn by_call(app: &App, call: Call<'_>, request_id: Option<Uuid>) -> Result<Arc<Found>> {
    let verified = call.verify(&*app.ambient).await?;
    let found = token_people::find_or_make(app, verified.issuer, &verified.system, request_id).await?;
    let found = working(app, found)?;
    let Credential { clinic_id, credential_id, .. } = found.credential;
    let token = (verified.issuer, &*verified.id);
    if used_tokens::use_up(&app.store, clinic_id, token, verified.system.until).await? {
        return Ok(found);
    }
    tracing::info!(reason = "replayed", "a record system's token was refused");
    Err(AppError::NotSignedIn(Some((clinic_id, credential_id))))
}

/// Audits a failed sign-in and counts a guess against its address. Too many failures get 429.
fn failed(app: &App, address: IpAddr, guess: bool, error: AppError) -> AppError {
    match error {
        AppError::NotSignedIn(whose) => audit_failure(app, whose.map(|(_, credential_id)| credential_id)),
        AppError::ClinicSuspended(credential_id) => {
            audit_failure(app, credential_id);
            return error;
        }
        _ => return error,
    }
    if !guess {
        return error;
    }
    match app.limits.count_failure(address) {
        Ok(()) => error,
        Err(retry_after) => AppError::Limited { retry_after },
    }
}

/// Adds a failed sign-in, of a known credential or of none, to the system's audit log, folded as refusals are. No
/// address and no part of a key is stored. It does not wait for the write, because the response does not depend on it.
fn audit_failure(app: &App, credential_id: Option<CredentialId>) {
    let kind = Kind {
        clinic_id: ClinicId(Uuid::nil()),
        credential_id: None,
        action: AuditAction::SignInFailed,
        outcome: AuditOutcome::Refused,
        resource_id: credential_id.map_or(Uuid::nil(), |id| id.0),
    };
    folding::count(app, kind, Refusal::default());
}

/// Checks that the credential works now and its clinic is not suspended.
fn working(app: &App, found: Arc<Found>) -> Result<Arc<Found>> {
    let now = app.ambient.now();
    let over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let Credential { clinic_id, credential_id, revoked_at, expires_at, .. } = found.credential;
    if revoked_at.is_some() || over(expires_at) || over(found.until) {
        return Err(AppError::NotSignedIn(Some((clinic_id, credential_id))));
    }
    if found.clinic.suspended {
        return Err(AppError::ClinicSuspended(Some(credential_id)));
    }
    Ok(found)
}
