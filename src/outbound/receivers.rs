//! Sends to addresses that clinics configure. This module resolves names itself and connects only to allowed addresses, so
//! the checked address is the connected one. It follows no redirects and uses no proxy.

use std::error::Error as _;
use std::io;
use std::iter::successors;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use zeroize::Zeroizing;

use super::addresses::{Addresses, literal};
use super::signature::sign;
use crate::domain::causes::with_causes;
use crate::domain::webhooks::delivery::{Attempted, DeliveryFailure};

/// How long a whole attempt may take.
pub const LIMIT: Duration = Duration::from_secs(15);
/// How many bytes of a response are read, so that the receiver can finish it. The content is ignored.
const ANSWER: usize = 4 * 1024;

pub trait Names: Send + Sync {
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

pub struct Message<'a> {
    pub url: &'a str,
    pub secrets: &'a [Zeroizing<String>],
    /// The message id, the same in every attempt.
    pub id: &'a str,
    pub at: Timestamp,
    pub body: String,
}

/// Sends to webhook receivers. Cheap to share.
pub struct Receivers {
    addresses: Addresses,
    names: Arc<dyn Names>,
    limit: Duration,
    /// The client for https, then the client for http.
    clients: OnceLock<Option<[Client; 2]>>,
}

impl Receivers {
    pub fn new(addresses: Addresses, names: Arc<dyn Names>, limit: Duration) -> Self {
        Self { addresses, names, limit, clients: OnceLock::new() }
    }

    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Makes one attempt. Checks the address again, because the operator's allow list may have changed.
    pub async fn send(&self, message: Message<'_>) -> Attempted {
        let attempt = tokio::time::timeout(self.limit, self.attempt(message)).await;
        attempt.unwrap_or(Err(DeliveryFailure::Timeout)).unwrap_or_else(Attempted::Failed)
    }

    async fn attempt(&self, message: Message<'_>) -> Result<Attempted, DeliveryFailure> {
        let url = self.addresses.read(message.url).map_err(|_| DeliveryFailure::AddressRefused)?;
        let encrypted = url.scheme() == "https";
        if literal(&url).is_some_and(|address| !self.addresses.fit(address, encrypted)) {
            return Err(DeliveryFailure::AddressRefused);
        }
        let clients = self.clients.get_or_init(|| self.build()).as_ref().ok_or(DeliveryFailure::Connection)?;
        let signature = sign(message.secrets, message.id, message.at, &message.body);
        let request = clients[usize::from(!encrypted)]
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.at.as_second())
            .header("webhook-signature", signature)
            .body(message.body);
        let response = request.send().await.map_err(|error| failure(&error))?;
        Ok(answered(response, message.at).await)
    }

    fn build(&self) -> Option<[Client; 2]> {
        let client = |encrypted| {
            let names = Arc::clone(&self.names);
            let guard = Guard { addresses: self.addresses.clone(), names, encrypted };
            Client::builder()
                .dns_resolver(Arc::new(guard))
                .redirect(Policy::none())
                .no_proxy()
                // Every attempt opens a connection, so every attempt is checked.
                .pool_max_idle_per_host(0)
                .user_agent(concat!("sarcoscreen/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        match (client(true), client(false)) {
            (Ok(encrypted), Ok(plain)) => Some([encrypted, plain]),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(error = %with_causes(&error), "webhooks cannot be sent");
                None
            }
        }
    }
}

/// Resolves names and drops addresses that are not allowed.
struct Guard {
    addresses: Addresses,
    names: Arc<dyn Names>,
    encrypted: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("no address of the name is allowed")]
struct Refused;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (addresses, encrypted) = (self.addresses.clone(), self.encrypted);
        let found = self.names.look_up(name.as_str().to_owned());
        Box::pin(async move {
            let fit = found.await?.into_iter().filter(|address| addresses.fit(*address, encrypted));
            let fit: Vec<_> = fit.map(|address| SocketAddr::new(address, 0)).collect();
            if fit.is_empty() { Err(Refused.into()) } else { Ok(Box::new(fit.into_iter()) as Addrs) }
        })
    }
}

impl Names for SystemNames {
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

fn failure(error: &reqwest::Error) -> DeliveryFailure {
    if successors(error.source(), |cause| (**cause).source()).any(<dyn std::error::Error>::is::<Refused>) {
        return DeliveryFailure::AddressRefused;
    }
    if error.is_timeout() { DeliveryFailure::Timeout } else { DeliveryFailure::Connection }
}

async fn answered(mut response: Response, now: Timestamp) -> Attempted {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| wait(value.to_str().ok()?, now));
    let status = response.status().as_u16();
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > ANSWER {
            break;
        }
    }
    Attempted::Answered { status, retry_after }
}

/// Parses `Retry-After`: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Duration::try_from(at.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_parsed_as_seconds_and_as_a_date() {
        let now = Timestamp::from_second(784_111_777).unwrap();
        assert_eq!(wait("120", now), Some(Duration::from_mins(2)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:37 GMT", now), None);
        assert_eq!(wait("soon", now), None);
    }
}
