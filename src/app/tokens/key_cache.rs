//! The issuer's keys at hand: fetched when needed, kept for a while, and kept longer while the issuer is away.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

use super::key_set::{DOCUMENT_LIMIT, KeySet};
use crate::app::AppError;
use crate::app::ambient::Ambient;
use crate::outbound::Client;

/// However many tokens name an unknown key, the issuer is asked at most this often.
const LEAST_PAUSE: Duration = Duration::from_secs(10);
/// While the issuer is away its keys stay in use for this long after their time.
const GRACE: Duration = Duration::from_hours(1);

/// The keys of one issuer.
pub(super) struct KeyCache {
    client: Client,
    address: String,
    kept_for: Duration,
    ambient: Arc<dyn Ambient>,
    held: RwLock<Held>,
    /// Held by whoever is fetching; the others wait for what comes.
    fetching: Arc<Mutex<()>>,
}

#[derive(Clone, Default)]
struct Held {
    keys: Arc<KeySet>,
    /// When the keys were fetched; `None` before the first time.
    fetched: Option<Duration>,
    /// When a fetch was last begun.
    tried: Option<Duration>,
}

impl KeyCache {
    pub(super) fn new(client: Client, address: String, kept_for: Duration, ambient: Arc<dyn Ambient>) -> Self {
        Self { client, address, kept_for, ambient, held: RwLock::default(), fetching: Arc::default() }
    }

    /// Keys among which the named one is, if the issuer has it.
    ///
    /// # Errors
    /// When no keys are at hand and the issuer is away.
    pub(super) async fn keys(self: &Arc<Self>, name: &str) -> Result<Arc<KeySet>, AppError> {
        let held = self.held();
        if held.keys.get(name).is_some() && self.usable(&held) {
            if !self.fresh(&held) && self.may_try(&held) {
                // The known key serves meanwhile. Whoever is fetching already need not be waited for.
                if let Ok(turn) = Arc::clone(&self.fetching).try_lock_owned() {
                    tokio::spawn(Arc::clone(self).fetch(turn));
                }
            }
            return Ok(held.keys);
        }
        let turn = Arc::clone(&self.fetching).lock_owned().await;
        let held = self.held();
        if (held.keys.get(name).is_none() || !self.usable(&held)) && self.may_try(&held) {
            // A task of its own: the fetch goes on for the others when this caller hangs up.
            let fetch = tokio::spawn(Arc::clone(self).fetch(turn));
            fetch.await.map_err(|_| AppError::Internal("fetching the issuer's keys broke off".into()))?;
        }
        let held = self.held();
        let away = || AppError::Unavailable("the keys of the issuer of tokens cannot be had".into());
        if self.usable(&held) { Ok(held.keys) } else { Err(away()) }
    }

    async fn fetch(self: Arc<Self>, _turn: tokio::sync::OwnedMutexGuard<()>) {
        let now = self.ambient.elapsed();
        self.change(|held| held.tried = Some(now));
        match self.client.fetch(&self.address, DOCUMENT_LIMIT).await {
            Err(error) => tracing::warn!(%error, "the keys of the issuer of tokens cannot be had"),
            Ok(document) => match KeySet::read(&document) {
                None => tracing::warn!("the issuer of tokens answers with something else than keys"),
                Some(keys) => {
                    tracing::info!(keys = keys.len(), "the keys of the issuer of tokens are at hand");
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
