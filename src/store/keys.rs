//! The keys: one master key, from which a sub-key for each purpose is derived.

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hkdf, hmac};
use data_encoding::HEXLOWER_PERMISSIVE;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::subject::LookUp;

/// The master key, 256 bits.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The keys derived from every master key of the file: the current one first, then earlier ones, which still open and
/// find what was written with them.
pub struct Keys {
    derived: Vec<Derived>,
    /// The version of each in this database, known once the database was asked.
    versions: OnceLock<Vec<u8>>,
}

/// What is derived from one master key.
struct Derived {
    credential: hmac::Key,
    cursor: hmac::Key,
    blind_index: hmac::Key,
    check: hmac::Key,
    erasure_log: hmac::Key,
    sealing: hmac::Key,
    person: hmac::Key,
    token: hmac::Key,
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

/// Why a key file or a sealed value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A line of the file does not hold 64 hexadecimal digits.
    #[error("the master key file must hold 64 hexadecimal digits, or several keys, one a line, the current one first")]
    Format,
    /// The library refused a derivation or a seal.
    #[error("the cryptographic library refused the operation")]
    Library,
    /// The database has not been asked for the versions of the keys yet.
    #[error("the database was not found to be the one of this key yet")]
    Unversioned,
    /// The value was sealed under another key, for another place, or was changed.
    #[error("a sealed value does not open")]
    Sealed,
}

impl MasterKey {
    /// Reads one key.
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

    /// Reads the text of a key file: one key a line, the current one first.
    ///
    /// # Errors
    /// When there is none, or a line is not 64 hexadecimal digits.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys = lines.map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeyError::Format) } else { Ok(keys) }
    }

    /// The text of a key file for 256 random bits.
    #[must_use]
    pub fn text(random: &[u8; 32]) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER_PERMISSIVE.encode(random))
    }
}

impl Keys {
    /// Derives every key of one master key.
    ///
    /// # Errors
    /// When the library refuses, which it does not for keys of this size.
    pub fn derive(master: &MasterKey) -> Result<Self, KeyError> {
        Self::derive_all(std::slice::from_ref(master))
    }

    /// Derives every key of several master keys, the current one first.
    ///
    /// # Errors
    /// When there is none, or the library refuses, which it does not for keys of this size.
    pub fn derive_all(masters: &[MasterKey]) -> Result<Self, KeyError> {
        let derived = masters.iter().map(Derived::of).collect::<Result<Vec<_>, _>>()?;
        if derived.is_empty() { Err(KeyError::Format) } else { Ok(Self { derived, versions: OnceLock::new() }) }
    }

    /// The hash of an API key, as stored.
    #[must_use]
    pub fn credential_hash(&self, key: &str) -> [u8; 32] {
        tag(&self.derived[0].credential, &[key.as_bytes()])
    }

    /// Whether a stored hash is one of this API key, made with any of the keys.
    #[must_use]
    pub fn is_credential_hash(&self, key: &str, stored: &[u8]) -> bool {
        self.derived.iter().any(|one| equal(stored, &tag(&one.credential, &[key.as_bytes()])))
    }

    /// The hash by which a person's reference, name, telephone or e-mail is found within a clinic.
    #[must_use]
    pub fn blind_index(&self, clinic_id: Uuid, by: LookUp, normalized: &str) -> [u8; 32] {
        self.derived[0].blind_index(clinic_id, by, normalized)
    }

    /// That hash under every key, the current one first: what was written with an earlier key is found too.
    #[must_use]
    pub fn blind_indexes(&self, clinic_id: Uuid, by: LookUp, normalized: &str) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| one.blind_index(clinic_id, by, normalized).to_vec()).collect()
    }

    /// A value that only one master key makes, for each, kept in the database to tell another key by.
    #[must_use]
    pub fn check_values(&self) -> Vec<[u8; 32]> {
        self.derived.iter().map(|one| tag(&one.check, &[])).collect()
    }

    /// Takes note of the version that each key has in the database, in the order of the file.
    pub fn set_versions(&self, versions: Vec<u8>) {
        // The first answer holds: versions are never given anew.
        let _ = self.versions.set(versions);
    }

    /// The version of the current key: the first byte of what is sealed now.
    ///
    /// # Errors
    /// When the database has not been asked yet.
    pub fn version(&self) -> Result<u8, KeyError> {
        self.versions.get().and_then(|versions| versions.first()).copied().ok_or(KeyError::Unversioned)
    }

    /// The place in the file of the key that every instance has longest: the one with the lowest version.
    pub(super) fn eldest(&self) -> usize {
        let versions = self.versions.get().map_or(&[][..], Vec::as_slice);
        versions.iter().enumerate().min_by_key(|(_, version)| **version).map_or(0, |(index, _)| index)
    }

    /// The signature of a cursor.
    #[must_use]
    pub fn cursor_signature(&self, parts: &[&[u8]]) -> [u8; 32] {
        tag(&self.derived[0].cursor, parts)
    }

    /// Whether the first bytes of a cursor's signature are those that any of the keys makes.
    #[must_use]
    pub fn signed_cursor(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        let made = |one: &Derived| tag(&one.cursor, parts);
        self.derived.iter().any(|one| made(one).get(..signature.len()).is_some_and(|own| equal(own, signature)))
    }

    /// A keyed hash over parts of the audit trail, with the key of a version.
    ///
    /// # Errors
    /// When no key of the file has this version, or the database has not been asked yet.
    pub fn audit_mac(&self, version: u8, parts: &[&[u8]]) -> Result<[u8; 32], KeyError> {
        Ok(tag(&self.of_version(version)?.sealing, parts))
    }

    /// What names a person in the erasure log, under every key, the current one first.
    #[must_use]
    pub fn erasure_hashes(&self, clinic_id: Uuid, subject_id: Uuid) -> Vec<[u8; 32]> {
        let parts = [&clinic_id.as_bytes()[..], &subject_id.as_bytes()[..]];
        self.derived.iter().map(|one| tag(&one.erasure_log, &parts)).collect()
    }

    /// The hash by which a person of an issuer of tokens is found, under every key, the current one first.
    #[must_use]
    pub fn person_hashes(&self, issuer: &str, subject: &str) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| tag(&one.person, &[issuer.as_bytes(), subject.as_bytes()]).to_vec()).collect()
    }

    /// What stands for a token that was used, under every key.
    #[must_use]
    pub fn token_hashes(&self, issuer: &str, id: &str) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| tag(&one.token, &[issuer.as_bytes(), id.as_bytes()]).to_vec()).collect()
    }

    /// Encrypts a value for one place.
    ///
    /// # Errors
    /// When the database has not been asked for the key's version yet, or the library refuses, which it does not for
    /// values of this size.
    pub fn seal(&self, place: Place, nonce: SealNonce, clear: &str) -> Result<Vec<u8>, KeyError> {
        let version = self.version()?;
        let mut body = clear.as_bytes().to_vec();
        let aad = Aad::from(place.bytes());
        self.derived[0]
            .field
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(|_| KeyError::Library)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(version);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Decrypts a value of one place with the key of the version in its first byte.
    ///
    /// # Errors
    /// When it was sealed for another place or under another key, or was changed.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        let (version, rest) = sealed.split_first().ok_or(KeyError::Sealed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(KeyError::Sealed)?;
        let field = &self.of_version(*version)?.field;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let clear = field.open_in_place(nonce, Aad::from(place.bytes()), &mut body).map_err(|_| KeyError::Sealed)?;
        let text = std::str::from_utf8(clear).map_err(|_| KeyError::Sealed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn of_version(&self, version: u8) -> Result<&Derived, KeyError> {
        let versions = self.versions.get().ok_or(KeyError::Unversioned)?;
        let index = versions.iter().position(|known| *known == version);
        index.and_then(|index| self.derived.get(index)).ok_or(KeyError::Sealed)
    }
}

impl Derived {
    fn of(master: &MasterKey) -> Result<Self, KeyError> {
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
            erasure_log: mac("erasure log")?,
            sealing: mac("audit sealing")?,
            person: mac("issuer subject")?,
            token: mac("used token")?,
            field: LessSafeKey::new(field),
        })
    }

    fn blind_index(&self, clinic_id: Uuid, by: LookUp, normalized: &str) -> [u8; 32] {
        let kind: &[u8] = match by {
            LookUp::Reference => b"reference",
            LookUp::Name => b"name",
            LookUp::Telephone => b"telephone",
            LookUp::Email => b"email",
        };
        tag(&self.blind_index, &[clinic_id.as_bytes(), kind, normalized.as_bytes()])
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
        ring(&[(byte, 1)])
    }

    /// The keys of a file, each a byte again and again, with its version.
    fn ring(lines: &[(u8, u8)]) -> Keys {
        let texts: Vec<_> = lines.iter().map(|(byte, _)| MasterKey::text(&[*byte; 32])).collect();
        let text = texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
        let keys = Keys::derive_all(&MasterKey::parse_file(&text).unwrap()).unwrap();
        keys.set_versions(lines.iter().map(|(_, version)| *version).collect());
        keys
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
    fn what_an_earlier_key_of_the_file_made_still_opens_and_is_found() {
        let place = Place { clinic_id: Uuid::from_u128(1), row_id: Uuid::from_u128(2), column: "reference" };
        let (old, both, new) = (ring(&[(7, 1)]), ring(&[(8, 2), (7, 1)]), ring(&[(8, 2)]));
        let sealed = old.seal(place, [9; 12], "MRN-1").unwrap();
        assert_eq!(both.open(place, &sealed).unwrap().as_str(), "MRN-1");
        assert_eq!(new.open(place, &sealed), Err(KeyError::Sealed));
        let again = both.seal(place, [9; 12], "MRN-1").unwrap();
        assert_eq!((again[0], new.open(place, &again).unwrap().as_str()), (2, "MRN-1"));
        let found = both.blind_indexes(Uuid::from_u128(1), LookUp::Name, "ana");
        for keys in [&new, &old] {
            assert!(found.contains(&keys.blind_index(Uuid::from_u128(1), LookUp::Name, "ana").to_vec()));
        }
        assert!(both.is_credential_hash("sk_1", &old.credential_hash("sk_1")));
        assert!(!new.is_credential_hash("sk_1", &old.credential_hash("sk_1")));
        assert_eq!(both.audit_mac(1, &[b"x"]), old.audit_mac(1, &[b"x"]));
        assert_eq!(both.eldest(), 1);
    }

    #[test]
    fn nothing_is_sealed_before_the_database_was_asked_for_the_version() {
        let keys = Keys::derive(&MasterKey::parse(&MasterKey::text(&[7; 32])).unwrap()).unwrap();
        let place = Place { clinic_id: Uuid::nil(), row_id: Uuid::nil(), column: "reference" };
        assert_eq!(keys.seal(place, [9; 12], "MRN-1"), Err(KeyError::Unversioned));
    }

    #[test]
    fn a_key_file_of_another_length_is_refused() {
        for text in ["00", "", "\n", &"zz".repeat(32), &format!("{}\n00", "07".repeat(32))] {
            assert!(MasterKey::parse_file(text).is_err(), "{text}");
        }
    }
}
