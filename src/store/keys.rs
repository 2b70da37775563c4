//! The keys: one master key, from which a sub-key for each purpose is derived.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hkdf, hmac};
use data_encoding::HEXLOWER_PERMISSIVE;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::subject::LookUp;

/// The master key, 256 bits.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The derived keys.
pub struct Keys {
    credential: hmac::Key,
    cursor: hmac::Key,
    blind_index: hmac::Key,
    check: hmac::Key,
    field: LessSafeKey,
}

/// Which column a sealed value belongs to. It is bound into the seal, so a value moved to another row or column does
/// not open.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The clinic of the row.
    pub clinic_id: Uuid,
    /// The row.
    pub row_id: Uuid,
    /// The column.
    pub column: &'static str,
}

/// The bytes that one seal needs to be unique.
pub type SealNonce = [u8; NONCE_LEN];

/// The version of the field key, first byte of every sealed value, so that keys can be rotated.
pub const FIELD_KEY_VERSION: u8 = 1;

/// Why a key file or a sealed value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file does not hold 64 hexadecimal digits.
    #[error("the master key file must hold 64 hexadecimal digits")]
    Format,
    /// The library refused a derivation or a seal.
    #[error("the cryptographic library refused the operation")]
    Library,
    /// The value was sealed under another key, for another place, or was changed.
    #[error("a sealed value does not open")]
    Sealed,
}

impl MasterKey {
    /// Reads the text of a key file.
    ///
    /// # Errors
    /// When it is not 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        let text = text.trim().as_bytes();
        if text.len() != 64 {
            return Err(KeyError::Format);
        }
        HEXLOWER_PERMISSIVE.decode_mut(text, &mut *key).map_err(|_| KeyError::Format)?;
        Ok(Self(key))
    }

    /// The text of a key file for 256 random bits.
    #[must_use]
    pub fn text(random: &[u8; 32]) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER_PERMISSIVE.encode(random))
    }
}

impl Keys {
    /// Derives every key.
    ///
    /// # Errors
    /// When the library refuses, which it does not for keys of this size.
    pub fn derive(master: &MasterKey) -> Result<Self, KeyError> {
        let sub_key = |purpose: &str| {
            let mut key = Zeroizing::new([0_u8; 32]);
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"sarcoscreen");
            let secret = salt.extract(&*master.0);
            let info = [purpose.as_bytes()];
            let output = secret.expand(&info, hkdf::HKDF_SHA256).map_err(|_| KeyError::Library)?;
            output.fill(&mut *key).map_err(|_| KeyError::Library)?;
            Ok::<_, KeyError>(key)
        };
        let mac = |purpose| Ok::<_, KeyError>(hmac::Key::new(hmac::HMAC_SHA256, &*sub_key(purpose)?));
        let field = UnboundKey::new(&AES_256_GCM_SIV, &*sub_key("field encryption")?).map_err(|_| KeyError::Library)?;
        Ok(Self {
            credential: mac("credential pepper")?,
            cursor: mac("cursor signing")?,
            blind_index: mac("blind index")?,
            check: mac("master key check")?,
            field: LessSafeKey::new(field),
        })
    }

    /// The hash of an API key, as stored.
    #[must_use]
    pub fn credential_hash(&self, key: &str) -> [u8; 32] {
        tag(&self.credential, &[key.as_bytes()])
    }

    /// The hash by which a person's reference, name, telephone or e-mail is found within a clinic.
    #[must_use]
    pub fn blind_index(&self, clinic_id: Uuid, by: LookUp, normalized: &str) -> [u8; 32] {
        let kind: &[u8] = match by {
            LookUp::Reference => b"reference",
            LookUp::Name => b"name",
            LookUp::Telephone => b"telephone",
            LookUp::Email => b"email",
        };
        tag(&self.blind_index, &[clinic_id.as_bytes(), kind, normalized.as_bytes()])
    }

    /// A value that only this master key makes, kept in the database to tell another key by.
    #[must_use]
    pub fn check_value(&self) -> [u8; 32] {
        tag(&self.check, &[])
    }

    /// The signature of a cursor.
    #[must_use]
    pub fn cursor_signature(&self, parts: &[&[u8]]) -> [u8; 32] {
        tag(&self.cursor, parts)
    }

    /// Encrypts a value for one place.
    ///
    /// # Errors
    /// When the library refuses, which it does not for values of this size.
    pub fn seal(&self, place: Place, nonce: SealNonce, clear: &str) -> Result<Vec<u8>, KeyError> {
        let mut body = clear.as_bytes().to_vec();
        let aad = Aad::from(place.bytes());
        self.field
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(|_| KeyError::Library)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(FIELD_KEY_VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Decrypts a value of one place.
    ///
    /// # Errors
    /// When it was sealed for another place or under another key, or was changed.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        let (version, rest) = sealed.split_first().ok_or(KeyError::Sealed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(KeyError::Sealed)?;
        if *version != FIELD_KEY_VERSION {
            return Err(KeyError::Sealed);
        }
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let clear =
            self.field.open_in_place(nonce, Aad::from(place.bytes()), &mut body).map_err(|_| KeyError::Sealed)?;
        let text = std::str::from_utf8(clear).map_err(|_| KeyError::Sealed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl Place {
    fn bytes(self) -> Vec<u8> {
        [self.clinic_id.as_bytes(), self.row_id.as_bytes(), self.column.as_bytes()].concat()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// Whether two hashes are equal, in a time that does not tell where they differ.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// A keyed hash over parts; each is preceded by its length, so that no two lists of parts collide.
fn tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> Keys {
        let text = MasterKey::text(&[byte; 32]);
        Keys::derive(&MasterKey::parse(&text).unwrap()).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_own_place_and_under_its_own_key() {
        let place = Place { clinic_id: Uuid::from_u128(1), row_id: Uuid::from_u128(2), column: "reference" };
        let sealed = keys(7).seal(place, [9; 12], "MRN-1").unwrap();
        assert_eq!(keys(7).open(place, &sealed).unwrap().as_str(), "MRN-1");
        for moved in [
            Place { clinic_id: Uuid::from_u128(3), ..place },
            Place { row_id: Uuid::from_u128(3), ..place },
            Place { column: "contact", ..place },
        ] {
            assert_eq!(keys(7).open(moved, &sealed), Err(KeyError::Sealed));
        }
        assert_eq!(keys(8).open(place, &sealed), Err(KeyError::Sealed));
    }

    #[test]
    fn the_same_reference_hashes_apart_in_two_clinics() {
        let hash = |clinic| keys(7).blind_index(Uuid::from_u128(clinic), LookUp::Reference, "MRN-1");
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn a_key_file_of_another_length_is_refused() {
        assert!(MasterKey::parse("00").is_err());
        assert!(MasterKey::parse(&"zz".repeat(32)).is_err());
    }
}
