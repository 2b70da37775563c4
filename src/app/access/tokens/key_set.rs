//! The keys of an issuer (RFC 7517) that can verify a token here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::access::token::TokenAlgorithm;

/// The maximum size of a key set document, bytes.
pub(super) const DOCUMENT_LIMIT: usize = 256 * 1024;
/// Keys beyond this number are ignored.
const MOST_KEYS: usize = 100;
/// The minimum length of an RSA modulus: 2048 bits.
const RSA_BYTES: usize = 256;
/// The maximum length of a key id, bytes.
pub(super) const KEY_ID_LENGTH: usize = 256;

/// Members that only a private or a symmetric key has (RFC 7518, section 6).
const SECRET: [&str; 2] = ["d", "k"];
/// The members of a key that are public.
const PUBLIC: [&str; 10] = ["kty", "kid", "use", "key_ops", "alg", "crv", "n", "e", "x", "y"];

/// Why a document is refused as the public keys of a system. Each text says what to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    #[error("must be a key set (JWKS): a JSON object with the list keys")]
    NoKeySet,
    #[error(
        "has a private or a symmetric key (a member d or k): send the public keys only, and use a new key pair if this \
         file left the system that signs"
    )]
    Secret,
    #[error(
        "has keys for another purpose only: a key that verifies has the use \"sig\" and the key_ops [\"verify\"], or \
         leaves them out; [\"sign\"] is for the private key"
    )]
    OtherPurpose,
    #[error("must have a key with a kid of its own: RSA from 2048 bits, P-256, P-384 or Ed25519")]
    NoUsableKey,
}

/// Keys by key id.
#[derive(Default)]
pub(super) struct KeySet(HashMap<String, Option<Key>>);

pub(super) struct Key {
    algorithms: Vec<TokenAlgorithm>,
    public: DecodingKey,
    /// The members it was read from, to distinguish a repetition from a conflict.
    members: KeyMembers,
}

/// The relevant members of a key; all others are ignored.
#[derive(Clone, PartialEq, Eq, Deserialize)]
struct KeyMembers {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a document; `None` if it is not a key set. A key that cannot verify anything here is ignored: an issuer may
    /// have keys for other purposes and of unknown types.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(document).ok()?;
        let mut keys: HashMap<String, Option<Key>> = HashMap::new();
        for member in document.get("keys")?.as_array()?.iter().take(MOST_KEYS) {
            let Some(key) = KeyMembers::deserialize(member).ok().and_then(Key::read) else { continue };
            match keys.entry(key.members.kid.clone()) {
                Entry::Vacant(free) => _ = free.insert(Some(key)),
                Entry::Occupied(mut taken) => {
                    // Two different keys with one id are ambiguous, so the id is dropped.
                    if taken.get().as_ref().is_none_or(|known| known.members != key.members) {
                        taken.insert(None);
                    }
                }
            }
        }
        Some(Self(keys))
    }

    /// The document with the relevant members of each key. Fails when it has a private key, which must not leave its system, or no
    /// key that can verify anything here.
    pub(super) fn public(document: &[u8]) -> Result<Value, KeySetFault> {
        let usable = Self::read(document).ok_or(KeySetFault::NoKeySet)?.len() > 0;
        let mut document: Value = serde_json::from_slice(document).map_err(|_| KeySetFault::NoKeySet)?;
        let keys = document.get_mut("keys").and_then(Value::as_array_mut).ok_or(KeySetFault::NoKeySet)?;
        if keys.iter().any(|key| SECRET.iter().any(|member| key.get(member).is_some())) {
            return Err(KeySetFault::Secret);
        }
        keys.truncate(MOST_KEYS);
        if !usable {
            let other = keys.iter().any(Key::has_another_purpose);
            return Err(if other { KeySetFault::OtherPurpose } else { KeySetFault::NoUsableKey });
        }
        for key in keys.iter_mut().filter_map(Value::as_object_mut) {
            key.retain(|member, _| PUBLIC.contains(&member.as_str()));
        }
        Ok(serde_json::json!({ "keys": keys }))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Key> {
        self.0.get(name)?.as_ref()
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().flatten().count()
    }
}

impl KeyMembers {
    /// Whether the purpose of the key is to verify signatures. `sign` in `key_ops` is the purpose of the private key (RFC 7517,
    /// section 4.3).
    fn verify(&self) -> bool {
        self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }
}

impl Key {
    /// Whether a member of a key set could verify here if its `use` or its `key_ops` did not name another purpose.
    fn has_another_purpose(member: &Value) -> bool {
        let Ok(members) = KeyMembers::deserialize(member) else { return false };
        !members.verify() && Self::read(KeyMembers { purpose: None, key_ops: None, ..members }).is_some()
    }

    fn read(members: KeyMembers) -> Option<Self> {
        if !members.verify() || !(1..=KEY_ID_LENGTH).contains(&members.kid.len()) {
            return None;
        }
        // The type of the key decides the algorithms; a token's header can only choose among them.
        let (mut algorithms, public) = match (members.kty.as_str(), members.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (number(members.n.as_ref()?)?, number(members.e.as_ref()?)?);
                let public = (n.len() >= RSA_BYTES).then(|| DecodingKey::from_rsa_raw_components(&n, &e))?;
                (vec![TokenAlgorithm::Rs256, TokenAlgorithm::Rs384, TokenAlgorithm::Ps256], public)
            }
            ("EC", Some("P-256")) => (vec![TokenAlgorithm::Es256], point(&members, 32)?),
            ("EC", Some("P-384")) => (vec![TokenAlgorithm::Es384], point(&members, 48)?),
            ("OKP", Some("Ed25519")) => {
                let x = number(members.x.as_ref()?).filter(|x| x.len() == 32)?;
                (vec![TokenAlgorithm::EdDsa], DecodingKey::from_ed_der(&x))
            }
            _ => return None,
        };
        if let Some(only) = &members.alg {
            algorithms.retain(|algorithm| algorithm.as_str() == only);
        }
        (!algorithms.is_empty()).then_some(Self { algorithms, public, members })
    }

    pub(super) fn verifies_by(&self, algorithm: TokenAlgorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(super) fn has_signed(&self, algorithm: TokenAlgorithm, message: &str, signature: &str) -> bool {
        let algorithm = match algorithm {
            TokenAlgorithm::Rs256 => Algorithm::RS256,
            TokenAlgorithm::Rs384 => Algorithm::RS384,
            TokenAlgorithm::Ps256 => Algorithm::PS256,
            TokenAlgorithm::Es256 => Algorithm::ES256,
            TokenAlgorithm::Es384 => Algorithm::ES384,
            TokenAlgorithm::EdDsa => Algorithm::EdDSA,
        };
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.public, algorithm).unwrap_or(false)
    }
}

fn number(encoded: &String) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()
}

/// The point of an elliptic curve whose coordinates have this many bytes.
fn point(members: &KeyMembers, bytes: usize) -> Option<DecodingKey> {
    let (x, y) = (number(members.x.as_ref()?)?, number(members.y.as_ref()?)?);
    // Uncompressed form (SEC 1, section 2.3.3).
    (x.len() == bytes && y.len() == bytes).then(|| DecodingKey::from_ec_der(&[&[4], &*x, &*y].concat()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(keys: &Value) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn bytes(count: usize, byte: u8) -> String {
        BASE64URL_NOPAD.encode(&vec![byte; count])
    }

    fn rsa(name: &str) -> Value {
        json!({"kty": "RSA", "kid": name, "n": bytes(256, 1), "e": "AQAB"})
    }

    fn with(mut key: Value, member: &str, value: &str) -> Value {
        key[member] = json!(value);
        key
    }

    #[test]
    fn a_key_verifies_only_by_algorithms_that_its_type_and_its_alg_allow() {
        let bound = with(with(rsa("b"), "alg", "PS256"), "use", "sig");
        let ec = json!({"kty": "EC", "kid": "c", "crv": "P-384", "x": bytes(48, 1), "y": bytes(48, 2)});
        let set = set(&json!([rsa("a"), bound, ec]));
        let may = |name: &str| {
            TokenAlgorithm::ALL.into_iter().filter(|one| set.get(name).unwrap().verifies_by(*one)).collect::<Vec<_>>()
        };
        assert_eq!(may("a"), [TokenAlgorithm::Rs256, TokenAlgorithm::Rs384, TokenAlgorithm::Ps256]);
        assert_eq!(may("b"), [TokenAlgorithm::Ps256]);
        assert_eq!(may("c"), [TokenAlgorithm::Es384]);
    }

    #[test]
    fn keys_that_cannot_verify_are_ignored_and_the_rest_is_read() {
        let good = json!({"kty": "OKP", "kid": "good", "crv": "Ed25519", "x": bytes(32, 1), "x5c": 7});
        let set = set(&json!([
            null, 7, "x", {}, {"kty": "RSA"}, {"kty": "RSA", "kid": "good"},
            {"kty": "oct", "kid": "good", "k": "AQAB"},
            with(rsa("good"), "use", "enc"), with(rsa("good"), "alg", "HS256"), with(rsa("good"), "n", "!"),
            with(rsa("good"), "n", &bytes(255, 1)),
            {"kty": "RSA", "kid": "good", "n": bytes(256, 1), "e": "AQAB", "key_ops": ["encrypt"]},
            {"kty": "OKP", "kid": "good", "crv": "X25519", "x": bytes(32, 1)},
            {"kty": "OKP", "kid": "good", "crv": "Ed25519", "x": bytes(31, 1)},
            {"kty": "EC", "kid": "good", "crv": "secp256k1", "x": bytes(32, 1), "y": bytes(32, 1)},
            {"kty": "EC", "kid": "good", "crv": "P-256", "x": bytes(48, 1), "y": bytes(48, 1)}, good,
        ]));
        assert!(set.get("good").unwrap().verifies_by(TokenAlgorithm::EdDsa));
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn only_public_keys_that_verify_are_registered() {
        let public = |keys: Value| KeySet::public(json!({"keys": keys, "other": 1}).to_string().as_bytes());
        let with_ops = |ops: Value| {
            let mut key = rsa("a");
            key["key_ops"] = ops;
            key
        };
        assert_eq!(public(json!([with(rsa("a"), "x5t", "aa")])), Ok(json!({"keys": [rsa("a")]})));
        for ops in [json!(["verify"]), json!(["sign", "verify"])] {
            assert!(public(json!([with_ops(ops.clone())])).is_ok(), "{ops}");
        }
        // A key for another purpose beside one that verifies is harmless.
        assert!(public(json!([with_ops(json!(["sign"])), rsa("b")])).is_ok());
        for (keys, fault) in [
            (json!([rsa("b"), with(rsa("a"), "d", "secret")]), KeySetFault::Secret),
            (json!([{"kty": "oct", "kid": "a", "k": "AQAB"}]), KeySetFault::Secret),
            (json!([with_ops(json!(["sign"]))]), KeySetFault::OtherPurpose),
            (json!([with_ops(json!([]))]), KeySetFault::OtherPurpose),
            (json!([with(rsa("a"), "use", "enc")]), KeySetFault::OtherPurpose),
            (json!([]), KeySetFault::NoUsableKey),
            (json!([{"kty": "oct", "kid": "a"}]), KeySetFault::NoUsableKey),
            (json!([with(rsa("a"), "n", &bytes(255, 1))]), KeySetFault::NoUsableKey),
            (json!({}), KeySetFault::NoKeySet),
        ] {
            assert_eq!(public(keys.clone()), Err(fault), "{keys}");
        }
        for none in ["{}", "<html>", "[]"] {
            assert_eq!(KeySet::public(none.as_bytes()), Err(KeySetFault::NoKeySet), "{none}");
        }
        assert!(KeySetFault::OtherPurpose.to_string().contains("[\"verify\"]"));
    }

    #[test]
    fn an_id_of_two_keys_is_dropped_and_a_repetition_is_harmless() {
        let two = || with(rsa("two"), "n", &bytes(256, 2));
        let set = set(&json!([rsa("twice"), rsa("twice"), rsa("two"), two(), rsa("two")]));
        assert!(set.get("twice").is_some());
        assert!(set.get("two").is_none());
    }

    #[test]
    fn a_document_that_is_no_key_set_differs_from_an_empty_one() {
        assert!(KeySet::read(b"<html>").is_none());
        assert!(KeySet::read(b"{\"keys\": {}}").is_none());
        assert_eq!(set(&json!([])).len(), 0);
    }
}
