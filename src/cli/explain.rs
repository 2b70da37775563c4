//! Error messages for the user of the command line.

use std::io::{self, ErrorKind};

use crate::app::error::AppError;
use crate::domain::causes::with_causes;
use crate::domain::fault::Fault;

/// The error as a message, with the name of every invalid field.
pub(super) fn explain(error: &anyhow::Error) -> String {
    match error.downcast_ref::<AppError>() {
        Some(AppError::Faulty(faults) | AppError::Refused { faults, .. }) => {
            let named = |fault: &Fault| format!("{} {}", fault.pointer.trim_start_matches('/'), fault.detail);
            faults.iter().map(named).collect::<Vec<_>>().join("; ")
        }
        _ => with_causes(&**error),
    }
}

/// Whether the reader of the output closed it, as `| head` does. This needs no message.
pub(super) fn reader_left(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
