//! The settings of the database.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, value_parser};

/// The database and its credentials.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The PostgreSQL to use, as postgres://user@host/database. The user is the role that the service signs in as;
    /// `migrate` creates it. Over a network add ?sslmode=verify-full&sslrootcert=FILE: with any weaker sslmode (the default
    /// is prefer) the service does not verify the server, and logs a warning when it starts. Without DATABASE_URL the
    /// service runs a private PostgreSQL in the data folder.
    #[arg(long = "database-url", env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<Secret>,

    /// A file with the password for DATABASE_URL and DATABASE_READ_URL, so that the URLs need not contain it. `migrate`
    /// sets this password for the user of DATABASE_URL.
    #[arg(long = "database-password-file", env = "SARCOSCREEN_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// The same database, signed in as its owner: postgres://owner@host/database. Only `migrate` and `audit prune` read it;
    /// do not set it for the service. sslmode is as for DATABASE_URL.
    #[arg(long = "owner-database-url", env = "SARCOSCREEN_OWNER_DATABASE_URL", value_name = "URL")]
    #[arg(hide_env_values = true)]
    pub owner_url: Option<Secret>,

    /// A file with the password for SARCOSCREEN_OWNER_DATABASE_URL.
    #[arg(
        long = "owner-database-password-file",
        env = "SARCOSCREEN_OWNER_DATABASE_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub owner_password_file: Option<PathBuf>,

    /// The maximum number of database connections of the service, 1 to 1000.
    #[arg(long = "database-connections", env = "SARCOSCREEN_DATABASE_CONNECTIONS", value_name = "COUNT")]
    #[arg(default_value_t = 16, value_parser = value_parser!(u32).range(1..=1000))]
    pub connections: u32,

    /// How long one request may wait for the database in total, for a connection and for all of its statements, in
    /// milliseconds, 200 to 60000. After that the response is 503. A submission may wait one third longer for its
    /// transaction. Increase it for slow storage. Exports, statistics and background jobs have 30 seconds for each
    /// statement.
    #[arg(long = "database-deadline-ms", env = "SARCOSCREEN_DATABASE_DEADLINE_MS", value_name = "MILLISECONDS")]
    #[arg(default_value_t = 1_400, value_parser = value_parser!(u32).range(200..=60_000))]
    pub deadline_ms: u32,

    /// The master key: a file of 64 hexadecimal digits that other accounts cannot read. Required with DATABASE_URL;
    /// otherwise it is created in the data folder. Without it every key and every name in the database is lost. The file
    /// may contain several keys, one per line: the first is current, the others still decrypt older data until `keys
    /// rotate-master` has re-encrypted it.
    #[arg(long, env = "SARCOSCREEN_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,

    /// The file to which erased subjects are appended, as keyed hashes, so that `restore` can erase them again in a
    /// restored backup. Store it apart from the database. Without it erasure is refused. [default: in the data folder; none
    /// with DATABASE_URL]
    #[arg(id = "erasure_log_file", long = "erasure-log-file", env = "SARCOSCREEN_ERASURE_LOG", value_name = "FILE")]
    pub erasure_log: Option<PathBuf>,

    /// PostgreSQL settings that may be off although acknowledged submissions could then be lost, separated by commas.
    #[arg(long, env = "SARCOSCREEN_ALLOW_UNSAFE_DURABILITY", value_name = "SETTINGS")]
    #[arg(value_delimiter = ',', value_parser = ["fsync", "full_page_writes", "synchronous_commit"])]
    pub allow_unsafe_durability: Vec<String>,
}

/// A text that `Debug` does not show.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
