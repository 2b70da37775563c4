//! Shares: limits how much of a common resource one clinic may use at a time.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::ids::ClinicId;

/// A place in a clinic's share, held until it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// The same number of places for each clinic. Entries are never removed, because only the operator creates clinics.
pub struct Shares {
    each: usize,
    clinics: DashMap<ClinicId, Arc<Semaphore>>,
}

impl Shares {
    pub fn new(each: usize) -> Self {
        Self { each, clinics: DashMap::new() }
    }

    /// Waits for a free place of the clinic, in the order of requests. `None` when the time limit passes.
    pub async fn take(&self, clinic_id: ClinicId, limit: Duration) -> Option<Place> {
        let place = timeout(limit, self.of_clinic(clinic_id).acquire_owned()).await;
        // The semaphore is never closed.
        place.ok()?.ok().map(Place)
    }

    fn of_clinic(&self, clinic_id: ClinicId) -> Arc<Semaphore> {
        if let Some(places) = self.clinics.get(&clinic_id) {
            return Arc::clone(&places);
        }
        Arc::clone(&self.clinics.entry(clinic_id).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_clinic_with_a_full_share_does_not_affect_another() {
        let (shares, one, other) = (Shares::new(2), ClinicId(Uuid::from_u128(1)), ClinicId(Uuid::from_u128(2)));
        let moment = Duration::from_millis(1);
        let held = [shares.take(one, moment).await, shares.take(one, moment).await];
        assert!(held.iter().all(Option::is_some) && shares.take(one, moment).await.is_none());
        assert!(shares.take(other, moment).await.is_some());
        drop(held);
        assert!(shares.take(one, moment).await.is_some());
    }
}
