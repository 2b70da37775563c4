//! Limits the number of operations of one clinic in progress at once, regardless of how many credentials it uses.

use std::time::Duration;

use super::error::{AppError, Result};
use crate::domain::{access::actor::Actor, ids::ClinicId};
use crate::store::database::shares::Shares;

pub use crate::store::database::shares::Place;

/// Concurrent batches and Bundles of one clinic.
const BATCHES: usize = 4;
/// Concurrent exports of one clinic.
const EXPORTS: usize = 4;
/// Concurrent reads of one clinic. An HTTP worker runs its tasks in turn, so with a higher limit the responses of one
/// clinic would delay the requests of all others.
const READS: usize = 32;
/// How long a caller waits for a slot when its clinic has too many operations in progress. After a refusal, also the time
/// until it may try again. A caller that starts the next operation after the response to the last is never refused,
/// because its slot is free at once.
const WAIT: Duration = Duration::from_secs(1);

pub(crate) struct UnderWay {
    batches: Shares,
    exports: Shares,
    reads: Shares,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self { batches: Shares::new(BATCHES), exports: Shares::new(EXPORTS), reads: Shares::new(READS) }
    }
}

impl UnderWay {
    /// A slot for a batch; hold it until the response is sent. Fails when the clinic has as many batches in progress as
    /// allowed.
    pub(crate) async fn batch_place(&self, actor: &Actor) -> Result<Place> {
        limited(self.batches.take(actor.clinic_id, WAIT).await)
    }

    /// A slot for a read; hold it until the response is made. Fails when the clinic has as many reads in progress as
    /// allowed, and none ends in time.
    pub(crate) async fn read_place(&self, clinic_id: ClinicId) -> Result<Place> {
        let busy = || AppError::Unavailable("too many reads of the clinic are in progress".to_owned());
        self.reads.take(clinic_id, WAIT).await.ok_or_else(busy)
    }

    /// A slot for an export; hold it until the response is sent.
    pub(super) async fn export_place(&self, actor: &Actor) -> Result<Place> {
        limited(self.exports.take(actor.clinic_id, WAIT).await)
    }
}

fn limited(place: Option<Place>) -> Result<Place> {
    place.ok_or(AppError::Limited { retry_after: WAIT })
}
