//! Ring 2: the only HTTP clients. What this one fetches is small, comes from an address that the operator chose, and has a
//! deadline. What goes to addresses that clinics chose is below.

pub mod addresses;
pub mod receivers;
pub mod signature;

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

/// How long a document may take to arrive, whole.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// A client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

/// Why nothing was fetched. The address is not repeated: the operator knows it.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address cannot be used.
    #[error("the address is neither https nor one of this machine")]
    Address,
    /// The client cannot be made, such as where the system has no certificate authorities.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
    /// No answer came, or not in time.
    #[error("no answer: {0}")]
    Away(String),
    /// The answer is none that was asked for.
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

impl Client {
    /// Makes a client that follows no redirection and asks no proxy.
    ///
    /// # Errors
    /// When the system has no certificate authorities.
    pub fn new() -> Result<Self, OutboundError> {
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .connect_timeout(CONNECT_DEADLINE)
            .redirect(Policy::none())
            .no_proxy()
            // Fetches are rare, and an idle connection would belong to the thread that happened to open it.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("sarcoscreen/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|error| OutboundError::Client(chain(&error)))
    }

    /// Fetches a document of at most this many bytes.
    ///
    /// # Errors
    /// When the address is not fit, or no such document comes in time.
    pub async fn fetch(&self, address: &str, at_most: usize) -> Result<Vec<u8>, OutboundError> {
        let url = checked(address)?;
        let away = |error: reqwest::Error| OutboundError::Away(chain(&error.without_url()));
        let mut response = self.0.get(url).header("accept", "application/json").send().await.map_err(away)?;
        if response.status() != StatusCode::OK {
            return Err(OutboundError::Status(response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if bytes.len() + chunk.len() > at_most {
                return Err(OutboundError::TooLarge(at_most));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// Reads an address. Whoever can change what comes back decides who signs in, so it travels encrypted, or not at all.
fn checked(address: &str) -> Result<Url, OutboundError> {
    let url = Url::parse(address).map_err(|_| OutboundError::Address)?;
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) | ("http", Some("127.0.0.1" | "[::1]" | "localhost")) => Ok(url),
        _ => Err(OutboundError::Address),
    }
}

/// An error with what is behind it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(cause) = behind {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        behind = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn only_encrypted_addresses_and_those_of_this_machine_are_asked() {
        for fit in ["https://issuer.example/keys", "http://127.0.0.1:4000/keys", "http://[::1]/", "http://localhost/"] {
            assert!(checked(fit).is_ok(), "{fit}");
        }
        for unfit in ["http://issuer.example/keys", "http://127.0.0.1.example/", "file:///etc/passwd", "keys", ""] {
            assert!(checked(unfit).is_err(), "{unfit}");
        }
    }
}
