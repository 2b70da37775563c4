//! What went wrong, in words for whoever typed the command.

use std::io::{self, ErrorKind};

use crate::app::AppError;
use crate::domain::fault::Fault;

/// The error in words, with the name of every field that has a fault.
pub(super) fn explain(error: &anyhow::Error) -> String {
    match error.downcast_ref::<AppError>() {
        Some(AppError::Faulty(faults)) => {
            let named = |fault: &Fault| format!("{} {}", fault.pointer.trim_start_matches('/'), fault.detail);
            faults.iter().map(named).collect::<Vec<_>>().join("; ")
        }
        _ => format!("{error:#}"),
    }
}

/// Whether the reader of our output went away, as `| head` does: nothing to tell anybody.
pub(super) fn reader_left(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
