//! Configures sign-in: tokens and rate limits.

use std::time::Duration;

use super::ServerError;
use super::database::password;
use crate::app::App;
use crate::app::access::limits::Rates;
use crate::app::access::tokens::TokenPolicy;
use crate::app::access::tokens::clients::CdsClient;
use crate::app::access::tokens::code_flow::CodeClient;
use crate::config::{self, Limits, Oidc, Settings};
use crate::domain::access::actor::Role;
use crate::domain::access::token::{TokenAlgorithm, TokenRules};
use crate::domain::ids::ClinicId;

pub(super) fn configure(app: App, settings: &Settings) -> Result<App, ServerError> {
    let app = with_systems(app.with_rates(rates(&settings.limits)), settings)?;
    let app = match &settings.http.public_url {
        Some(base) => app.with_backend_clients(base),
        None => app,
    };
    match policy(settings)? {
        Some(policy) => Ok(app.with_tokens(policy)?),
        None => Ok(app),
    }
}

fn rates(limits: &Limits) -> Rates {
    Rates {
        per_credential: limits.rate_per_credential,
        per_clinic: limits.rate_per_clinic,
        submissions_per_address: limits.rate_submissions_per_address,
        scores_per_address: limits.rate_scores_per_address,
        address_factors: limits.rate_address_factors.clone(),
    }
}

/// Adds the record systems that may call CDS Hooks services.
fn with_systems(app: App, settings: &Settings) -> Result<App, ServerError> {
    let clients = &settings.cds_hooks.cds_clients;
    if clients.is_empty() {
        return Ok(app);
    }
    let base = settings.http.public_url.as_deref().ok_or(ServerError::SystemsWithoutAddress)?;
    let client = |client: &config::CdsClient| CdsClient {
        issuer: client.issuer.clone(),
        keys_address: client.keys_address.clone(),
        clinic_id: ClinicId(client.clinic_id),
    };
    Ok(app.with_cds_clients(base, clients.iter().map(client).collect())?)
}

/// The token policy; `None` without an issuer.
pub(super) fn policy(settings: &Settings) -> Result<Option<TokenPolicy>, ServerError> {
    let oidc = &settings.oidc;
    let code_client = code_client(settings)?;
    let needed = [&oidc.issuer, &oidc.audience, &oidc.jwks_url].map(Option::as_ref);
    let (issuer, audience, keys_address) = match needed {
        [None, None, None] if code_client.is_some() => return Err(ServerError::ClientWithoutIssuer),
        [None, None, None] => return Ok(None),
        [Some(issuer), Some(audience), Some(keys)] => (issuer.clone(), audience.clone(), keys.clone()),
        _ => return Err(ServerError::HalfAnIssuer),
    };
    let role = |(theirs, ours): &(String, String)| Some((theirs.clone(), Role::parse(ours)?));
    Ok(Some(TokenPolicy {
        rules: TokenRules {
            issuer,
            audience,
            role_claim: oidc.role_claim.clone(),
            roles: oidc.role_map.iter().filter_map(role).collect(),
            clinic_claim: oidc.clinic_claim.clone(),
        },
        keys_address,
        keys_kept_for: Duration::from_secs(oidc.jwks_cache_seconds),
        algorithms: oidc.algorithms.iter().filter_map(|name| TokenAlgorithm::parse(name)).collect(),
        code_client,
    }))
}

/// The client as which staff sign in to the web pages at the issuer; `None` if there is none.
fn code_client(settings: &Settings) -> Result<Option<CodeClient>, ServerError> {
    let Oidc { client_id, client_secret_file, .. } = &settings.oidc;
    let (client_id, base) = match (client_id, &settings.http.public_url) {
        (Some(client_id), Some(base)) => (client_id.clone(), base.clone()),
        (None, _) if client_secret_file.is_none() => return Ok(None),
        _ => return Err(ServerError::ClientWithoutIssuer),
    };
    let client_secret = client_secret_file.as_deref().map(password).transpose()?;
    Ok(Some(CodeClient { client_id, client_secret, base }))
}
