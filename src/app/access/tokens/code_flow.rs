//! The authorization code flow of the token issuer (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636), for people who
//! sign in to the web pages.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use moka::future::Cache;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::app::error::{AppError, Result};
use crate::domain::access::token::TokenRules;
use crate::domain::causes::with_causes;
use crate::outbound::{Client, OutboundError, is_secure};

/// How long the addresses in the issuer's discovery document are kept.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// How long no visitor causes another request for that document after it was unavailable.
const AWAY_FOR: Duration = Duration::from_secs(10);
/// How many codes may be exchanged at once.
const EXCHANGES: usize = 16;
/// How long a sign-in waits for its turn.
const WAIT: Duration = Duration::from_secs(1);
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
    /// A hash of the settings that decide who may sign in.
    settings: [u8; 32],
    client: Client,
    endpoints: Cache<(), Arc<Endpoints>>,
    /// Has an entry for a while after the discovery document was unavailable.
    away: Cache<(), ()>,
    turns: Semaphore,
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
}

impl CodeFlow {
    pub(super) fn new(rules: &TokenRules, registered: CodeClient) -> Result<Self, OutboundError> {
        Ok(Self {
            issuer: rules.issuer.clone(),
            settings: hash_of_settings(rules, &registered.client_id),
            registered,
            client: Client::new()?,
            endpoints: Cache::builder().max_capacity(1).time_to_live(KEPT_FOR).build(),
            away: Cache::builder().max_capacity(1).time_to_live(AWAY_FOR).build(),
            turns: Semaphore::new(EXCHANGES),
        })
    }

    /// A hash of the settings that decide who may sign in: the issuer, the client, the claims and the roles.
    pub(crate) fn settings(&self) -> [u8; 32] {
        self.settings
    }

    /// Waits until a code may be exchanged; hold the turn until it is. Fails when too many exchanges are in progress, as when the
    /// issuer is slow.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        let busy = || AppError::Unavailable("too many sign-ins at the token issuer are in progress".to_owned());
        let turn = timeout(WAIT, self.turns.acquire()).await.map_err(|_| busy())?;
        turn.map_err(|error| AppError::Internal(error.into()))
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
        if self.away.contains_key(&()) {
            return Err(away());
        }
        let found = self.endpoints.try_get_with((), self.discover()).await;
        if found.is_err() {
            self.away.insert((), ()).await;
        }
        found.map_err(AppError::shared)
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
    away()
}

fn away() -> AppError {
    AppError::Unavailable("the token issuer is unavailable".into())
}

fn hash_of_settings(rules: &TokenRules, client_id: &str) -> [u8; 32] {
    let TokenRules { issuer, role_claim, roles, clinic_claim, .. } = rules;
    let roles: Vec<[&str; 2]> = roles.iter().map(|(theirs, role)| [theirs.as_str(), role.as_str()]).collect();
    let settings = json!([issuer, client_id, role_claim, clinic_claim, roles]).to_string();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, settings.as_bytes()).as_ref());
    hash
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
    use crate::domain::access::actor::Role;

    fn rules() -> TokenRules {
        TokenRules {
            issuer: "https://issuer.example".to_owned(),
            audience: "sarcoscreen".to_owned(),
            role_claim: "role".to_owned(),
            roles: vec![("nurse".to_owned(), Role::Staff)],
            clinic_claim: "clinic".to_owned(),
        }
    }

    fn client() -> CodeClient {
        CodeClient { client_id: "web".to_owned(), client_secret: None, base: String::new() }
    }

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
        assert_eq!(Proof::new(&[1; 32]).state, one.state);
    }

    #[tokio::test]
    async fn no_more_codes_are_exchanged_at_once_than_there_are_turns() {
        let flow = CodeFlow::new(&rules(), client()).unwrap();
        let held: Vec<_> = (0..EXCHANGES).map(|_| flow.turns.try_acquire().unwrap()).collect();
        assert!(matches!(flow.turn().await, Err(AppError::Unavailable(_))));
        drop(held);
        assert!(flow.turn().await.is_ok());
    }

    #[test]
    fn each_setting_that_decides_who_may_sign_in_changes_the_hash() {
        let first = hash_of_settings(&rules(), "web");
        let changes: [fn(&mut TokenRules); 5] = [
            |rules| rules.issuer = "https://other.example".to_owned(),
            |rules| rules.role_claim = "roles".to_owned(),
            |rules| rules.clinic_claim = "site".to_owned(),
            |rules| rules.roles = vec![("nurse".to_owned(), Role::Admin)],
            |rules| rules.roles.clear(),
        ];
        for change in changes {
            let mut changed = rules();
            change(&mut changed);
            assert_ne!(hash_of_settings(&changed, "web"), first, "{changed:?}");
        }
        assert_ne!(hash_of_settings(&rules(), "other"), first);
        assert_eq!(hash_of_settings(&rules(), "web"), first);
    }

    #[test]
    fn the_credentials_of_a_client_are_encoded_before_they_are_joined() {
        assert_eq!(BASE64.decode(&basic("a:b", "c d").as_bytes()["Basic ".len()..]).unwrap(), b"a%3Ab:c+d");
        let client_secret = Some(Zeroizing::new("hidden".to_owned()));
        let client = CodeClient { client_secret, ..client() };
        assert!(!format!("{client:?}").contains("hidden"));
    }
}
