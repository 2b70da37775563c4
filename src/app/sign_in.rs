//! Signing in: from a key to an actor, through a cache so short-lived that a revocation acts within five seconds.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache as Moka;
use uuid::Uuid;

use super::{App, AppError};
use crate::domain::actor::Actor;
use crate::domain::stored::{Clinic, Credential};
use crate::store;
use crate::store::credentials::SignedIn as Found;

/// How long a looked-up key is remembered; a revocation acts at the latest after this.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(4);

/// The longest text that can be a key of ours.
const KEY_LENGTH: usize = 3 + PREFIX_LENGTH + 1 + 43;
/// The part of a key that finds its row.
pub(super) const PREFIX_LENGTH: usize = 13;

/// Looked-up keys by their hash; keys that do not work are remembered too, so that trying one costs nothing.
pub(crate) type Cache = Moka<[u8; 32], Option<Arc<Found>>>;

pub(crate) fn cache() -> Cache {
    Moka::builder().max_capacity(10_000).time_to_live(REMEMBERED_FOR).build()
}

/// Somebody whose key works.
#[derive(Clone, Debug)]
pub struct SignedIn {
    found: Arc<Found>,
}

impl SignedIn {
    /// Who acts, in a request.
    #[must_use]
    pub fn actor(&self, request_id: Option<Uuid>) -> Actor {
        let Credential { clinic_id, credential_id, role, .. } = self.found.credential;
        Actor { clinic_id, credential_id, role, request_id }
    }

    /// The clinic acted for.
    #[must_use]
    pub fn clinic(&self) -> &Clinic {
        &self.found.clinic
    }
}

/// Finds out who holds a key.
///
/// # Errors
/// When the key is none of ours, revoked or expired, or the database is away.
pub async fn sign_in(app: &App, key: &str) -> Result<SignedIn, AppError> {
    let prefix = prefix_of(key).ok_or(AppError::NotSignedIn)?;
    let hash = app.store.credential_hash(key);
    let look_up = async {
        let found = store::credentials::find_by_key(&app.store, prefix, key).await?;
        Ok::<_, AppError>(found.map(Arc::new))
    };
    // Simultaneous requests with one key wait for one look-up.
    let found = app.sign_ins.try_get_with(hash, look_up).await;
    let found = found.map_err(|error| match &*error {
        AppError::Unavailable(reason) => AppError::Unavailable(reason.clone()),
        other => AppError::Internal(other.to_string()),
    })?;
    let found = found.ok_or(AppError::NotSignedIn)?;
    let credential = &found.credential;
    let expired = credential.expires_at.is_some_and(|at| at <= app.ambient.now());
    if credential.revoked_at.is_some() || expired {
        return Err(AppError::NotSignedIn);
    }
    Ok(SignedIn { found })
}

/// The prefix of a text that has the form of a key.
fn prefix_of(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("sk_").filter(|_| key.len() == KEY_LENGTH && key.is_ascii())?;
    let (prefix, secret) = rest.split_once('_')?;
    (prefix.len() == PREFIX_LENGTH && secret.len() == 43).then_some(prefix)
}
