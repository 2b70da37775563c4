//! Keyset cursors: a position in a list, signed and bound to clinic, list and filter. The cursor of a page states its time of issue
//! and expires; that of an export does not.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use uuid::Uuid;

use super::keys::Keys;
use crate::domain::ids::ClinicId;
use crate::domain::page::{CURSOR_LIFETIME, Page, PageRequest};
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

/// Bytes of a position: rank, time, id.
const POSITION: usize = 2 + 8 + 16;
const SIGNATURE: usize = 16;

impl Key {
    /// The key of a list that is sorted by time and id.
    pub(in crate::store) const fn new(at: Timestamp, id: Uuid) -> Self {
        Self { rank: 0, at, id }
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(POSITION + 8 + SIGNATURE);
        bytes.extend_from_slice(&self.rank.to_be_bytes());
        bytes.extend_from_slice(&self.at.as_microsecond().to_be_bytes());
        bytes.extend_from_slice(self.id.as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (rank, rest) = bytes.split_first_chunk::<2>().ok_or(StoreError::Cursor)?;
        let (at, id) = rest.split_first_chunk::<8>().ok_or(StoreError::Cursor)?;
        Ok(Self {
            rank: i16::from_be_bytes(*rank),
            at: Timestamp::from_microsecond(i64::from_be_bytes(*at)).map_err(|_| StoreError::Cursor)?,
            id: Uuid::from_slice(id).map_err(|_| StoreError::Cursor)?,
        })
    }
}

impl Scope {
    /// The row before the requested page. `None` for the first page. Fails when the cursor has expired.
    pub(in crate::store) fn after(&self, keys: &Keys, page: &PageRequest, now: Timestamp) -> Result<Option<Key>> {
        page.cursor.as_deref().map(|cursor| self.open_issued(keys, cursor, now)).transpose()
    }

    /// Cuts a page from rows that were fetched with one more than the limit.
    pub(in crate::store) fn page<T>(
        &self,
        keys: &Keys,
        limit: u16,
        now: Timestamp,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> Key,
    ) -> Page<T> {
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let last = if more { rows.last() } else { None };
        Page { next_cursor: last.map(|last| self.seal_issued(keys, key(last), now)), items: rows }
    }

    /// The cursor of an export, which does not expire.
    pub(in crate::store) fn seal(&self, keys: &Keys, key: Key) -> String {
        self.sign(keys, key.bytes())
    }

    pub(in crate::store) fn open(&self, keys: &Keys, cursor: &str) -> Result<Key> {
        Key::from_bytes(&self.verified(keys, cursor)?)
    }

    /// The cursor of a page, with its time of issue.
    fn seal_issued(&self, keys: &Keys, key: Key, now: Timestamp) -> String {
        let mut bytes = key.bytes();
        bytes.extend_from_slice(&now.as_second().to_be_bytes());
        self.sign(keys, bytes)
    }

    fn open_issued(&self, keys: &Keys, cursor: &str, now: Timestamp) -> Result<Key> {
        let payload = self.verified(keys, cursor)?;
        let (position, issued) = payload.split_last_chunk::<8>().ok_or(StoreError::Cursor)?;
        let age = now.as_second().saturating_sub(i64::from_be_bytes(*issued));
        if age > CURSOR_LIFETIME.as_secs() {
            return Err(StoreError::CursorExpired);
        }
        Key::from_bytes(position)
    }

    fn sign(&self, keys: &Keys, mut payload: Vec<u8>) -> String {
        let signature = keys.cursor_signature(&self.parts(&payload));
        payload.extend_from_slice(&signature[..SIGNATURE]);
        BASE64URL_NOPAD.encode(&payload)
    }

    /// The signed part of a cursor of this scope.
    fn verified(&self, keys: &Keys, cursor: &str) -> Result<Vec<u8>> {
        let mut bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| StoreError::Cursor)?;
        let (payload, signature) = bytes.split_last_chunk::<SIGNATURE>().ok_or(StoreError::Cursor)?;
        if !keys.signed_cursor(&self.parts(payload), signature) {
            return Err(StoreError::Cursor);
        }
        bytes.truncate(bytes.len() - SIGNATURE);
        Ok(bytes)
    }

    fn parts<'a>(&'a self, payload: &'a [u8]) -> [&'a [u8]; 4] {
        [self.clinic_id.0.as_bytes(), self.list.as_bytes(), self.filter.as_bytes(), payload]
    }
}
