//! Retry keys: bound to the request that they came with.

use aws_lc_rs::digest;
use uuid::Uuid;

use super::App;
use super::ambient::after;
use crate::domain::submission::Idempotency;

/// Binds a retry key to its request by a digest of the operation, the ids that belong to it, and the canonical body.
#[must_use]
pub fn bind(app: &App, key: String, operation: &str, ids: &[Uuid], canonical_body: &[u8]) -> Idempotency {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(operation.as_bytes());
    context.update(b"\0");
    for id in ids {
        context.update(id.as_bytes());
    }
    context.update(canonical_body);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    Idempotency { key, fingerprint, expires_at: after(app.ambient.now(), app.policy.idempotency_lifetime) }
}
