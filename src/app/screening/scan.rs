//! Work on all stored submissions: the next rows are read while other threads process the ones before.

use std::sync::Arc;

use futures_util::stream::{self, TryStreamExt as _};
use tokio::task::spawn_blocking;

use crate::app::{App, AppError, Result, progress::Progress};
use crate::domain::ids::ClinicId;
use crate::store::screening::scan::{Scan, Scanned};

/// Chunks in progress at once. This bounds the memory, whatever the number of rows.
const AT_ONCE: usize = 4;

/// Processes the submissions of a clinic, or of all clinics, and merges the result of each chunk, in the order of rows.
/// It reads one snapshot of the database and cannot write. Fails when the work panics.
pub(in crate::app) async fn fold<T: Default + Send + 'static>(
    app: &App,
    clinic_id: Option<ClinicId>,
    work: impl Fn(&Scanned, &mut T) + Send + Sync + 'static,
    mut merge: impl FnMut(&mut T, T),
    mut progress: impl FnMut(Progress),
) -> Result<T> {
    let mut scan = Scan::begin(&app.store, clinic_id).await?;
    let (mut done, total) = (0, scan.count().await?);
    let chunks = stream::try_unfold(scan, |mut scan| async move {
        let chunk = scan.next().await?;
        Ok::<_, AppError>((!chunk.is_empty()).then_some((chunk, scan)))
    });
    let work = Arc::new(work);
    let worked = chunks.map_ok(|chunk| {
        let work = Arc::clone(&work);
        async move {
            let rows = chunk.len() as u64;
            let task = spawn_blocking(move || {
                let mut outcome = T::default();
                for row in &chunk {
                    work(row, &mut outcome);
                }
                outcome
            });
            let outcome = task.await.map_err(|_| AppError::Internal("processing stored rows failed".into()))?;
            Ok((rows, outcome))
        }
    });
    let mut worked = std::pin::pin!(worked.try_buffered(AT_ONCE));
    let mut whole = T::default();
    while let Some((rows, outcome)) = worked.try_next().await? {
        merge(&mut whole, outcome);
        done += rows;
        progress(Progress { done, total });
    }
    Ok(whole)
}
