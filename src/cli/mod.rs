//! Ring 5: the command line, one file per subcommand. Results go to the standard output, everything else to standard error.

mod audit;
mod clinics;
mod database;
mod health;
mod keys;
mod migrate;
mod output;
mod progress;
mod reindex;
mod restore;
mod retention;
mod rules;
mod seed_demo;
mod serve;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use self::output::{print, tell};
use crate::app::error::AppError;
use crate::config::{Cli, Command, LogFormat};
use crate::domain::causes::with_causes;
use crate::domain::fault::Fault;
use crate::domain::language::Language;
use crate::{http, store, telemetry};

/// Runs the command line and writes an error to the standard error stream.
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
        Command::Reindex { clinic } => reindex::run(settings, clinic.as_deref()).await?,
        Command::Restore { erasure_log } => restore::run(settings, erasure_log).await?,
        Command::Openapi => print(&http::document())?,
        Command::Rules(command) => return rules::run(settings, command).await,
        Command::Audit(command) => return audit::run(settings, command).await,
        Command::SeedDemo => seed_demo::run(settings).await?,
        Command::Health => health::run(settings)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The error as a message, with the name of every invalid field.
fn explain(error: &anyhow::Error) -> String {
    match error.downcast_ref::<AppError>() {
        Some(AppError::Faulty(faults) | AppError::Refused { faults, .. }) => {
            let named =
                |fault: &Fault| format!("{} {}", fault.pointer.trim_start_matches('/'), fault.detail(Language::En));
            faults.iter().map(named).collect::<Vec<_>>().join("; ")
        }
        _ => with_causes(&**error),
    }
}

/// Whether the reader of the output closed it, as `| head` does. This needs no message.
fn reader_left(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
