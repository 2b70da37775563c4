//! Systems that call CDS Hooks services with tokens that they sign themselves; each token is valid for one call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{KeySource, Verifier, key_cache::KeyCache, part, parts};
use crate::app::ambient::{Ambient, after};
use crate::app::error::{AppError, Result};
use crate::domain::access::client_token::{ClientRules, OneCall};
use crate::domain::access::token::{CLOCK_SKEW, Claims, NAME_LENGTH, TokenAlgorithm, TokenPerson};
use crate::domain::{access::actor::Role, ids::ClinicId};
use crate::outbound::{Client, OutboundError};

pub(super) const KEYS_KEPT_FOR: Duration = Duration::from_mins(5);
/// The maximum lifetime of a token. Used tokens are remembered until they expire.
const LONGEST: Duration = Duration::from_mins(10);

/// A system that may call, and its clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdsClient {
    /// The issuer, exactly as the system's tokens state it.
    pub issuer: String,
    /// The address of its key set. The address in a token (`jku`) is ignored.
    pub keys_address: String,
    pub clinic_id: ClinicId,
}

pub(crate) struct CdsClients {
    /// The public base URL of this service, without a trailing slash.
    base: String,
    trusted: HashMap<String, Trusted>,
}

struct Trusted {
    rules: ClientRules,
    verifier: Verifier,
    clinic_id: ClinicId,
}

/// A token that claims to be signed by a trusted system for one call. It is not verified yet.
pub(crate) struct Call<'a> {
    trusted: &'a Trusted,
    bearer: &'a str,
    endpoint: String,
}

pub(crate) struct VerifiedCall<'a> {
    pub(crate) issuer: &'a str,
    /// The token's id (`jti`), unique for its system.
    pub(crate) id: String,
    /// The system's identity for sign-in. Its empty subject distinguishes it from the people of the same issuer,
    /// because no person has an empty subject.
    pub(crate) system: TokenPerson,
}

impl CdsClients {
    pub(crate) fn new(base: &str, clients: Vec<CdsClient>, ambient: &Arc<dyn Ambient>) -> Result<Self, OutboundError> {
        let mut trusted = HashMap::new();
        for client in clients {
            let keys = KeyCache::new(Client::new()?, client.keys_address, KEYS_KEPT_FOR, Arc::clone(ambient));
            let keys = KeySource::Fetched(Arc::new(keys));
            let verifier = Verifier { algorithms: TokenAlgorithm::ALL.into(), keys };
            let rules = ClientRules { issuer: client.issuer.clone() };
            trusted.insert(client.issuer, Trusted { rules, verifier, clinic_id: client.clinic_id });
        }
        Ok(Self { base: base.trim_end_matches('/').to_owned(), trusted })
    }

    /// Reads a bearer token for a call to an endpoint such as `/cds-services/muscle-loss`; `None` if it names no trusted
    /// system.
    pub(crate) fn read<'a>(&'a self, bearer: &'a str, path: &str) -> Option<Call<'a>> {
        let (_, _, claims, _) = parts(bearer)?;
        let claims: Claims = part(claims)?;
        let trusted = self.trusted.get(claims.get("iss")?.as_str()?)?;
        Some(Call { trusted, bearer, endpoint: format!("{}{path}", self.base) })
    }
}

impl<'a> Call<'a> {
    /// Verifies the token. Fails when the token is refused (the log has the reason), or the system's keys are
    /// unavailable.
    pub(crate) async fn verify(self, ambient: &dyn Ambient) -> Result<VerifiedCall<'a>> {
        let refused = |reason: &'static str| {
            tracing::info!(reason, "a record system's token was refused");
            AppError::NotSignedIn(None)
        };
        let claims = self.trusted.verifier.claims(self.bearer).await?.map_err(refused)?;
        let now = ambient.now();
        let call = self.trusted.rules.read(&claims, &self.endpoint, now);
        let OneCall { id, until } = call.map_err(|fault| refused(fault.as_str()))?;
        if until > after(now, LONGEST + CLOCK_SKEW) {
            return Err(refused("good for too long"));
        }
        let issuer = &*self.trusted.rules.issuer;
        let system = TokenPerson {
            subject: String::new(),
            display_name: issuer.chars().take(NAME_LENGTH).collect(),
            role: Role::Intake,
            clinic: self.trusted.clinic_id.to_string(),
            until,
        };
        Ok(VerifiedCall { issuer, id, system })
    }
}
