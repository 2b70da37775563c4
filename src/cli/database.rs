//! The database of a command.

use anyhow::bail;

use super::output::tell;
use crate::app;
use crate::app::App;
use crate::config::Settings;
use crate::server::Opened;

/// The hint when the database is unavailable; the log has the details.
const AWAY: &str = "the database does not answer; check that it runs where DATABASE_URL says and accepts the role";

/// Runs work on the database and closes it afterwards, also after a failure.
pub(super) async fn on_database<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    on_opened(Opened::beside(settings, &tell).await?, work).await
}

/// Runs work on the database as its owner and closes it afterwards, also after a failure.
pub(super) async fn on_database_as_owner<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    on_opened(Opened::as_owner(settings, &tell).await?, work).await
}

async fn on_opened<T>(opened: Opened, work: impl AsyncFnOnce(&App) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let outcome = on_schema(&opened.app, work).await;
    let closed = opened.close().await;
    let value = outcome?;
    closed?;
    Ok(value)
}

async fn on_schema<T>(app: &App, work: impl AsyncFnOnce(&App) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let readiness = app::health::readiness(app).await;
    if !readiness.database {
        bail!(AWAY);
    }
    if let Some(fault) = readiness.schema_fault {
        bail!(fault);
    }
    app.prepare().await?;
    work(app).await
}
