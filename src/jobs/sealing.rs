//! Seals new entries of the audit log.

use crate::app::App;
use crate::app::audit::sealing;
use crate::domain::causes::with_causes;

pub(super) async fn run(app: &App) {
    if !app.prepared() {
        return;
    }
    if let Err(error) = sealing::seal(app).await {
        tracing::warn!(error = %with_causes(&error), "cannot seal the audit log; unsealed entries stay unsealed");
    }
}
