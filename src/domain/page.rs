//! Pages of lists.

use jiff::SignedDuration;

/// How long the cursor of a page works after it was issued. The cursor of an export does not expire.
pub const CURSOR_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub limit: u16,
    /// The cursor that the previous page returned.
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last page.
    pub next_cursor: Option<String>,
}
