//! Keyset cursors: the position of the next page, signed and bound to clinic, list and filter.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use uuid::Uuid;

use super::keys::Keys;
use crate::domain::ids::ClinicId;
use crate::domain::page::{Page, PageRequest};
use crate::store::error::{Result, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Key {
    pub rank: i16,
    pub at: Timestamp,
    pub id: Uuid,
}

/// The list that a cursor belongs to. A cursor of another clinic, order or filter is rejected.
#[derive(Clone, Debug)]
pub(in crate::store) struct Scope {
    pub clinic_id: ClinicId,
    /// The list and its order.
    pub list: &'static str,
    /// The filter, in any form that differs when the filter does.
    pub filter: String,
}

const PAYLOAD: usize = 2 + 8 + 16;
const SIGNATURE: usize = 16;

impl Key {
    /// The key of a list that is sorted by time and id.
    pub(in crate::store) const fn new(at: Timestamp, id: Uuid) -> Self {
        Self { rank: 0, at, id }
    }
}

impl Scope {
    /// The row before the requested page. `None` for the first page.
    pub(in crate::store) fn after(&self, keys: &Keys, page: &PageRequest) -> Result<Option<Key>> {
        page.cursor.as_deref().map(|cursor| self.open(keys, cursor)).transpose()
    }

    /// Cuts a page from rows that were fetched with one more than the limit.
    pub(in crate::store) fn page<T>(
        &self,
        keys: &Keys,
        limit: u16,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> Key,
    ) -> Page<T> {
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let last = if more { rows.last() } else { None };
        Page { next_cursor: last.map(|last| self.seal(keys, key(last))), items: rows }
    }

    pub(in crate::store) fn seal(&self, keys: &Keys, key: Key) -> String {
        let mut bytes = Vec::with_capacity(PAYLOAD + SIGNATURE);
        bytes.extend_from_slice(&key.rank.to_be_bytes());
        bytes.extend_from_slice(&key.at.as_microsecond().to_be_bytes());
        bytes.extend_from_slice(key.id.as_bytes());
        let signature = keys.cursor_signature(&self.parts(&bytes));
        bytes.extend_from_slice(&signature[..SIGNATURE]);
        BASE64URL_NOPAD.encode(&bytes)
    }

    pub(in crate::store) fn open(&self, keys: &Keys, cursor: &str) -> Result<Key> {
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| StoreError::Cursor)?;
        let (payload, signature) = bytes.split_at_checked(PAYLOAD).ok_or(StoreError::Cursor)?;
        if signature.len() != SIGNATURE || !keys.signed_cursor(&self.parts(payload), signature) {
            return Err(StoreError::Cursor);
        }
        let (rank, rest) = payload.split_first_chunk::<2>().ok_or(StoreError::Cursor)?;
        let (at, id) = rest.split_first_chunk::<8>().ok_or(StoreError::Cursor)?;
        Ok(Key {
            rank: i16::from_be_bytes(*rank),
            at: Timestamp::from_microsecond(i64::from_be_bytes(*at)).map_err(|_| StoreError::Cursor)?,
            id: Uuid::from_slice(id).map_err(|_| StoreError::Cursor)?,
        })
    }

    fn parts<'a>(&'a self, payload: &'a [u8]) -> [&'a [u8]; 4] {
        [self.clinic_id.0.as_bytes(), self.list.as_bytes(), self.filter.as_bytes(), payload]
    }
}
