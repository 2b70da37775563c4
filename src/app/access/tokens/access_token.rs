//! Access tokens of this service: who may act, until when, and with which scopes. They are signed with a key that is derived from
//! the master key, so every instance accepts them and none is stored.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TOKEN_LENGTH;
use crate::app::error::{AppError, Result};
use crate::domain::access::client_token::ClientId;
use crate::domain::access::scope::Scopes;
use crate::domain::ids::{ClinicId, CredentialId};
use crate::store::database::Store;

/// The first characters of every access token.
const MARK: &str = "at_";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessToken {
    pub(crate) client: ClientId,
    pub(crate) until: Timestamp,
    pub(crate) scopes: Scopes,
}

#[derive(Serialize, Deserialize)]
struct Content {
    clinic: Uuid,
    credential: Uuid,
    /// Seconds since 1970.
    until: i64,
    scope: String,
}

pub(crate) fn has_the_form(bearer: &str) -> bool {
    bearer.starts_with(MARK)
}

impl AccessToken {
    /// Signs the token as text.
    pub(crate) fn sign(&self, store: &Store) -> Result<String> {
        let content = Content {
            clinic: self.client.clinic_id.0,
            credential: self.client.credential_id.0,
            until: self.until.as_second(),
            scope: self.scopes.to_string(),
        };
        let content = serde_json::to_vec(&content).map_err(|error| AppError::Internal(error.into()))?;
        let signature = store.access_token_signature(&content);
        Ok(format!("{MARK}{}.{}", BASE64URL_NOPAD.encode(&content), BASE64URL_NOPAD.encode(&signature)))
    }

    /// Reads a token; `None` if this service did not sign it. The caller checks whether it has expired.
    pub(crate) fn read(store: &Store, bearer: &str) -> Option<Self> {
        let text = bearer.strip_prefix(MARK).filter(|_| bearer.len() <= TOKEN_LENGTH)?;
        let (content, signature) = text.split_once('.')?;
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
        let (content, signature) = (decode(content)?, decode(signature)?);
        if !store.signed_access_token(&content, &signature) {
            return None;
        }
        let Content { clinic, credential, until, scope } = serde_json::from_slice(&content).ok()?;
        Some(Self {
            client: ClientId { clinic_id: ClinicId(clinic), credential_id: CredentialId(credential) },
            until: Timestamp::from_second(until).ok()?,
            scopes: Scopes::parse(&scope),
        })
    }
}
