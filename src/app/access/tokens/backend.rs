//! Systems that get access tokens with assertions that they sign themselves (SMART backend services).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::future::Cache;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::clients::KEYS_KEPT_FOR;
use super::{KeySource, Verifier, key_cache::KeyCache, key_set::KeySet, part, parts};
use crate::app::ambient::{Ambient, after};
use crate::app::error::{AppError, Result};
use crate::domain::access::client_token::{ClientId, ClientKeys, ClientRules, OneCall};
use crate::domain::access::token::{CLOCK_SKEW, Claims, TokenAlgorithm, TokenFault};
use crate::outbound::{Client, OutboundError};

/// The path of the token endpoint.
pub const TOKEN_PATH: &str = "/oauth/token";
/// The maximum lifetime of an assertion.
const LONGEST: Duration = Duration::from_mins(5);
/// How many look-ups of systems may run at once.
const LOOK_UPS: usize = 2;
/// The maximum number of addresses whose keys are cached.
const ADDRESSES: u64 = 1_000;

pub(crate) struct BackendClients {
    /// The address of the token endpoint, which assertions name as their audience.
    endpoint: String,
    /// The keys by the address where a system publishes them.
    caches: Cache<String, Arc<KeyCache>>,
    /// Limits look-ups of systems: a request can name any system before anything is verified.
    look_ups: Semaphore,
    ambient: Arc<dyn Ambient>,
}

impl BackendClients {
    pub(crate) fn new(base: &str, ambient: Arc<dyn Ambient>) -> Self {
        let endpoint = format!("{}{TOKEN_PATH}", base.trim_end_matches('/'));
        Self { endpoint, caches: Cache::new(ADDRESSES), look_ups: Semaphore::new(LOOK_UPS), ambient }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Waits until a system may be looked up. However many systems are invented, they use few database connections.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        self.look_ups.acquire().await.map_err(|error| AppError::Internal(error.into()))
    }

    /// Verifies an assertion of a system. Fails when the system's keys are unavailable; a refusal has its reason.
    pub(crate) async fn verify(
        &self,
        client: ClientId,
        keys: &ClientKeys,
        assertion: &str,
    ) -> Result<Result<OneCall, &'static str>> {
        let verifier = Verifier { algorithms: TokenAlgorithm::ALL.into(), keys: self.source(keys).await? };
        let claims: Claims = match verifier.claims(assertion).await? {
            Ok(claims) => claims,
            Err(reason) => return Ok(Err(reason)),
        };
        let (rules, now) = (ClientRules { issuer: client.to_string() }, self.ambient.now());
        let read = rules.read_assertion(&claims, &self.endpoint, now);
        Ok(read.map_err(TokenFault::as_str).and_then(|call| short_lived(call, now)))
    }

    async fn source(&self, keys: &ClientKeys) -> Result<KeySource> {
        let address = match keys {
            ClientKeys::Document(document) => return Ok(KeySource::Fixed(Arc::new(fixed(document)))),
            ClientKeys::Address(address) => address.clone(),
        };
        let (ambient, published) = (Arc::clone(&self.ambient), address.clone());
        let new = async {
            let cache = KeyCache::new(Client::new()?, published, KEYS_KEPT_FOR, ambient);
            Ok::<_, OutboundError>(Arc::new(cache))
        };
        let cache = self.caches.try_get_with(address, new).await;
        Ok(KeySource::Fetched(cache.map_err(|error| AppError::Internal(error.into()))?))
    }
}

/// The system that an assertion claims to come from. Nothing is verified yet.
pub(crate) fn claimed(assertion: &str) -> Option<ClientId> {
    let (_, _, claims, _) = parts(assertion)?;
    let claims: Claims = part(claims)?;
    ClientId::parse(claims.get("iss")?.as_str()?)
}

fn short_lived(call: OneCall, now: Timestamp) -> Result<OneCall, &'static str> {
    if call.until > after(now, LONGEST + CLOCK_SKEW) { Err("good for too long") } else { Ok(call) }
}

/// The keys of a stored document, which had usable keys when it was stored.
fn fixed(document: &Value) -> KeySet {
    KeySet::read(document.to_string().as_bytes()).unwrap_or_default()
}
