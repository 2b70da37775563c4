//! The settings of a streaming replica.

use clap::Args;

use super::Secret;

/// From where lists are read, besides the database itself.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Replica")]
pub struct Replica {
    /// A streaming replica of DATABASE_URL, one server of its own, from which worklists, lists of submissions, statistics
    /// and exports are read. Everything else is asked of DATABASE_URL, and so are these while the replica is away or too
    /// far behind. It names the same user as DATABASE_URL. SARCOSCREEN_DATABASE_PASSWORD_FILE holds its password too, unless
    /// the URL has one. As many connections may be held to it as to DATABASE_URL.
    #[arg(
        long = "database-read-url",
        env = "DATABASE_READ_URL",
        hide_env_values = true,
        global = true,
        value_name = "URL"
    )]
    pub read_url: Option<Secret>,

    /// How old what the replica answers may be, 1 to 3600 seconds. Whatever it is, staff find in lists what they changed
    /// themselves, also through another instance.
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
