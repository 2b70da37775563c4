//! The cache of an issuer's keys: fetched when needed, cached for a while, and longer while the issuer is unavailable.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

use super::key_set::{DOCUMENT_LIMIT, KeySet};
use crate::app::ambient::Ambient;
use crate::app::error::{AppError, Result};
use crate::domain::causes::with_causes;
use crate::outbound::Client;

/// The minimum time between two fetches, however many tokens name an unknown key.
const LEAST_PAUSE: Duration = Duration::from_secs(10);
/// How long expired keys stay in use while the issuer is unavailable.
const GRACE: Duration = Duration::from_hours(1);

pub(super) struct KeyCache {
    client: Client,
    address: String,
    kept_for: Duration,
    ambient: Arc<dyn Ambient>,
    held: RwLock<Held>,
    /// Held during a fetch; other callers wait for its result.
    fetching: Arc<Mutex<()>>,
}

#[derive(Clone, Default)]
struct Held {
    keys: Arc<KeySet>,
    /// When the keys were fetched; `None` before the first fetch.
    fetched: Option<Duration>,
    /// When the last fetch started.
    tried: Option<Duration>,
}

impl KeyCache {
    pub(super) fn new(client: Client, address: String, kept_for: Duration, ambient: Arc<dyn Ambient>) -> Self {
        Self { client, address, kept_for, ambient, held: RwLock::default(), fetching: Arc::default() }
    }

    /// The issuer's keys, with the named key if the issuer has it. Fails when no keys are cached and the issuer is
    /// unavailable.
    pub(super) async fn keys(self: &Arc<Self>, name: &str) -> Result<Arc<KeySet>> {
        let held = self.held();
        if held.keys.get(name).is_some() && self.usable(&held) {
            if !self.fresh(&held) && self.may_try(&held) {
                // The cached key stays in use meanwhile. If another caller is already fetching, this one does not wait.
                if let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned() {
                    tokio::spawn(Arc::clone(self).fetch(turn));
                }
            }
            return Ok(held.keys);
        }
        let turn = Arc::clone(&self.fetching).lock_owned().await;
        let held = self.held();
        if (held.keys.get(name).is_none() || !self.usable(&held)) && self.may_try(&held) {
            // A separate task, so that the fetch continues for other callers when this client disconnects.
            let fetch = tokio::spawn(Arc::clone(self).fetch(turn));
            fetch.await.map_err(|_| AppError::Internal("the fetch of the issuer's keys was aborted".into()))?;
        }
        let held = self.held();
        let away = || AppError::Unavailable("the keys of the token issuer are unavailable".into());
        if self.usable(&held) { Ok(held.keys) } else { Err(away()) }
    }

    async fn fetch(self: Arc<Self>, _turn: tokio::sync::OwnedMutexGuard<()>) {
        let now = self.ambient.elapsed();
        self.change(|held| held.tried = Some(now));
        match self.client.fetch(&self.address, DOCUMENT_LIMIT).await {
            Err(error) => tracing::warn!(error = %with_causes(&error), "cannot fetch the keys of the token issuer"),
            Ok(document) => match KeySet::read(&document) {
                None => tracing::warn!("the response of the token issuer is not a key set"),
                Some(keys) => {
                    tracing::info!(keys = keys.len(), "fetched the keys of the token issuer");
                    self.change(|held| (held.keys, held.fetched) = (Arc::new(keys), Some(now)));
                }
            },
        }
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn fresh(&self, held: &Held) -> bool {
        self.younger(held.fetched, self.kept_for)
    }

    fn usable(&self, held: &Held) -> bool {
        self.younger(held.fetched, self.kept_for + GRACE)
    }

    fn may_try(&self, held: &Held) -> bool {
        !self.younger(held.tried, LEAST_PAUSE)
    }

    fn younger(&self, since: Option<Duration>, than: Duration) -> bool {
        since.is_some_and(|since| self.ambient.elapsed().saturating_sub(since) < than)
    }
}
