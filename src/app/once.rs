//! The result of a request that has one effect however often it is sent with the same idempotency key.

#[derive(Clone, Debug)]
pub struct Once<T> {
    pub result: T,
    /// Whether an earlier request with the key had the effect.
    pub replayed: bool,
}

impl<T> Once<T> {
    pub const fn first(result: T) -> Self {
        Self { result, replayed: false }
    }

    pub const fn replayed(result: T) -> Self {
        Self { result, replayed: true }
    }
}
