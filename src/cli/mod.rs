//! Ring 5: the command line, one file per subcommand. Results go to the standard output, everything else to standard error.

mod audit;
mod clinics;
mod explain;
mod health;
mod keys;
mod migrate;
mod progress;
mod restore;
mod retention;
mod rules;
mod seed_demo;
mod serve;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;

use self::explain::{explain, reader_left};
use crate::app::App;
use crate::config::{Cli, Command, LogFormat, Settings};
use crate::server::Opened;
use crate::{app, http, store, telemetry};

/// The hint when the database is unavailable; the log has the details.
const AWAY: &str = "the database does not answer; check that it runs where DATABASE_URL says and accepts the role";

/// Runs the command line and writes an error to the standard error stream.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match attempt(&cli) {
        Ok(code) => code,
        Err(error) if reader_left(&error) => ExitCode::FAILURE,
        Err(error) => {
            tell(&format!("error: {}", explain(&error)));
            ExitCode::FAILURE
        }
    }
}

fn attempt(cli: &Cli) -> anyhow::Result<ExitCode> {
    let log = &cli.settings.log;
    // The framework logs every malformed request as an error, and any client can send one.
    let quiet = format!("actix_server=warn,actix_http::h1::dispatcher=off,{}", store::QUIETLY_LOGGED);
    telemetry::start(&log.filter, &quiet, store::NEVER_LOGGED, log.format == LogFormat::Json)
        .context("SARCOSCREEN_LOG is invalid")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(dispatch(cli));
    // Tasks that still run after a second signal must not delay the exit.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(cli: &Cli) -> anyhow::Result<ExitCode> {
    let settings = &cli.settings;
    match cli.command.as_ref().unwrap_or(&Command::Serve) {
        Command::Serve => Box::pin(serve::run(settings)).await?,
        Command::Migrate { roles_only } => migrate::run(settings, *roles_only).await?,
        Command::Clinics(command) => clinics::run(settings, command).await?,
        Command::Keys(command) => keys::run(settings, command).await?,
        Command::Retention => retention::run(settings).await?,
        Command::Restore { erasure_log } => restore::run(settings, erasure_log).await?,
        Command::Openapi => print(&http::document())?,
        Command::Rules(command) => return rules::run(settings, command).await,
        Command::Audit(command) => return audit::run(settings, command).await,
        Command::SeedDemo => seed_demo::run(settings).await?,
        Command::Health => health::run(settings)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a result to the standard output.
fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Writes a message that is not a result to the standard error stream.
fn tell(line: &str) {
    // A failure to write to standard error cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Runs work on the database and closes it afterwards, also after a failure.
async fn on_database<T>(settings: &Settings, work: impl AsyncFnOnce(&App) -> anyhow::Result<T>) -> anyhow::Result<T> {
    on_opened(Opened::beside(settings, &tell).await?, work).await
}

/// Runs work on the database as its owner and closes it afterwards, also after a failure.
async fn on_database_as_owner<T>(
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
