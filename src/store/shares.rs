//! Shares: how much of something that all clinics use one clinic may hold at once.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::ids::ClinicId;

/// A place that a clinic holds until this is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held, not read")] OwnedSemaphorePermit);

/// So many places for each clinic. There are as many clinics as the operator made, so they are never forgotten.
pub struct Shares {
    each: usize,
    clinics: DashMap<ClinicId, Arc<Semaphore>>,
}

impl Shares {
    /// So many places for each clinic.
    #[must_use]
    pub fn new(each: usize) -> Self {
        Self { each, clinics: DashMap::new() }
    }

    /// A place of the clinic, once it has one to spare; in the order in which it was asked for. `None` when that takes
    /// longer than the limit.
    pub async fn take(&self, clinic_id: ClinicId, limit: Duration) -> Option<Place> {
        let place = timeout(limit, self.of(clinic_id).acquire_owned()).await;
        // The semaphore is never closed.
        place.ok()?.ok().map(Place)
    }

    fn of(&self, clinic_id: ClinicId) -> Arc<Semaphore> {
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
    async fn a_clinic_that_holds_all_of_its_places_takes_none_of_another() {
        let (shares, one, other) = (Shares::new(2), ClinicId(Uuid::from_u128(1)), ClinicId(Uuid::from_u128(2)));
        let moment = Duration::from_millis(1);
        let held = [shares.take(one, moment).await, shares.take(one, moment).await];
        assert!(held.iter().all(Option::is_some) && shares.take(one, moment).await.is_none());
        assert!(shares.take(other, moment).await.is_some());
        drop(held);
        assert!(shares.take(one, moment).await.is_some());
    }
}
