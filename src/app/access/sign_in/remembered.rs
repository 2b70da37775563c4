//! Cached lookups of sign-in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::store::access::credentials::{ByPrefix, SignedIn};

/// How long a lookup is cached; a revocation takes effect at the latest after this.
const REMEMBERED_FOR: Duration = Duration::from_secs(4);
/// The maximum number of entries in each cache.
const REMEMBERED: u64 = 10_000;
/// The length of the part that finds the row of a key.
pub(in crate::app::access) const PREFIX_LENGTH: usize = 13;

pub(super) type Prefix = [u8; PREFIX_LENGTH];

/// Open web forms by the slugs of their clinics.
pub(super) type Forms = HashMap<String, Arc<SignedIn>>;

#[derive(Clone)]
pub(crate) struct Remembered {
    /// Credentials by the prefixes of their keys; unknown prefixes are cached too.
    pub(super) keys: Cache<Prefix, Option<Arc<ByPrefix>>>,
    /// The people of tokens, by a keyed hash of each token. Only tokens that verify are cached.
    pub(super) tokens: Cache<[u8; 32], Arc<SignedIn>>,
    /// The open web forms of all clinics.
    pub(super) web_forms: Cache<(), Arc<Forms>>,
}

impl Remembered {
    pub(crate) fn new() -> Self {
        let keys = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        let tokens = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        let web_forms = Cache::builder().time_to_live(REMEMBERED_FOR).build();
        Self { keys, tokens, web_forms }
    }
}
