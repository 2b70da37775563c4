//! How submissions are written.

#![allow(clippy::doc_markdown, reason = "the comments of the settings are the text of `--help`")]

use clap::Args;

/// How many submissions share a transaction.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Intake")]
pub struct Intake {
    /// How many submissions one transaction writes at most, 1 to 1024. What has come in while the last one was written goes
    /// into the next; nobody waits for more to come. With 1 each is written by itself, which needs more writers.
    #[arg(
        long,
        env = "SARCOSCREEN_INTAKE_BATCH",
        global = true,
        value_name = "COUNT",
        default_value_t = 256,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub intake_batch: u16,

    /// How many such transactions are under way at once, 1 to 64; each takes a connection.
    #[arg(
        long,
        env = "SARCOSCREEN_INTAKE_WRITERS",
        global = true,
        value_name = "COUNT",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub intake_writers: u16,
}
