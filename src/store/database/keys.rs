//! The keys: one master key, from which a sub-key for each purpose is derived.

use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{constant_time, digest, hkdf, hmac};
use data_encoding::HEXLOWER_PERMISSIVE;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::ids::{ClinicId, CredentialId, FollowUpId, SubjectId, WebhookId};
use crate::domain::subjects::LookUp;
use crate::domain::subjects::search::{SearchTerm, TermKind};

/// The master key, 256 bits.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// The keys derived from every master key of the file, the current one first. Earlier keys still decrypt and find the
/// values that were written with them.
pub struct Keys {
    derived: Vec<Derived>,
    /// The version of each key in this database. Set once the database was read.
    versions: OnceLock<Vec<u8>>,
}

struct Derived {
    credential: hmac::Key,
    cursor: hmac::Key,
    blind_index: hmac::Key,
    check: hmac::Key,
    erasure_log: hmac::Key,
    sealing: hmac::Key,
    person: hmac::Key,
    token: hmac::Key,
    cookie: hmac::Key,
    access_token: hmac::Key,
    field: RandomizedNonceKey,
}

/// The place of a sealed value. It is authenticated with the value, so a value moved to another row or column cannot be
/// decrypted.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    clinic_id: Uuid,
    row_id: Uuid,
    column: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A line of the file is not 64 hexadecimal digits.
    #[error("the master key file must hold one key of 64 hexadecimal digits per line, the current one first")]
    Format,
    #[error("the cryptographic library refused the operation")]
    Library,
    /// The versions of the keys were not read from the database yet.
    #[error("the master key was not checked against the database yet")]
    Unversioned,
    /// The value was sealed under another key or for another place, or was altered.
    #[error("a value of {0} cannot be decrypted with this master key")]
    Sealed(&'static str),
}

impl MasterKey {
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        let text = text.trim().as_bytes();
        if text.len() != 64 {
            return Err(KeyError::Format);
        }
        HEXLOWER_PERMISSIVE.decode_mut(text, &mut *key).map_err(|_| KeyError::Format)?;
        Ok(Self(key))
    }

    /// Parses a key file: one key per line, the current one first. Fails when the file holds no key, or when a line is not
    /// 64 hexadecimal digits.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys = lines.map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeyError::Format) } else { Ok(keys) }
    }

    /// Formats 256 random bits as the text of a key file.
    pub fn text(random: &[u8; 32]) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER_PERMISSIVE.encode(random))
    }
}

impl Keys {
    /// Derives the sub-keys of the master keys, the current one first. Fails when there is no key, or when the
    /// cryptographic library fails, which it does not for keys of this size.
    pub fn derive(masters: &[MasterKey]) -> Result<Self, KeyError> {
        let derived = masters.iter().map(Derived::from_master).collect::<Result<Vec<_>, _>>()?;
        if derived.is_empty() { Err(KeyError::Format) } else { Ok(Self { derived, versions: OnceLock::new() }) }
    }

    pub fn credential_hash(&self, key: &str) -> [u8; 32] {
        tag(&self.derived[0].credential, &[key.as_bytes()])
    }

    /// Whether a stored hash matches this API key under any of the keys.
    pub fn is_credential_hash(&self, key: &str, stored: &[u8]) -> bool {
        self.derived.iter().any(|one| equal(stored, &tag(&one.credential, &[key.as_bytes()])))
    }

    /// The blind index by which a subject's reference, name, telephone or e-mail is found within a clinic.
    pub fn blind_index(&self, clinic_id: Uuid, by: LookUp, normalized: &str) -> [u8; 32] {
        self.derived[0].blind_index(clinic_id, by, normalized)
    }

    /// The blind index under every key, the current one first, so that values written with an earlier key are found too.
    pub fn blind_indexes(&self, clinic_id: Uuid, by: LookUp, normalized: &str) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| one.blind_index(clinic_id, by, normalized).to_vec()).collect()
    }

    /// The hash of a term of contact data, under every key, the current one first.
    pub fn term_hashes(&self, clinic_id: Uuid, term: &SearchTerm) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| one.term_hash(clinic_id, term).to_vec()).collect()
    }

    /// The hash of a term of contact data. It is stored.
    pub fn term_hash(&self, clinic_id: Uuid, term: &SearchTerm) -> [u8; 32] {
        self.derived[0].term_hash(clinic_id, term)
    }

    /// A check value for each master key. It is stored in the database to recognize a wrong master key.
    pub fn check_values(&self) -> Vec<[u8; 32]> {
        self.derived.iter().map(|one| tag(&one.check, &[])).collect()
    }

    /// Sets the version that each key has in the database, in the order of the file.
    pub fn set_versions(&self, versions: Vec<u8>) {
        // The first call wins: a version never changes.
        let _ = self.versions.set(versions);
    }

    /// The version of the current key. It is the first byte of newly sealed values.
    pub fn version(&self) -> Result<u8, KeyError> {
        self.versions.get().and_then(|versions| versions.first()).copied().ok_or(KeyError::Unversioned)
    }

    /// The index in the file of the oldest key, the one with the lowest version.
    pub(in crate::store) fn eldest(&self) -> usize {
        let versions = self.versions.get().map_or(&[][..], Vec::as_slice);
        versions.iter().enumerate().min_by_key(|(_, version)| **version).map_or(0, |(index, _)| index)
    }

    pub fn cursor_signature(&self, parts: &[&[u8]]) -> [u8; 32] {
        tag(&self.derived[0].cursor, parts)
    }

    /// Whether a cursor's signature starts with these bytes under any of the keys.
    pub fn signed_cursor(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        let made = |one: &Derived| tag(&one.cursor, parts);
        self.derived.iter().any(|one| made(one).get(..signature.len()).is_some_and(|own| equal(own, signature)))
    }

    /// A keyed hash over parts of the audit log, with the key of a version. `None` when no key of the file has this version,
    /// or when the versions were not read from the database yet.
    pub fn audit_mac(&self, version: u8, parts: &[&[u8]]) -> Option<[u8; 32]> {
        Some(tag(&self.of_version(version)?.sealing, parts))
    }

    /// The hash of a subject in the erasure log, under every key, the current one first.
    pub fn erasure_hashes(&self, clinic_id: Uuid, subject_id: Uuid) -> Vec<[u8; 32]> {
        let parts = [&clinic_id.as_bytes()[..], &subject_id.as_bytes()[..]];
        self.derived.iter().map(|one| tag(&one.erasure_log, &parts)).collect()
    }

    /// The hash by which a person of a token issuer is found, under every key, the current one first.
    pub fn person_hashes(&self, issuer: &str, subject: &str) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| tag(&one.person, &[issuer.as_bytes(), subject.as_bytes()]).to_vec()).collect()
    }

    /// The hash of a used token, under every key.
    pub fn token_hashes(&self, issuer: &str, id: &str) -> Vec<Vec<u8>> {
        self.derived.iter().map(|one| tag(&one.token, &[issuer.as_bytes(), id.as_bytes()]).to_vec()).collect()
    }

    /// The tag in a new cookie, and the hash that is stored of it. `bound` is what the cookie is for; it is not in the cookie.
    pub fn new_cookie(&self, clinic_id: Uuid, bound: &[u8], secret: &[u8]) -> ([u8; 32], [u8; 32]) {
        self.derived[0].cookie(clinic_id, bound, secret)
    }

    /// The stored hash of a cookie, under the key that made the tag; `None` if no key of the file did.
    pub fn cookie_hash(&self, clinic_id: Uuid, bound: &[u8], secret: &[u8], given: &[u8]) -> Option<[u8; 32]> {
        let mut made = self.derived.iter().map(|one| one.cookie(clinic_id, bound, secret));
        made.find_map(|(tag, hash)| equal(&tag, given).then_some(hash))
    }

    /// The signature of an access token of this service.
    pub fn access_token_signature(&self, content: &[u8]) -> [u8; 32] {
        tag(&self.derived[0].access_token, &[content])
    }

    /// Whether an access token was signed under any of the keys.
    pub fn signed_access_token(&self, content: &[u8], signature: &[u8]) -> bool {
        self.derived.iter().any(|one| equal(signature, &tag(&one.access_token, &[content])))
    }

    /// Encrypts a value for one place, with a nonce of its own. Fails when the versions were not read from the database
    /// yet, or when the cryptographic library fails, which it does not for values of this size.
    pub fn seal(&self, place: Place, clear: &str) -> Result<Vec<u8>, KeyError> {
        let version = self.version()?;
        let mut body = clear.as_bytes().to_vec();
        let field = &self.derived[0].field;
        let nonce = field.seal_in_place_append_tag(Aad::from(place.bytes()), &mut body);
        let nonce = nonce.map_err(|_| KeyError::Library)?;
        Ok([&[version][..], &nonce.as_ref()[..], &body].concat())
    }

    /// Decrypts a value of one place with the key of the version in its first byte. Fails when the value was sealed for
    /// another place or under another key, or was altered, or when the versions were not read from the database yet.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        self.version()?;
        self.opened(place, sealed).ok_or(KeyError::Sealed(place.column))
    }

    fn opened(&self, place: Place, sealed: &[u8]) -> Option<Zeroizing<String>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let field = &self.of_version(*version)?.field;
        let clear = field.open_in_place(Nonce::from(nonce), Aad::from(place.bytes()), &mut body).ok()?;
        Some(Zeroizing::new(std::str::from_utf8(clear).ok()?.to_owned()))
    }

    fn of_version(&self, version: u8) -> Option<&Derived> {
        let index = self.versions.get()?.iter().position(|known| *known == version)?;
        self.derived.get(index)
    }
}

impl Derived {
    fn from_master(master: &MasterKey) -> Result<Self, KeyError> {
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
        let field = RandomizedNonceKey::new(&AES_256_GCM_SIV, &*sub_key("field encryption")?);
        Ok(Self {
            credential: mac("credential pepper")?,
            cursor: mac("cursor signing")?,
            blind_index: mac("blind index")?,
            check: mac("master key check")?,
            erasure_log: mac("erasure log")?,
            sealing: mac("audit sealing")?,
            person: mac("issuer subject")?,
            token: mac("used token")?,
            cookie: mac("staff session")?,
            access_token: mac("access token")?,
            field: field.map_err(|_| KeyError::Library)?,
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

    fn cookie(&self, clinic_id: Uuid, bound: &[u8], secret: &[u8]) -> ([u8; 32], [u8; 32]) {
        let made = |part: &[u8]| tag(&self.cookie, &[part, bound, clinic_id.as_bytes(), secret]);
        (made(b"tag"), made(b"hash"))
    }

    fn term_hash(&self, clinic_id: Uuid, term: &SearchTerm) -> [u8; 32] {
        let kind: &[u8] = match term.kind {
            TermKind::Name => b"term of a name",
            TermKind::Telephone => b"term of a telephone",
            TermKind::Email => b"term of an email",
        };
        tag(&self.blind_index, &[clinic_id.as_bytes(), kind, term.text.as_bytes()])
    }
}

impl Place {
    /// The place of a reference. It contains the hash, because the id of the row is unknown until the row is found.
    pub fn reference(clinic_id: ClinicId, hash: &[u8]) -> Self {
        Self::new(clinic_id, first_half(hash), "subjects.reference_sealed")
    }

    pub fn contact(clinic_id: ClinicId, subject_id: SubjectId) -> Self {
        Self::new(clinic_id, subject_id.0, "subjects.contact_sealed")
    }

    /// The value before the change that made a version of a subject.
    pub fn before(clinic_id: ClinicId, (subject_id, version): (SubjectId, i32)) -> Self {
        let row_id = Uuid::from_u128(subject_id.0.as_u128() ^ u128::from(version.unsigned_abs()));
        Self::new(clinic_id, row_id, "subject_changes.before_sealed")
    }

    pub fn note(clinic_id: ClinicId, follow_up_id: FollowUpId, version: i32) -> Self {
        let row = [&follow_up_id.0.as_bytes()[..], &version.to_be_bytes()].concat();
        let hash = digest::digest(&digest::SHA256, &row);
        Self::new(clinic_id, first_half(hash.as_ref()), "follow_up_events.note_sealed")
    }

    /// The current and the previous signing secret of a webhook endpoint.
    pub fn secret(clinic_id: ClinicId, webhook_id: WebhookId) -> Self {
        Self::new(clinic_id, webhook_id.0, "webhook_endpoints.secret_sealed")
    }

    /// The issuer and subject of a person who signs in with tokens.
    pub fn person(clinic_id: ClinicId, credential_id: CredentialId) -> Self {
        Self::new(clinic_id, credential_id.0, "credentials.issuer_subject_sealed")
    }

    const fn new(clinic_id: ClinicId, row_id: Uuid, column: &'static str) -> Self {
        Self { clinic_id: clinic_id.0, row_id, column }
    }

    fn bytes(self) -> Vec<u8> {
        [self.clinic_id.as_bytes(), self.row_id.as_bytes(), self.column.as_bytes()].concat()
    }
}

/// The first 128 bits of a hash, as the id of a row.
fn first_half(hash: &[u8]) -> Uuid {
    hash.first_chunk::<16>().map_or(Uuid::nil(), |half| Uuid::from_bytes(*half))
}

/// Compares two hashes in constant time.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// A keyed hash over parts. Each part is preceded by its length, so that different lists of parts never have the same
/// input.
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

    /// The keys of a key file, each one byte repeated, with its version.
    fn ring(lines: &[(u8, u8)]) -> Keys {
        let texts: Vec<_> = lines.iter().map(|(byte, _)| MasterKey::text(&[*byte; 32])).collect();
        let text = texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
        let keys = Keys::derive(&MasterKey::parse_file(&text).unwrap()).unwrap();
        keys.set_versions(lines.iter().map(|(_, version)| *version).collect());
        keys
    }

    #[test]
    fn a_sealed_value_decrypts_only_in_its_place_and_with_its_key() {
        let place = Place { clinic_id: Uuid::from_u128(1), row_id: Uuid::from_u128(2), column: "reference" };
        let sealed = keys(7).seal(place, "MRN-1").unwrap();
        assert_ne!(sealed, keys(7).seal(place, "MRN-1").unwrap());
        assert_eq!(keys(7).open(place, &sealed).unwrap().as_str(), "MRN-1");
        for moved in [
            Place { clinic_id: Uuid::from_u128(3), ..place },
            Place { row_id: Uuid::from_u128(3), ..place },
            Place { column: "contact", ..place },
        ] {
            assert_eq!(keys(7).open(moved, &sealed), Err(KeyError::Sealed(moved.column)));
        }
        assert_eq!(keys(8).open(place, &sealed), Err(KeyError::Sealed("reference")));
    }

    #[test]
    fn a_reference_hashes_differently_in_two_clinics() {
        let hash = |clinic| keys(7).blind_index(Uuid::from_u128(clinic), LookUp::Reference, "MRN-1");
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn a_term_hashes_differently_for_each_clinic_key_and_kind() {
        let hash = |byte, clinic, kind| {
            keys(byte).term_hash(Uuid::from_u128(clinic), &SearchTerm { kind, text: "ana".to_owned() })
        };
        let hashes: std::collections::BTreeSet<_> = [
            hash(7, 1, TermKind::Name),
            hash(7, 1, TermKind::Email),
            hash(7, 1, TermKind::Telephone),
            hash(7, 2, TermKind::Name),
            hash(8, 1, TermKind::Name),
            keys(7).blind_index(Uuid::from_u128(1), LookUp::Name, "ana"),
        ]
        .into();
        assert_eq!(hashes.len(), 6);
        let term = SearchTerm { kind: TermKind::Name, text: "ana".to_owned() };
        let found = ring(&[(8, 2), (7, 1)]).term_hashes(Uuid::from_u128(1), &term);
        assert_eq!(found, [hash(8, 1, TermKind::Name).to_vec(), hash(7, 1, TermKind::Name).to_vec()]);
    }

    #[test]
    fn values_of_earlier_keys_are_decrypted_and_found() {
        let place = Place { clinic_id: Uuid::from_u128(1), row_id: Uuid::from_u128(2), column: "reference" };
        let (old, both, new) = (ring(&[(7, 1)]), ring(&[(8, 2), (7, 1)]), ring(&[(8, 2)]));
        let sealed = old.seal(place, "MRN-1").unwrap();
        assert_eq!(both.open(place, &sealed).unwrap().as_str(), "MRN-1");
        assert_eq!(new.open(place, &sealed), Err(KeyError::Sealed("reference")));
        let again = both.seal(place, "MRN-1").unwrap();
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
    fn sealing_fails_before_the_key_versions_are_known() {
        let keys = Keys::derive(&[MasterKey::parse(&MasterKey::text(&[7; 32])).unwrap()]).unwrap();
        let place = Place { clinic_id: Uuid::nil(), row_id: Uuid::nil(), column: "reference" };
        assert_eq!(keys.seal(place, "MRN-1"), Err(KeyError::Unversioned));
        assert_eq!(keys.open(place, &[1; 40]), Err(KeyError::Unversioned));
    }

    #[test]
    fn a_key_file_of_the_wrong_length_is_refused() {
        for text in ["00", "", "\n", &"zz".repeat(32), &format!("{}\n00", "07".repeat(32))] {
            assert!(MasterKey::parse_file(text).is_err(), "{text}");
        }
    }
}
