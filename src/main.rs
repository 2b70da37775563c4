//! The `sarcoscreen` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sarcoscreen::cli::run()
}
