//! Looking up keys: the prefixes of all requests that wait share one query, with one query under way at a time. So keys that
//! are made up cost the database no more than one connection, however many are tried.

use uuid::Uuid;

use super::credentials::{ByPrefix, find_by_prefixes};
use super::writer::{Grouping, Work};
use super::{Store, StoreError};
use crate::domain::ids::ClinicId;

/// A prefix that waits to be looked up.
pub(super) struct LookUp(String);

/// The prefixes of one query. None is turned away: each waits on a connection, of which there is a limited number.
pub(super) const GROUPED: Grouping = Grouping { batch: 1_024, writers: 1, waiting: usize::MAX };

/// Finds the credential of a key by the key's prefix.
///
/// # Errors
/// Fails when the database is unavailable.
pub async fn find(store: &Store, prefix: &str) -> Result<Option<ByPrefix>, StoreError> {
    Ok(store.look_ups.write(LookUp(prefix.to_owned())).await?.1)
}

impl Work for LookUp {
    const QUEUE_NAME: &'static str = "sign_in";
    type Touched = ();
    type Outcome = Option<ByPrefix>;

    /// A prefix is of no known clinic yet, so all wait in one line.
    fn clinic_id(&self) -> ClinicId {
        ClinicId(Uuid::nil())
    }

    fn touched(&self) -> Vec<()> {
        Vec::new()
    }

    async fn commit(store: &Store, part: &[Self]) -> Result<Vec<Option<ByPrefix>>, StoreError> {
        let prefixes: Vec<&str> = part.iter().map(|look_up| &*look_up.0).collect();
        find_by_prefixes(store, &prefixes).await
    }
}
