//! Signing in: from a key or a token to an actor, through a cache so short-lived that a revocation acts within five
//! seconds.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::future::Cache as Moka;
use uuid::Uuid;

use super::lock_out::Prefix;
use super::{App, AppError, failed_sign_ins, token_people};
use crate::domain::actor::Actor;
use crate::domain::stored::{Clinic, Credential};
use crate::store;
use crate::store::credentials::{ByKey, SignedIn as Found};

/// How long a looked-up key is remembered; a revocation acts at the latest after this.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(4);

/// How every key begins.
const KEY_MARK: &str = "sk_";
/// The longest text that can be a key of ours.
const KEY_LENGTH: usize = KEY_MARK.len() + PREFIX_LENGTH + 1 + 43;
/// The part of a key that finds its row.
pub(super) const PREFIX_LENGTH: usize = 13;

/// Looked-up keys and tokens by their hash; keys that do not work are remembered too, so that trying one costs nothing.
pub(crate) type Cache = Moka<[u8; 32], ByKey>;

pub(crate) fn cache() -> Cache {
    Moka::builder().max_capacity(10_000).time_to_live(REMEMBERED_FOR).build()
}

/// What a request shows to sign in with.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The key or token.
    pub bearer: &'a str,
    /// Where it comes from.
    pub address: IpAddr,
    /// In which request.
    pub request_id: Option<Uuid>,
}

/// Somebody whose key or token works.
#[derive(Clone, Debug)]
pub struct SignedIn {
    found: Arc<Found>,
}

impl SignedIn {
    /// Who acts, in a request.
    #[must_use]
    pub fn actor(&self, request_id: Option<Uuid>) -> Actor {
        let Credential { clinic_id, credential_id, sender_id, role, .. } = self.found.credential;
        Actor { clinic_id, credential_id, sender_id, role, request_id }
    }

    /// The clinic acted for.
    #[must_use]
    pub fn clinic(&self) -> &Clinic {
        &self.found.clinic
    }

    /// Whether a web site may send the key. A key that is bound to no origin may come from anywhere.
    #[must_use]
    pub fn may_come_from(&self, origin: Option<&str>) -> bool {
        let bound = &self.found.credential.origins;
        bound.is_empty() || origin.is_some_and(|origin| bound.iter().any(|one| one == origin))
    }
}

/// Finds out who holds a key or a token. Every failure to sign in comes from here, as [`AppError::NotSignedIn`], and says
/// whose credential it was where that is known; only a request without a bearer does not get this far.
///
/// # Errors
/// When the key or token does not work, too many like it did not, or the database or the issuer is away.
pub async fn sign_in(app: &App, attempt: Attempt<'_>) -> Result<SignedIn, AppError> {
    let outcome = match &app.tokens {
        Some(tokens) if !attempt.bearer.starts_with(KEY_MARK) => {
            let look_up = || token_people::find(app, tokens, attempt);
            remembered(app, attempt.bearer, look_up).await.and_then(|found| admitted(app, found))
        }
        _ => by_key(app, attempt).await,
    };
    if let Err(AppError::NotSignedIn(whose)) = &outcome {
        failed_sign_ins::record(app, whose.map(|(_, credential_id)| credential_id));
    }
    if let Err(AppError::ClinicSuspended(credential_id)) = &outcome {
        failed_sign_ins::record(app, Some(*credential_id));
    }
    outcome
}

async fn by_key(app: &App, attempt: Attempt<'_>) -> Result<SignedIn, AppError> {
    let prefix = prefix_of(attempt.bearer);
    if let Some(retry_after) = app.lock_out.wait(attempt.address, prefix.as_ref()) {
        return Err(AppError::Limited { retry_after });
    }
    let outcome = match &prefix {
        Some(prefix) => {
            let look_up = || look_up(app, prefix, attempt.bearer);
            admitted(app, remembered(app, attempt.bearer, look_up).await?)
        }
        None => Err(AppError::NotSignedIn(None)),
    };
    if let Err(AppError::NotSignedIn(whose)) = &outcome {
        app.lock_out.failed(attempt.address, prefix.as_ref(), whose.is_some());
    }
    outcome
}

/// What a key or token was found to be, from the cache or now. Simultaneous requests with one wait for one look-up.
async fn remembered<L: Future<Output = Result<ByKey, AppError>>>(
    app: &App,
    bearer: &str,
    look_up: impl FnOnce() -> L,
) -> Result<ByKey, AppError> {
    let hash = app.store.credential_hash(bearer);
    if let Some(found) = app.sign_ins.get(&hash).await {
        return Ok(found);
    }
    // Boxed, so that the many requests that find what they need do not carry the room of a look-up with them.
    let found = Box::pin(app.sign_ins.try_get_with(hash, look_up())).await;
    found.map_err(|error| match &*error {
        AppError::NotSignedIn(whose) => AppError::NotSignedIn(*whose),
        AppError::Unavailable(reason) => AppError::Unavailable(reason.clone()),
        other => AppError::Internal(other.to_string()),
    })
}

async fn look_up(app: &App, prefix: &Prefix, key: &str) -> Result<ByKey, AppError> {
    let text = std::str::from_utf8(prefix).map_err(|_| AppError::NotSignedIn(None))?;
    let found = store::credentials::find_by_key(&app.store, text, key).await?;
    app.limits.sweep();
    if let ByKey::Known(known) = &found
        && works(known, app.ambient.now())
    {
        app.lock_out.worked(prefix);
    }
    Ok(found)
}

fn admitted(app: &App, found: ByKey) -> Result<SignedIn, AppError> {
    match found {
        ByKey::Unknown => Err(AppError::NotSignedIn(None)),
        ByKey::Forged(clinic_id, credential_id) => Err(AppError::NotSignedIn(Some((clinic_id, credential_id)))),
        ByKey::Known(found) if works(&found, app.ambient.now()) && found.clinic.suspended => {
            Err(AppError::ClinicSuspended(found.credential.credential_id))
        }
        ByKey::Known(found) if works(&found, app.ambient.now()) => Ok(SignedIn { found }),
        ByKey::Known(found) => {
            let Credential { clinic_id, credential_id, .. } = found.credential;
            Err(AppError::NotSignedIn(Some((clinic_id, credential_id))))
        }
    }
}

fn works(found: &Found, now: Timestamp) -> bool {
    let over = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let Credential { revoked_at, expires_at, .. } = found.credential;
    revoked_at.is_none() && !over(expires_at) && !over(found.until)
}

/// The prefix of a text that has the form of a key.
fn prefix_of(key: &str) -> Option<Prefix> {
    let rest = key.strip_prefix(KEY_MARK).filter(|_| key.len() == KEY_LENGTH && key.is_ascii())?;
    let (prefix, secret) = rest.split_once('_')?;
    prefix.as_bytes().try_into().ok().filter(|_| secret.len() == 43)
}
