//! Idempotency keys: bound to the request that first used them.

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use uuid::Uuid;

use crate::app::{App, ambient::after};
use crate::domain::ids::SenderId;
use crate::domain::submissions::{ExternalSource, Idempotency};

/// Binds a sender's idempotency key to its request by a digest of the operation, the ids that belong to it, and the
/// canonical body.
pub fn bind(
    app: &App,
    sender_id: SenderId,
    key: String,
    operation: &str,
    ids: &[Uuid],
    canonical_body: &[u8],
) -> Idempotency {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(operation.as_bytes());
    context.update(b"\0");
    for id in ids {
        context.update(id.as_bytes());
    }
    context.update(canonical_body);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    let expires_at = after(app.ambient.now(), app.policy.idempotency_lifetime);
    Idempotency { sender_id, key, fingerprint, expires_at, of_record: false }
}

/// The key of a sender's record in another system. It identifies the record independent of its content, and for as long as
/// its submission exists. A test of the record has a key of its own, so that it never takes the place of the record.
pub fn of_record(sender_id: SenderId, source: &ExternalSource, test: bool) -> Idempotency {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [&source.system, &source.id] {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    if test {
        context.update(b"test");
    }
    let key = HEXLOWER.encode(context.finish().as_ref());
    Idempotency { sender_id, key, fingerprint: [0; 32], expires_at: Timestamp::MAX, of_record: true }
}
