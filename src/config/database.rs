//! The settings of the database.

#![allow(clippy::doc_markdown, reason = "the comments of the settings are the text of `--help`")]

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{ArgAction, Args};

use super::Secret;

/// Which database, and with what.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The PostgreSQL to use, as postgres://user@host/database. The user is the role that the service signs in as, which
    /// `migrate` makes. Over a network add ?sslmode=verify-full&sslrootcert=FILE: with any weaker sslmode (the default is
    /// prefer) the service takes whoever answers for the database, and warns of it when it starts. Without DATABASE_URL a
    /// private PostgreSQL is kept in the data folder.
    #[arg(long = "database-url", env = "DATABASE_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub url: Option<Secret>,

    /// A file with the password for DATABASE_URL, and for DATABASE_READ_URL, so that the URLs need not hold it. `migrate`
    /// gives the user of DATABASE_URL this password.
    #[arg(
        long = "database-password-file",
        env = "SARCOSCREEN_DATABASE_PASSWORD_FILE",
        global = true,
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,

    /// The same database as its owner: postgres://owner@host/database. Only `migrate` and `audit prune` read it; do
    /// not give it to the service. sslmode is as for DATABASE_URL.
    #[arg(
        long = "owner-database-url",
        env = "SARCOSCREEN_OWNER_DATABASE_URL",
        hide_env_values = true,
        global = true,
        value_name = "URL"
    )]
    pub owner_url: Option<Secret>,

    /// A file with the password for SARCOSCREEN_OWNER_DATABASE_URL.
    #[arg(
        long = "owner-database-password-file",
        env = "SARCOSCREEN_OWNER_DATABASE_PASSWORD_FILE",
        global = true,
        value_name = "FILE"
    )]
    pub owner_password_file: Option<PathBuf>,

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

    /// How long one request waits for the database, for a connection and for all of its statements, in milliseconds, 200 to
    /// 60000. After it the request is answered with 503. A submission waits a third of it more for its transaction. Raise it
    /// where the storage is slow. Exports, statistics and background work have 30 seconds for each statement.
    #[arg(
        long = "database-deadline-ms",
        env = "SARCOSCREEN_DATABASE_DEADLINE_MS",
        global = true,
        value_name = "MILLISECONDS",
        default_value_t = 1_400,
        value_parser = clap::value_parser!(u32).range(200..=60_000)
    )]
    pub deadline_ms: u32,

    /// Applies missing migrations when the service starts. Only the private PostgreSQL is migrated so, and always; with
    /// DATABASE_URL this is refused, and `migrate` does it.
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
