//! Keyset cursors: the position of the next page, signed and bound to clinic, list and filter.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use uuid::Uuid;

use super::keys::Keys;
use crate::domain::ids::ClinicId;
use crate::store::error::StoreError;

/// The sort key of the last row of a page.
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

impl Scope {
    pub(in crate::store) fn seal(&self, keys: &Keys, key: Key) -> String {
        let mut bytes = Vec::with_capacity(PAYLOAD + SIGNATURE);
        bytes.extend_from_slice(&key.rank.to_be_bytes());
        bytes.extend_from_slice(&key.at.as_microsecond().to_be_bytes());
        bytes.extend_from_slice(key.id.as_bytes());
        let signature = self.sign(keys, &bytes);
        bytes.extend_from_slice(&signature);
        BASE64URL_NOPAD.encode(&bytes)
    }

    pub(in crate::store) fn open(&self, keys: &Keys, cursor: &str) -> Result<Key, StoreError> {
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

    fn sign(&self, keys: &Keys, payload: &[u8]) -> [u8; SIGNATURE] {
        let whole = keys.cursor_signature(&self.parts(payload));
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(&whole[..SIGNATURE]);
        signature
    }

    fn parts<'a>(&'a self, payload: &'a [u8]) -> [&'a [u8]; 4] {
        [self.clinic_id.0.as_bytes(), self.list.as_bytes(), self.filter.as_bytes(), payload]
    }
}

/// Cuts a page from rows that were fetched with one more than the limit.
pub(in crate::store) fn cut<T>(
    mut rows: Vec<T>,
    limit: u16,
    cursor_of: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    let next = more.then(|| rows.last().map(cursor_of)).flatten();
    (rows, next)
}
