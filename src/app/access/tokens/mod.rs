//! Signed tokens of an OpenID Connect issuer: finds the person of a bearer token, or refuses the token without a reason.

pub(super) mod access_token;
pub mod backend;
pub mod clients;
pub mod code_flow;
mod key_cache;
mod key_set;

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use crate::app::ambient::Ambient;
use crate::app::error::{AppError, Result};
use crate::domain::access::token::{Claims, TokenAlgorithm, TokenFault, TokenPerson, TokenRules};
use crate::outbound::{Client, OutboundError};
use code_flow::{CodeClient, CodeFlow};
use key_cache::KeyCache;
use key_set::{KEY_ID_LENGTH, KeySet};

pub use key_set::KeySetFault;

/// The maximum length of a token, bytes.
pub const TOKEN_LENGTH: usize = 8 * 1024;

#[derive(Clone, Debug)]
pub struct TokenPolicy {
    pub rules: TokenRules,
    pub keys_address: String,
    pub keys_kept_for: Duration,
    pub algorithms: Vec<TokenAlgorithm>,
    /// The client as which people sign in to the web pages; without it they sign in with keys only.
    pub code_client: Option<CodeClient>,
}

pub(crate) struct Tokens {
    rules: TokenRules,
    verifier: Verifier,
    code_flow: Option<CodeFlow>,
}

/// Verifies that an issuer has signed a token.
struct Verifier {
    algorithms: Vec<TokenAlgorithm>,
    keys: KeySource,
}

/// Where the keys of a verifier come from.
enum KeySource {
    Fetched(Arc<KeyCache>),
    Fixed(Arc<KeySet>),
}

/// The relevant members of the header. An unknown `crit` member makes the token unreadable (RFC 7515, section 4.1.11).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
    crit: Option<Value>,
}

impl Tokens {
    pub(crate) fn new(policy: TokenPolicy, ambient: Arc<dyn Ambient>) -> Result<Self, OutboundError> {
        let TokenPolicy { rules, keys_address, keys_kept_for, algorithms, code_client } = policy;
        let keys = KeyCache::new(Client::new()?, keys_address, keys_kept_for, ambient);
        let code_flow = code_client.map(|client| CodeFlow::new(&rules, client)).transpose()?;
        let verifier = Verifier { algorithms, keys: KeySource::Fetched(Arc::new(keys)) };
        Ok(Self { rules, verifier, code_flow })
    }

    /// The flow by which people sign in to the web pages; `None` if it is not configured.
    pub(crate) fn code_flow(&self) -> Option<&CodeFlow> {
        self.code_flow.as_ref()
    }

    /// A hash of the settings of that flow that decide who may sign in; `None` if it is not configured.
    pub(crate) fn sign_in_settings(&self) -> Option<[u8; 32]> {
        self.code_flow.as_ref().map(CodeFlow::settings)
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.rules.issuer
    }

    /// The person in a token. Fails when it is refused (the log has the reason, the response does not), or when the
    /// issuer's keys are unavailable.
    pub(crate) async fn person(&self, token: &str, ambient: &dyn Ambient) -> Result<TokenPerson> {
        let claims = self.verifier.claims(token).await?;
        let read = |claims: Claims| self.rules.read(&claims, ambient.now()).map_err(TokenFault::as_str);
        claims.and_then(read).map_err(refused)
    }

    /// The person in an ID token that a client received for one sign-in. Fails as [`Self::person`] does.
    pub(crate) async fn person_of_sign_in(
        &self,
        token: &str,
        client_id: &str,
        nonce: &str,
        ambient: &dyn Ambient,
    ) -> Result<TokenPerson> {
        let claims = self.verifier.claims(token).await?;
        let read = |claims: Claims| self.rules.read_id_token(&claims, client_id, nonce, ambient.now());
        claims.and_then(|claims| read(claims).map_err(TokenFault::as_str)).map_err(refused)
    }
}

/// The relevant members of a set of public keys. Fails when it is no key set, has a private key, or has no key that can verify
/// anything here.
pub fn public_keys(document: &[u8]) -> Result<Value, KeySetFault> {
    KeySet::public(document)
}

impl KeySource {
    /// The keys, with the named key if there is one.
    async fn keys(&self, name: &str) -> Result<Arc<KeySet>> {
        match self {
            Self::Fetched(cache) => cache.keys(name).await,
            Self::Fixed(keys) => Ok(Arc::clone(keys)),
        }
    }
}

impl Verifier {
    /// The claims of a token that the issuer has signed.
    async fn claims(&self, token: &str) -> Result<Result<Claims, &'static str>> {
        let Some((message, header, claims, signature)) = parts(token) else { return Ok(Err("form")) };
        let Some(header) = part::<Header>(header) else { return Ok(Err("header")) };
        // A token for another purpose, such as a logout token, is not accepted.
        let access = ["jwt", "at+jwt", "application/at+jwt"];
        let typed = header.typ.as_ref().is_none_or(|typ| access.iter().any(|fit| typ.eq_ignore_ascii_case(fit)));
        if !typed || header.crit.is_some() || header.kid.len() > KEY_ID_LENGTH {
            return Ok(Err("header"));
        }
        let allowed = TokenAlgorithm::parse(&header.alg).filter(|algorithm| self.algorithms.contains(algorithm));
        let Some(algorithm) = allowed else { return Ok(Err("algorithm")) };
        let keys = self.keys.keys(&header.kid).await?;
        let Some(key) = keys.get(&header.kid) else { return Ok(Err("unknown key")) };
        if !key.verifies_by(algorithm) {
            return Ok(Err("algorithm"));
        }
        if !key.has_signed(algorithm, message, signature) {
            return Ok(Err("signature"));
        }
        Ok(part(claims).ok_or("claims"))
    }
}

fn refused(reason: &'static str) -> AppError {
    tracing::info!(reason, "a token was refused");
    AppError::NotSignedIn(None)
}

/// The signed message of a token, its header, its claims, and its signature.
fn parts(token: &str) -> Option<(&str, &str, &str, &str)> {
    let (message, signature) = token.rsplit_once('.').filter(|_| token.len() <= TOKEN_LENGTH)?;
    let (header, claims) = message.split_once('.').filter(|(_, claims)| !claims.contains('.'))?;
    Some((message, header, claims, signature))
}

fn part<T: for<'a> Deserialize<'a>>(encoded: &str) -> Option<T> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?).ok()
}
