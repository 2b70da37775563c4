//! Signatures by the Standard Webhooks specification: HMAC-SHA256 over id, time and body.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use jiff::Timestamp;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// Formats a secret as the clinic receives it.
pub fn secret(random: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(random)))
}

/// The signatures with all secrets, separated by spaces: the receiver accepts the message if it can verify one of them.
/// An invalid secret produces no signature.
pub fn sign(secrets: &[Zeroizing<String>], id: &str, at: Timestamp, body: &str) -> String {
    let signed = secrets.iter().filter_map(|secret| {
        let key = Zeroizing::new(BASE64.decode(secret.strip_prefix(PREFIX)?.as_bytes()).ok()?);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let tag = hmac::sign(&key, format!("{id}.{}.{body}", at.as_second()).as_bytes());
        Some(format!("v1,{}", BASE64.encode(tag.as_ref())))
    });
    signed.collect::<Vec<_>>().join(" ")
}
