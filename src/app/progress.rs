//! The progress of long work.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows processed.
    pub done: u64,
    pub total: u64,
}
