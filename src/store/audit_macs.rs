//! The keyed hashes of the trail: of an entry over all its columns, and of a seal over all it says. Each is made with a
//! version of the key, and found right only with that one.

use super::StoreError;
use super::keys::Keys;
use crate::domain::ids::ClinicId;
use crate::domain::seal::{Columns, EntryMac, SealMac};

/// The version of the key that hashes now.
///
/// # Errors
/// While it is not known yet.
pub(super) fn version(keys: &Keys) -> Result<i16, StoreError> {
    let version = keys.version().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(i16::from(version))
}

/// The version itself where there is a key of it, or the current one: a version that there never was must not keep the
/// rest from being sealed.
///
/// # Errors
/// While the current version is not known yet.
pub(super) fn usable(keys: &Keys, wanted: i16) -> Result<i16, StoreError> {
    let known = u8::try_from(wanted).is_ok_and(|wanted| keys.audit_mac(wanted, &[]).is_ok());
    if known { Ok(wanted) } else { version(keys) }
}

/// The hash of an entry; `None` when there is no key of this version.
pub(super) fn entry_mac(keys: &Keys, version: i16, columns: &Columns) -> Option<EntryMac> {
    let mut parts: Vec<&[u8]> = vec![b"entry"];
    for column in &columns.0 {
        // An absent text is not an empty one.
        parts.push(if column.is_some() { b"1" } else { b"0" });
        parts.push(column.as_deref().unwrap_or_default().as_bytes());
    }
    let whole = keys.audit_mac(u8::try_from(version).ok()?, &parts).ok()?;
    whole[..size_of::<EntryMac>()].try_into().ok()
}

/// All that a seal says.
pub(super) struct Said<'a> {
    pub clinic_id: ClinicId,
    pub seal_number: i64,
    pub key_version: i16,
    /// Microseconds since 1970.
    pub sealed_at: &'a str,
    pub previous_mac: &'a [u8],
    /// As PostgreSQL writes an array.
    pub entry_ids: &'a str,
    pub entry_macs: &'a [u8],
}

impl Said<'_> {
    /// Its hash; `None` when there is no key of its version.
    pub(super) fn mac(&self, keys: &Keys) -> Option<SealMac> {
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
        keys.audit_mac(u8::try_from(self.key_version).ok()?, &parts).ok()
    }
}

/// All that a tombstone says; times in microseconds since 1970.
pub(super) struct SaidOfPruned<'a> {
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

impl SaidOfPruned<'_> {
    /// Its hash; `None` when there is no key of its version.
    pub(super) fn mac(&self, keys: &Keys) -> Option<SealMac> {
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
        keys.audit_mac(u8::try_from(self.key_version).ok()?, &parts).ok()
    }
}
