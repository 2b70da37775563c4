//! A fault of a data file, located by row and column.

use std::fmt;

use crate::fault::pointer_token;

/// One fault of a data file. The detail never repeats a value of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The number of the row. The header is row 1; empty lines are not rows.
    pub row: u64,
    pub column: Option<String>,
    pub detail: String,
}

impl FileFault {
    pub fn at(row: u64, column: &str, detail: impl Into<String>) -> Self {
        Self { row, column: Some(pointer_token(column)), detail: detail.into() }
    }

    pub fn in_row(row: u64, detail: impl Into<String>) -> Self {
        Self { row, column: None, detail: detail.into() }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, column, detail } = self;
        match column {
            Some(column) => write!(f, "row {row}, column {column}: {detail}"),
            None => write!(f, "row {row}: {detail}"),
        }
    }
}
