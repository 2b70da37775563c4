//! Bytes of answers that wait because they are not read: a budget for all, and a share of it for each credential.
//!
//! Batches put their results in as there is room, and stop reading lines while there is none. Other answers are made whole;
//! whoever has used up a share is refused before the next one is made.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::CredentialId;

/// Bytes that may wait altogether.
const ALL: usize = 192 * 1024 * 1024;
/// Bytes that may wait for one credential. Clients that read nothing before they have sent everything need all of it: short
/// results of 100,000 lines, most of them of people who are not flagged, are some 30 MB.
const EACH: usize = 48 * 1024 * 1024;

/// The budget.
pub(super) struct Waiting {
    all: Arc<Semaphore>,
    each: DashMap<CredentialId, Weak<Semaphore>>,
}

/// What a credential may still make wait.
#[derive(Clone)]
pub(super) struct Share {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Room for bytes that wait, given back when they are sent or dropped.
pub(super) struct Held(
    #[expect(dead_code, reason = "it is given back when dropped")] [Option<OwnedSemaphorePermit>; 2],
);

impl Default for Waiting {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), each: DashMap::new() }
    }
}

impl Waiting {
    /// The share of a credential.
    pub(super) fn share(&self, credential: CredentialId) -> Share {
        let mut entry = self.each.entry(credential).or_default();
        let own = entry.upgrade().unwrap_or_else(|| {
            let own = Arc::new(Semaphore::new(EACH));
            *entry = Arc::downgrade(&own);
            own
        });
        Share { all: Arc::clone(&self.all), own }
    }
}

impl Share {
    /// Whether there is any room.
    pub(super) fn has_room(&self) -> bool {
        self.own.available_permits() > 0 && self.all.available_permits() > 0
    }

    /// Counts bytes that are there already, as far as there is room to count them in.
    pub(super) fn hold(&self, bytes: usize) -> Held {
        let hold = |room: &Arc<Semaphore>| {
            let count = u32::try_from(bytes.min(room.available_permits())).ok()?;
            Arc::clone(room).try_acquire_many_owned(count).ok()
        };
        Held([hold(&self.own), hold(&self.all)])
    }

    /// Waits for room.
    pub(super) async fn room(&self, bytes: usize) -> Held {
        let count = u32::try_from(bytes.min(EACH)).unwrap_or(u32::MAX);
        // They are never closed.
        let own = Arc::clone(&self.own).acquire_many_owned(count).await.ok();
        let all = Arc::clone(&self.all).acquire_many_owned(count).await.ok();
        Held([own, all])
    }
}
