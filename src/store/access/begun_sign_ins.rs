//! Sign-ins at the token issuer that have begun. The browser keeps the seed of its sign-in, the time until which it may be
//! finished, and a tag that only a holder of the master key can make. A forged one is refused without a query and without a
//! request to the issuer. The service stores none until a browser comes back with a code; then each is used up once, in all
//! instances.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::used_tokens;
use crate::domain::ids::ClinicId;
use crate::store::database::Store;
use crate::store::error::Result;

/// What the tag is bound to.
const BOUND: &[u8] = b"begun sign-in";
/// The name in the place of an issuer, under which used ones are stored. No issuer has it.
const USED: &str = "begun sign-in";
/// The clinic is known only after the exchange, so the rows belong to none.
const CLINIC: ClinicId = ClinicId(Uuid::nil());
/// The length of the text: 32 bytes of the seed, 8 of the time and 32 of the tag, in Base64.
const TEXT_LENGTH: usize = 96;

/// A sign-in that this service began.
pub struct BegunSignIn {
    seed: Zeroizing<[u8; 32]>,
    until: Timestamp,
}

impl BegunSignIn {
    /// `until` counts in whole seconds.
    pub fn new(seed: Zeroizing<[u8; 32]>, until: Timestamp) -> Self {
        Self { seed, until }
    }

    /// Random bits that only this service and the browser know.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub fn is_over(&self, now: Timestamp) -> bool {
        now.as_second() >= self.until.as_second()
    }

    /// The text that the browser keeps.
    pub fn text(&self, store: &Store) -> Zeroizing<String> {
        let content = self.content();
        let (tag, _) = store.keys.new_cookie(CLINIC.0, BOUND, &content);
        let bytes = Zeroizing::new([&content[..], &tag[..]].concat());
        Zeroizing::new(BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads such a text; `None` if it is not of this service.
    pub fn parse(store: &Store, text: &str) -> Option<Self> {
        if text.len() != TEXT_LENGTH {
            return None;
        }
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let (content, tag) = bytes.split_at_checked(40)?;
        store.keys.cookie_hash(CLINIC.0, BOUND, content, tag)?;
        let (seed, until) = content.split_first_chunk::<32>()?;
        let until = i64::from_be_bytes(until.try_into().ok()?);
        Some(Self { seed: Zeroizing::new(*seed), until: Timestamp::from_second(until).ok()? })
    }

    /// Marks it as used. `false` when it was used before. `kept_until` is when every instance refuses it for its age.
    pub async fn use_up(&self, store: &Store, kept_until: Timestamp) -> Result<bool> {
        let id = Zeroizing::new(BASE64URL_NOPAD.encode(&*self.seed));
        used_tokens::use_up(store, CLINIC, (USED, id.as_str()), kept_until).await
    }

    fn content(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.seed[..], &self.until.as_second().to_be_bytes()[..]].concat())
    }
}

/// Deletes a batch of used ones that are over, and returns their number.
pub async fn forget(store: &Store, now: Timestamp) -> Result<u64> {
    used_tokens::forget(store, CLINIC, now).await
}
