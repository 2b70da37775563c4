//! Ring 2: all HTTP clients. [`Client`] fetches small documents with a deadline, from addresses that the operator
//! configures. The submodules send to addresses that clinics configure.

pub mod addresses;
pub mod receivers;
pub mod signature;

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, StatusCode, Url};

/// How long a whole fetch may take, and connecting as a part of it.
const DEADLINE: Duration = Duration::from_secs(5);
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// An HTTP client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

/// Why a fetch failed. The address is omitted: the operator knows it.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("the address is neither https nor an address of this machine")]
    Address,
    /// The client cannot be created, for example because the system has no certificate authorities.
    #[error("cannot create the HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("no response")]
    Away(#[source] reqwest::Error),
    #[error("response with status {0}")]
    Status(u16),
    #[error("the response has more than {0} bytes")]
    TooLarge(usize),
}

impl Client {
    /// Creates a client that follows no redirects and uses no proxy. Fails when the system has no certificate
    /// authorities.
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
        client.map(Self).map_err(OutboundError::Client)
    }

    /// Fetches a document of at most `at_most` bytes. Fails when the address is not allowed, or when no such document
    /// arrives in time.
    pub async fn fetch(&self, address: &str, at_most: usize) -> Result<Vec<u8>, OutboundError> {
        Self::document(self.0.get(checked(address)?), at_most).await
    }

    /// Sends a form, with a value of the header `Authorization` if there is one, and returns the document of at most `at_most`
    /// bytes that answers it. Fails as [`Self::fetch`] does.
    pub async fn send_form(
        &self,
        address: &str,
        form: String,
        authorization: Option<String>,
        at_most: usize,
    ) -> Result<Vec<u8>, OutboundError> {
        let request = self.0.post(checked(address)?).header("content-type", "application/x-www-form-urlencoded");
        let request = match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        Self::document(request.body(form), at_most).await
    }

    async fn document(request: RequestBuilder, at_most: usize) -> Result<Vec<u8>, OutboundError> {
        let away = |error: reqwest::Error| OutboundError::Away(error.without_url());
        let mut response = request.header("accept", "application/json").send().await.map_err(away)?;
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

/// Whether documents may be fetched from an address, and browsers sent to it.
pub fn is_secure(address: &str) -> bool {
    address.chars().all(|c| c.is_ascii_graphic()) && checked(address).is_ok()
}

/// Parses an address. The fetched document decides who may sign in, so it must be encrypted in transit, except on this
/// machine.
fn checked(address: &str) -> Result<Url, OutboundError> {
    let url = Url::parse(address).map_err(|_| OutboundError::Address)?;
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) | ("http", Some("127.0.0.1" | "[::1]" | "localhost")) => Ok(url),
        _ => Err(OutboundError::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn only_https_and_addresses_of_this_machine_are_fetched() {
        for fit in ["https://issuer.example/keys", "http://127.0.0.1:4000/keys", "http://[::1]/", "http://localhost/"] {
            assert!(checked(fit).is_ok(), "{fit}");
        }
        for unfit in ["http://issuer.example/keys", "http://127.0.0.1.example/", "file:///etc/passwd", "keys", ""] {
            assert!(checked(unfit).is_err(), "{unfit}");
        }
    }
}
