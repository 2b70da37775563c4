//! Bytes of responses that are buffered because clients have not read them: one budget for all, and a share for each
//! credential.
//!
//! Batches add results while there is room, and stop reading lines while there is none. Other responses are built completely;
//! a caller whose share is used up is refused before the next one is built.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::CredentialId;

/// Maximum buffered bytes of all credentials.
const ALL: usize = 192 * 1024 * 1024;
/// Maximum buffered bytes of one credential. Clients that read nothing before they have sent everything need all of it: short
/// results of 100,000 lines, most of them not flagged, are about 30 MB.
const EACH: usize = 48 * 1024 * 1024;

pub(in crate::http) struct Waiting {
    all: Arc<Semaphore>,
    each: DashMap<CredentialId, Weak<Semaphore>>,
}

#[derive(Clone)]
pub(in crate::http) struct Share {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// A reservation of buffered bytes, released when they are sent or dropped.
pub(in crate::http) struct Held(#[expect(dead_code, reason = "released on drop")] [Option<OwnedSemaphorePermit>; 2]);

impl Default for Waiting {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), each: DashMap::new() }
    }
}

impl Waiting {
    pub(in crate::http) fn share(&self, credential: CredentialId) -> Share {
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
    /// Whether there is any room left.
    pub(in crate::http) fn has_room(&self) -> bool {
        self.own.available_permits() > 0 && self.all.available_permits() > 0
    }

    /// Reserves bytes that are already buffered, as far as there is room.
    pub(in crate::http) fn hold(&self, bytes: usize) -> Held {
        let hold = |room: &Arc<Semaphore>| {
            let count = u32::try_from(bytes.min(room.available_permits())).ok()?;
            Arc::clone(room).try_acquire_many_owned(count).ok()
        };
        Held([hold(&self.own), hold(&self.all)])
    }

    /// Waits for room, then reserves it.
    pub(in crate::http) async fn room(&self, bytes: usize) -> Held {
        let count = u32::try_from(bytes.min(EACH)).unwrap_or(u32::MAX);
        // The semaphores are never closed.
        let own = Arc::clone(&self.own).acquire_many_owned(count).await.ok();
        let all = Arc::clone(&self.all).acquire_many_owned(count).await.ok();
        Held([own, all])
    }
}
