//! Looks up keys by prefix. All waiting requests share one query, and only one query runs at a time. However many invented
//! keys are tried, they never use more than one database connection.

use uuid::Uuid;

use super::credentials::{ByPrefix, find_by_prefixes};
use crate::domain::ids::ClinicId;
use crate::store::database::Store;
use crate::store::database::writer::{Grouping, Work};
use crate::store::error::Result;

/// A prefix in the queue.
pub(in crate::store) struct LookUp(pub String);

/// Grouping of lookups. The queue has no limit: each waiting request belongs to an HTTP connection, and their number is
/// limited.
pub(in crate::store) const GROUPED: Grouping = Grouping { batch: 1_024, writers: 1, waiting: usize::MAX };

impl Work for LookUp {
    const QUEUE_NAME: &'static str = "sign_in";
    type Touched = ();
    type Outcome = Option<ByPrefix>;

    /// The clinic of a prefix is not known yet, so all prefixes share one queue.
    fn clinic_id(&self) -> ClinicId {
        ClinicId(Uuid::nil())
    }

    async fn commit(store: &Store, part: &[Self]) -> Result<Vec<Option<ByPrefix>>> {
        let prefixes: Vec<&str> = part.iter().map(|look_up| &*look_up.0).collect();
        find_by_prefixes(store, &prefixes).await
    }
}
