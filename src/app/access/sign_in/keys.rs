//! Sign-in with a key: its prefix finds the credential, from a cache or from the database, and its hash decides. A key with
//! a known prefix costs one keyed hash, whatever follows the prefix.

use std::sync::Arc;

use super::Found;
use super::remembered::{PREFIX_LENGTH, Prefix};
use crate::app::{App, AppError, Result};
use crate::domain::access::{actor::Role, credential::Credential};

/// Length of the mark, which is [`Role::key_mark`].
const MARK_LENGTH: usize = 3;
const SECRET_LENGTH: usize = 43;
const KEY_LENGTH: usize = MARK_LENGTH + PREFIX_LENGTH + 1 + SECRET_LENGTH;

pub(super) fn has_the_form(bearer: &str) -> bool {
    without_mark(bearer).is_some()
}

/// Finds the owner of a key.
pub(super) async fn find(app: &App, key: &str) -> Result<Arc<Found>> {
    let (prefix, text) = prefix_of(key).ok_or(AppError::NotSignedIn(None))?;
    let known = if let Some(known) = app.remembered.keys.get(&prefix).await {
        known
    } else {
        // Concurrent lookups share a query. The cache's own `try_get_with` wakes those that wait for it one after the other.
        // Boxed, so that requests with a cache hit do not carry the size of the lookup future.
        let found = Box::pin(app.writers.find_key(text)).await?.map(Arc::new);
        app.remembered.keys.insert(prefix, found.clone()).await;
        found
    };
    let known = known.ok_or(AppError::NotSignedIn(None))?;
    if !known.is_key(&app.store, key) {
        let Credential { clinic_id, credential_id, .. } = known.signed_in.credential;
        return Err(AppError::NotSignedIn(Some((clinic_id, credential_id))));
    }
    if Box::pin(known.follow_master_key(&app.store, key)).await? {
        app.remembered.keys.invalidate(&prefix).await;
    }
    Ok(Arc::clone(&known.signed_in))
}

fn without_mark(key: &str) -> Option<&str> {
    Role::ALL.into_iter().find_map(|role| key.strip_prefix(role.key_mark()))
}

/// The prefix of a text that has the form of a key, as bytes and as text.
pub(super) fn prefix_of(key: &str) -> Option<(Prefix, &str)> {
    let rest = without_mark(key).filter(|_| key.len() == KEY_LENGTH && key.is_ascii())?;
    let (prefix, secret) = rest.split_once('_')?;
    let bytes = prefix.as_bytes().try_into().ok().filter(|_| secret.len() == SECRET_LENGTH)?;
    Some((bytes, prefix))
}
