//! The settings of a streaming replica.

use clap::Args;

use super::secret::Secret;

/// The streaming replica that serves exports and statistics.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Replica")]
pub struct Replica {
    /// A streaming replica of DATABASE_URL, a single server, that serves exports and statistics. All other queries go to
    /// DATABASE_URL, as do these while the replica is unavailable or its lag is too high. It must have the same user as
    /// DATABASE_URL. SARCOSCREEN_DATABASE_PASSWORD_FILE also contains its password, unless the URL has one. The connection
    /// limit is the same as for DATABASE_URL.
    #[arg(
        long = "database-read-url",
        env = "DATABASE_READ_URL",
        hide_env_values = true,
        global = true,
        value_name = "URL"
    )]
    pub read_url: Option<Secret>,

    /// The maximum replica lag of exports and statistics, 1 to 3600 seconds. They may lack younger changes,
    /// also those of their reader. At a higher lag DATABASE_URL serves them.
    #[arg(
        long,
        env = "SARCOSCREEN_READ_STALENESS_SECONDS",
        global = true,
        value_name = "SECONDS",
        default_value_t = 5,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub read_staleness_seconds: u64,
}
