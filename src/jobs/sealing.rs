//! Sealing: what was added to the audit trail gets its seal.

use crate::app::{App, sealing};

/// Seals what waits.
pub(super) async fn run(app: &App) {
    if !app.prepared() {
        return;
    }
    if let Err(error) = sealing::seal(app).await {
        tracing::warn!(%error, "the audit trail could not be sealed; what waits stays waiting");
    }
}
