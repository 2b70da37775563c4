//! Keyed hashes of the audit log. An entry is hashed over all its columns, a seal or tombstone over all its fields. A hash
//! verifies only with the key version that made it.

use crate::domain::audit::seal::{Columns, EntryMac, SealMac};
use crate::domain::ids::ClinicId;
use crate::store::database::Keys;
use crate::store::error::Result;

pub(in crate::store) fn version(keys: &Keys) -> Result<i16> {
    Ok(keys.version()?.into())
}

/// Returns the wanted version if a key of it exists, otherwise the current one. An entry with a version that never existed
/// must not keep the others from being sealed.
pub(in crate::store) fn usable(keys: &Keys, wanted: i16) -> Result<i16> {
    let known = u8::try_from(wanted).is_ok_and(|wanted| keys.audit_mac(wanted, &[]).is_some());
    if known { Ok(wanted) } else { version(keys) }
}

/// Hashes an entry. `None` when no key of this version exists.
pub(in crate::store) fn entry_mac(keys: &Keys, version: i16, columns: &Columns) -> Option<EntryMac> {
    let mut parts: Vec<&[u8]> = vec![b"entry"];
    for column in &columns.0 {
        // An absent text and an empty text hash differently.
        parts.push(if column.is_some() { b"1" } else { b"0" });
        parts.push(column.as_deref().unwrap_or_default().as_bytes());
    }
    let whole = keys.audit_mac(u8::try_from(version).ok()?, &parts)?;
    whole[..size_of::<EntryMac>()].try_into().ok()
}

/// The hashed fields of a seal.
pub(in crate::store) struct SealFields<'a> {
    pub clinic_id: ClinicId,
    pub seal_number: i64,
    pub key_version: i16,
    /// Microseconds since 1970.
    pub sealed_at: &'a str,
    pub previous_mac: &'a [u8],
    /// A PostgreSQL array as text.
    pub entry_ids: &'a str,
    pub entry_macs: &'a [u8],
}

impl SealFields<'_> {
    /// Hashes the seal. `None` when no key of its version exists.
    pub(in crate::store) fn mac(&self, keys: &Keys) -> Option<SealMac> {
        let parts: [&[u8]; 8] = [
            b"seal",
            self.clinic_id.0.as_bytes(),
            &self.seal_number.to_be_bytes(),
            &self.key_version.to_be_bytes(),
            self.sealed_at.as_bytes(),
            self.previous_mac,
            self.entry_ids.as_bytes(),
            self.entry_macs,
        ];
        keys.audit_mac(u8::try_from(self.key_version).ok()?, &parts)
    }
}

/// The hashed fields of a tombstone. Times are in microseconds since 1970.
pub(in crate::store) struct TombstoneFields<'a> {
    pub clinic_id: ClinicId,
    pub key_version: i16,
    pub first_seal: i64,
    pub last_seal: i64,
    pub entries: i64,
    pub first_at: &'a str,
    pub last_at: &'a str,
    pub previous_mac: &'a [u8],
    pub last_mac: &'a [u8],
    pub pruned_at: &'a str,
}

impl TombstoneFields<'_> {
    /// Hashes the tombstone. `None` when no key of its version exists.
    pub(in crate::store) fn mac(&self, keys: &Keys) -> Option<SealMac> {
        let parts: [&[u8]; 11] = [
            b"tombstone",
            self.clinic_id.0.as_bytes(),
            &self.key_version.to_be_bytes(),
            &self.first_seal.to_be_bytes(),
            &self.last_seal.to_be_bytes(),
            &self.entries.to_be_bytes(),
            self.first_at.as_bytes(),
            self.last_at.as_bytes(),
            self.previous_mac,
            self.last_mac,
            self.pruned_at.as_bytes(),
        ];
        keys.audit_mac(u8::try_from(self.key_version).ok()?, &parts)
    }
}
