//! What takes long and works for one clinic: so much of it is under way at once, however many of its credentials ask.

use std::time::Duration;

use super::{App, AppError};
use crate::domain::actor::Actor;
use crate::store::shares::Shares;

pub use crate::store::shares::Place;

/// Batches and Bundles of one clinic at once.
const BATCHES: usize = 4;
/// Exports of one clinic at once.
const EXPORTS: usize = 4;
/// How long a caller whose clinic has too much under way waits for a place, and after that when it may ask again. A caller
/// that begins the next one as soon as it was answered is never refused: the place of the last one is free at once.
const WAIT: Duration = Duration::from_secs(1);

/// The places of each clinic.
pub(crate) struct UnderWay {
    batches: Shares,
    exports: Shares,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self { batches: Shares::new(BATCHES), exports: Shares::new(EXPORTS) }
    }
}

impl App {
    /// A place for a batch, to be held until it is answered.
    ///
    /// # Errors
    /// When the clinic has as many batches under way as it may.
    pub async fn batch_place(&self, actor: &Actor) -> Result<Place, AppError> {
        limited(self.under_way.batches.take(actor.clinic_id, WAIT).await)
    }

    /// A place for an export, to be held until it is answered.
    pub(super) async fn export_place(&self, actor: &Actor) -> Result<Place, AppError> {
        limited(self.under_way.exports.take(actor.clinic_id, WAIT).await)
    }
}

fn limited(place: Option<Place>) -> Result<Place, AppError> {
    place.ok_or(AppError::Limited { retry_after: WAIT })
}
