//! The authorization code flow of the token issuer (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636), for people who
//! sign in to the web pages.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use moka::future::Cache;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::app::error::{AppError, Result};
use crate::domain::causes::with_causes;
use crate::outbound::{Client, OutboundError, is_secure};

/// How long the addresses in the issuer's discovery document are kept.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// The maximum size of a response of the issuer, bytes.
const RESPONSE_LIMIT: usize = 64 * 1024;

/// This service as a client that is registered at the issuer.
#[derive(Clone)]
pub struct CodeClient {
    pub client_id: String,
    /// `None` for a public client.
    pub client_secret: Option<Zeroizing<String>>,
    /// The public base URL of this service, without a trailing slash.
    pub base: String,
}

/// The addresses of an issuer (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Endpoints {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

/// The response to a code. The other tokens are not used.
#[derive(Deserialize)]
struct Exchanged {
    id_token: Option<String>,
}

pub(crate) struct CodeFlow {
    issuer: String,
    registered: CodeClient,
    client: Client,
    endpoints: Cache<(), Arc<Endpoints>>,
}

/// The values that bind the steps of one sign-in to each other. They are derived from one random seed, which the browser keeps.
pub(crate) struct Proof {
    pub(crate) state: String,
    pub(crate) nonce: String,
    verifier: String,
}

impl fmt::Debug for CodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_id, base, .. } = self;
        f.debug_struct("CodeClient").field("client_id", client_id).field("base", base).finish_non_exhaustive()
    }
}

impl Proof {
    pub(crate) fn new(seed: &[u8]) -> Self {
        let part = |name: &str| hash(&[name.as_bytes(), seed].concat());
        Self { state: part("state"), nonce: part("nonce"), verifier: part("verifier") }
    }

    /// The proof of a seed in Base64; `None` if it is not a seed.
    pub(crate) fn parse(seed: &str) -> Option<Self> {
        let seed = BASE64URL_NOPAD.decode(seed.as_bytes()).ok().filter(|seed| seed.len() == 32)?;
        Some(Self::new(&seed))
    }
}

impl CodeFlow {
    pub(super) fn new(issuer: &str, registered: CodeClient) -> Result<Self, OutboundError> {
        let endpoints = Cache::builder().max_capacity(1).time_to_live(KEPT_FOR).build();
        Ok(Self { issuer: issuer.to_owned(), registered, client: Client::new()?, endpoints })
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.registered.client_id
    }

    /// The address at the issuer where a person signs in and is sent back to the path `callback`. Fails when the issuer is
    /// unavailable.
    pub(crate) async fn address(&self, proof: &Proof, callback: &str) -> Result<String> {
        let endpoints = self.endpoints().await?;
        let address = endpoints.authorization_endpoint.as_str();
        let (redirect, challenge) = (self.redirect(callback), hash(proof.verifier.as_bytes()));
        let query = encoded(&[
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("client_id", self.client_id()),
            ("redirect_uri", redirect.as_str()),
            ("state", proof.state.as_str()),
            ("nonce", proof.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        let separator = if address.contains('?') { '&' } else { '?' };
        Ok(format!("{address}{separator}{query}"))
    }

    /// Exchanges a code for an ID token, which is not verified yet. Fails when the issuer refuses the code (the log has the status,
    /// the response does not), or when it is unavailable.
    pub(crate) async fn exchange(&self, code: &str, proof: &Proof, callback: &str) -> Result<String> {
        let endpoints = self.endpoints().await?;
        let redirect = self.redirect(callback);
        let form = encoded(&[
            ("grant_type", "authorization_code"),
            ("client_id", self.client_id()),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", proof.verifier.as_str()),
        ]);
        let authorization = self.registered.client_secret.as_ref().map(|secret| basic(self.client_id(), secret));
        let refused = || AppError::NotSignedIn(None);
        let sent = self.client.send_form(&endpoints.token_endpoint, form, authorization, RESPONSE_LIMIT);
        let response = match sent.await {
            Ok(response) => response,
            Err(OutboundError::Status(status)) if (400..500).contains(&status) => {
                tracing::info!(status, "the token issuer refused a code");
                return Err(refused());
            }
            Err(error) => return Err(unavailable(&with_causes(&error))),
        };
        let exchanged: Option<Exchanged> = serde_json::from_slice(&response).ok();
        exchanged.and_then(|exchanged| exchanged.id_token).ok_or_else(|| {
            tracing::warn!("the token issuer returned no ID token for a code");
            refused()
        })
    }

    fn redirect(&self, callback: &str) -> String {
        format!("{}{callback}", self.registered.base)
    }

    async fn endpoints(&self) -> Result<Arc<Endpoints>> {
        self.endpoints.try_get_with((), self.discover()).await.map_err(AppError::shared)
    }

    async fn discover(&self) -> Result<Arc<Endpoints>> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let document = self.client.fetch(&address, RESPONSE_LIMIT).await;
        let document = document.map_err(|error| unavailable(&with_causes(&error)))?;
        let found: Option<Endpoints> = serde_json::from_slice(&document).ok();
        let fits = |found: &Endpoints| {
            let addresses = [&found.authorization_endpoint, &found.token_endpoint];
            found.issuer == self.issuer && addresses.into_iter().all(|address| is_secure(address))
        };
        let found = found.filter(fits).map(Arc::new);
        found.ok_or_else(|| unavailable("its discovery document does not fit SARCOSCREEN_OIDC_ISSUER"))
    }
}

fn unavailable(reason: &str) -> AppError {
    tracing::warn!(reason, "people cannot sign in at the token issuer");
    AppError::Unavailable("the token issuer is unavailable".into())
}

/// The credentials of a confidential client (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = Zeroizing::new(format!("{}:{}", part(client_id), part(secret)));
    format!("Basic {}", BASE64.encode(both.as_bytes()))
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs.iter().copied()).finish()
}

fn hash(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(hash(verifier.as_bytes()), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn the_values_of_a_sign_in_differ_from_each_other_and_from_those_of_another() {
        let (one, other) = (Proof::new(&[1; 32]), Proof::new(&[2; 32]));
        let parts = [&one.state, &one.nonce, &one.verifier, &other.state, &other.nonce, &other.verifier];
        assert_eq!(parts.into_iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
        assert_eq!(Proof::parse(&BASE64URL_NOPAD.encode(&[1; 32])).unwrap().state, one.state);
        assert!(Proof::parse("AQ").is_none() && Proof::parse("").is_none());
    }

    #[test]
    fn the_credentials_of_a_client_are_encoded_before_they_are_joined() {
        assert_eq!(BASE64.decode(&basic("a:b", "c d").as_bytes()["Basic ".len()..]).unwrap(), b"a%3Ab:c+d");
        let client_secret = Some(Zeroizing::new("hidden".to_owned()));
        let client = CodeClient { client_id: "id".into(), client_secret, base: String::new() };
        assert!(!format!("{client:?}").contains("hidden"));
    }
}
