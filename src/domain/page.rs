//! Pages of lists.

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
