//! Limits how much of a common resource one clinic may use at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A number of places for all clinics together. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct Places(Arc<Mutex<Taken>>);

struct Taken {
    all: usize,
    count: usize,
    /// Clinics that hold a place, with their numbers.
    held: HashMap<ClinicId, usize>,
}

/// One of the places, held until it is dropped.
pub struct Held {
    places: Places,
    clinic_id: ClinicId,
}

impl Places {
    pub(in crate::store) fn new(all: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken { all, count: 0, held: HashMap::new() })))
    }

    /// A place for the clinic. `None` when the clinic already holds as many places as are free, so that a place is left
    /// for another clinic. When `limit` places are taken, also `None` when the clinic holds its share of them.
    pub(in crate::store) fn take(&self, clinic_id: ClinicId, limit: usize) -> Option<Held> {
        let mut places = self.lock();
        let held = places.held.get(&clinic_id).copied().unwrap_or_default();
        let clinics = places.held.len() + usize::from(held == 0);
        let has_its_share = held >= (limit / clinics).max(1);
        if held >= places.all - places.count || has_its_share && places.count >= limit {
            return None;
        }
        places.held.insert(clinic_id, held + 1);
        places.count += 1;
        Some(Held { places: self.clone(), clinic_id })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        places.count -= 1;
        if let Some(held) = places.held.get_mut(&self.clinic_id) {
            *held -= 1;
            if *held == 0 {
                places.held.remove(&self.clinic_id);
            }
        }
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

    #[test]
    fn a_clinic_holds_at_most_as_many_places_as_are_free() {
        let places = Places::new(12);
        let mut held: Vec<Held> = Vec::new();
        for (clinic, share) in [(1, 6), (2, 3), (3, 2), (4, 1), (5, 0)] {
            let clinic = ClinicId(Uuid::from_u128(clinic));
            let taken: Vec<Held> = (0..20).map_while(|_| places.take(clinic, 12)).collect();
            assert_eq!(taken.len(), share, "{clinic:?}");
            held.extend(taken);
        }
        drop(held);
        let taken = places.lock();
        assert_eq!((taken.count, taken.held.len()), (0, 0));
    }

    #[test]
    fn at_the_limit_a_clinic_still_gets_its_share_and_at_least_one() {
        let places = Places::new(100);
        let mut held: Vec<Held> = Vec::new();
        for (clinic, limit, share) in [(1, 8, 8), (2, 8, 4), (3, 8, 2), (4, 2, 1), (4, 2, 0)] {
            let clinic = ClinicId(Uuid::from_u128(clinic));
            let taken: Vec<Held> = (0..20).map_while(|_| places.take(clinic, limit)).collect();
            assert_eq!(taken.len(), share, "{clinic:?}");
            held.extend(taken);
        }
    }
}
