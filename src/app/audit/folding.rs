//! Folding of refusals. The first refusal of a kind is written to the audit log before its response is sent. Further ones
//! are counted, and their number is written as one entry when a minute has passed since the last entry of the kind. So
//! entries of one kind are at least a minute apart, and every refusal is written at most a minute after its response.
//!
//! Each process counts separately. A process that is killed loses the refusals counted since the last entry of their kind;
//! one that is stopped writes them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::refusal_counts::{Entered, Kind, Refusal, Unwritten, Written};
use crate::app::{App, AppError, Result};
use crate::domain::causes::with_causes;

const AT_ONCE: usize = 256;

/// Audits a refusal. When this returns, an entry of its kind that is less than a minute old is on disk. Fails when the
/// audit log cannot be written; then the refusal must not be sent.
pub(in crate::app) async fn record(app: &App, kind: Kind, refusal: Refusal) -> Result<()> {
    match app.folding.enter(&*app.ambient, &app.writers, kind, refusal)? {
        Entered::Counted => Ok(()),
        Entered::First(kind, written) => on_disk(app, kind, written).await,
        Entered::Second(kind, written) => {
            on_disk(app, kind, written).await?;
            app.folding.add(kind, app.ambient.elapsed(), &Unwritten::from_refusal(refusal));
            Ok(())
        }
        Entered::Failing(_) => Err(AppError::Unavailable("refusals cannot be written to the audit log".to_owned())),
    }
}

/// Waits for the first entry of a kind. A failed write is forgotten, so that the next refusal tries again.
async fn on_disk(app: &App, kind: Kind, written: Written) -> Result<()> {
    let outcome = written.clone().await;
    outcome.map_err(AppError::Unavailable).inspect_err(|_| app.folding.forget(kind, &written))
}

/// Counts a refusal whose response does not depend on the audit log. The first of its kind is handed to the writer at once.
pub(in crate::app) fn count(app: &App, kind: Kind, refusal: Refusal) {
    let kind = match app.folding.enter(&*app.ambient, &app.writers, kind, refusal) {
        Ok(Entered::Counted | Entered::First(..)) => return,
        Ok(Entered::Second(kind, _) | Entered::Failing(kind)) => kind,
        Err(_) => kind,
    };
    app.folding.add(kind, app.ambient.elapsed(), &Unwritten::from_refusal(refusal));
}

/// Writes the counted refusals whose minute has ended.
pub async fn tell_due(app: &App) {
    let now = app.ambient.elapsed();
    tell(app, app.folding.take(now, |counted| counted.is_due(now))).await;
}

pub async fn tell_all(app: &App) {
    tell(app, app.folding.take(app.ambient.elapsed(), |_| true)).await;
}

pub fn next_due(app: &App) -> Duration {
    app.folding.next_due(app.ambient.elapsed())
}

/// Writes counted refusals, and logs once how many of them could not be written.
async fn tell(app: &App, taken: Vec<(Kind, Option<Written>, Unwritten)>) {
    let failed = Mutex::default();
    stream::iter(taken).for_each_concurrent(AT_ONCE, |one| tell_one(app, one, &failed)).await;
    let failed: Vec<(AppError, i32)> = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((error, _)) = failed.first() {
        let refusals: i64 = failed.iter().map(|(_, occurrences)| i64::from(*occurrences)).sum();
        tracing::warn!(error = %with_causes(error), kinds = failed.len(), refusals, "refusals are not in the audit log yet");
    }
}

/// Writes the counted refusals of a kind, or adds their number to the failed ones.
async fn tell_one(
    app: &App,
    (kind, first, mut unwritten): (Kind, Option<Written>, Unwritten),
    failed: &Mutex<Vec<(AppError, i32)>>,
) {
    if let Some(first) = first
        && let Err(reason) = first.await
    {
        tracing::info!(reason, "the first refusal of a kind was not written to the audit log");
        unwritten.occurrences = unwritten.occurrences.saturating_add(1);
    }
    if unwritten.occurrences > 0 {
        let written = async {
            let entry = unwritten.entry(&*app.ambient, kind)?;
            app.writers.write_audit_entry(entry).await.map_err(AppError::from)
        };
        if let Err(error) = written.await {
            app.folding.put_back(kind, app.ambient.elapsed(), &unwritten);
            failed.lock().unwrap_or_else(PoisonError::into_inner).push((error, unwritten.occurrences));
            return;
        }
    }
    app.folding.succeeded(kind);
}
