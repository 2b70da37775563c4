//! The settings of intake: batching of submissions.

#![allow(clippy::doc_markdown, reason = "the doc comments of the settings are the text of `--help`")]

use clap::Args;

/// Batching of submissions.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Intake")]
pub struct Intake {
    /// The maximum number of submissions in one transaction, 1 to 1024. Submissions that arrive while a transaction is
    /// written form the next one; no submission waits for more to arrive. With 1 each submission has its own transaction,
    /// which needs more writers.
    #[arg(
        long,
        env = "SARCOSCREEN_INTAKE_BATCH",
        global = true,
        value_name = "COUNT",
        default_value_t = 256,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub intake_batch: u16,

    /// The number of such transactions in progress at once, 1 to 64; each uses a connection.
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
