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

    /// A place of the clinic, unless it holds all of its own.
    #[must_use]
    pub fn try_take(&self, clinic_id: ClinicId) -> Option<Place> {
        self.of(clinic_id).try_acquire_owned().ok().map(Place)
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
        let held = [shares.try_take(one), shares.try_take(one)];
        assert!(held.iter().all(Option::is_some) && shares.try_take(one).is_none());
        assert!(shares.take(one, Duration::from_millis(1)).await.is_none());
        assert!(shares.try_take(other).is_some());
        drop(held);
        assert!(shares.take(one, Duration::from_mins(1)).await.is_some() && shares.try_take(one).is_some());
    }
}
