//! Systems that call CDS Hooks services with tokens they sign themselves: one token, one call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::future::Cache;

use super::key_cache::KeyCache;
use super::{Verifier, part, parts};
use crate::app::ambient::{after, new_id};
use crate::app::{App, AppError, clinics};
use crate::domain::actor::{Actor, Role};
use crate::domain::client_token::ClientRules;
use crate::domain::ids::{ClinicId, CredentialId, SenderId};
use crate::domain::stored::Clinic;
use crate::domain::token::{Claims, TokenAlgorithm, TokenFault};
use crate::outbound::Client;

/// How long a system's keys are kept.
const KEYS_KEPT_FOR: Duration = Duration::from_mins(5);
/// How far a system's clock and this one may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(30);
/// The longest that a token may be good for: until then it is remembered.
const LONGEST: Duration = Duration::from_mins(10);
/// Tokens remembered at once. Whoever's keys are trusted could make an older one forgotten, and gain an answer to its own
/// question twice.
const REMEMBERED: u64 = 100_000;

/// A system that may call, and for which clinic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdsClient {
    /// The system, exactly as its tokens name it.
    pub issuer: String,
    /// Where it publishes its keys. What a token says of that (`jku`) is not asked.
    pub keys_address: String,
    /// The clinic that it asks for.
    pub clinic_id: ClinicId,
}

/// Every system that may call.
pub(crate) struct CdsClients {
    /// The address under which they reach this service, without a slash at its end.
    base: String,
    trusted: HashMap<String, Trusted>,
    /// Tokens that were taken, by their system and name.
    used: Cache<(String, String), ()>,
}

struct Trusted {
    rules: ClientRules,
    verifier: Verifier,
    clinic_id: ClinicId,
    /// Stands for the system where requests are counted.
    credential_id: CredentialId,
}

impl App {
    /// The same application, which also takes the tokens of these systems, for calls of services under an address.
    ///
    /// # Errors
    /// When this system cannot fetch keys, having no certificate authorities.
    pub fn with_cds_clients(self, base: &str, clients: Vec<CdsClient>) -> Result<Self, AppError> {
        let mut trusted = HashMap::new();
        for client in clients {
            let http = Client::new().map_err(|error| AppError::Internal(error.to_string()))?;
            let keys = KeyCache::new(http, client.keys_address, KEYS_KEPT_FOR, Arc::clone(&self.ambient));
            let verifier = Verifier { algorithms: TokenAlgorithm::ALL.into(), keys: Arc::new(keys) };
            let credential_id = new_id(&*self.ambient, self.ambient.now())?;
            let rules = ClientRules { issuer: client.issuer.clone(), clock_skew: CLOCK_SKEW };
            trusted.insert(client.issuer, Trusted { rules, verifier, clinic_id: client.clinic_id, credential_id });
        }
        let used = Cache::builder().max_capacity(REMEMBERED).time_to_live(LONGEST + CLOCK_SKEW).build();
        let clients = CdsClients { base: base.trim_end_matches('/').to_owned(), trusted, used };
        Ok(Self { cds_clients: Some(Arc::new(clients)), ..self })
    }
}

/// Whether a bearer token says that a system has signed it which may call; nothing of it is believed yet.
#[must_use]
pub fn is_of_a_client(app: &App, bearer: &str) -> bool {
    app.cds_clients.as_ref().is_some_and(|clients| clients.claimed(bearer).is_some())
}

/// Takes a system's token for one call of an endpoint, such as `/cds-services/muscle-loss`.
///
/// # Errors
/// When the token is refused, which the log tells why; when the system's keys cannot be had, or the database is away.
pub async fn sign_in(app: &App, bearer: &str, path: &str) -> Result<(Actor, Clinic), AppError> {
    let refused = || AppError::NotSignedIn(None);
    let clients = app.cds_clients.as_ref().ok_or_else(refused)?;
    let trusted = clients.claimed(bearer).ok_or_else(refused)?;
    if let Err(reason) = clients.checked(trusted, bearer, path, app.ambient.now()).await? {
        tracing::info!(reason, "a system's token was refused");
        return Err(refused());
    }
    let clinics = clinics::list(app).await?;
    let clinic = clinics.into_iter().find(|clinic| clinic.clinic_id == trusted.clinic_id).ok_or_else(refused)?;
    let Trusted { clinic_id, credential_id, .. } = *trusted;
    let sender_id = SenderId(credential_id.0);
    Ok((Actor { clinic_id, credential_id, sender_id, role: Role::Intake, request_id: None }, clinic))
}

impl CdsClients {
    fn claimed(&self, bearer: &str) -> Option<&Trusted> {
        let (_, _, claims, _) = parts(bearer)?;
        let claims: Claims = part(claims)?;
        self.trusted.get(claims.get("iss")?.as_str()?)
    }

    async fn checked(
        &self,
        trusted: &Trusted,
        bearer: &str,
        path: &str,
        now: Timestamp,
    ) -> Result<Result<(), &'static str>, AppError> {
        let claims = match trusted.verifier.claims(bearer).await? {
            Ok(claims) => claims,
            Err(reason) => return Ok(Err(reason)),
        };
        let call = match trusted.rules.read(&claims, &format!("{}{path}", self.base), now) {
            Ok(call) => call,
            Err(fault) => return Ok(Err(fault.as_str())),
        };
        if call.until > after(now, LONGEST + CLOCK_SKEW) {
            return Ok(Err("good for too long"));
        }
        let key = (trusted.rules.issuer.clone(), call.id);
        let entry = self.used.entry(key).or_insert(()).await;
        Ok(if entry.is_fresh() { Ok(()) } else { Err(TokenFault::Replayed.as_str()) })
    }
}
