//! Sends to addresses that clinics chose. The name is looked up by us and only fit addresses of it are connected to, so
//! what is checked is what is connected to; no redirection is followed and no proxy asked.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use zeroize::Zeroizing;

use super::addresses::{Addresses, literal};
use super::signature::sign;
use crate::domain::webhook_delivery::{Attempted, DeliveryFailure};

/// How long an attempt may take, whole.
pub const LIMIT: Duration = Duration::from_secs(15);
/// How much of an answer is read, bytes, so that the receiver can end it in peace. It is not looked at.
const ANSWER: usize = 4 * 1024;

/// Looks up the addresses of a name.
pub trait Names: Send + Sync {
    /// Every address of a name.
    fn look_up(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>>;
}

/// The system's names.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

/// What is sent.
pub struct Message<'a> {
    /// Where to.
    pub url: &'a str,
    /// What signs it.
    pub secrets: &'a [Zeroizing<String>],
    /// Its id, the same in every attempt.
    pub id: &'a str,
    /// When this attempt is made.
    pub at: Timestamp,
    /// Its body.
    pub body: String,
}

/// The receivers of webhooks. Cheap to share.
pub struct Receivers {
    addresses: Addresses,
    names: Arc<dyn Names>,
    limit: Duration,
    /// With encryption and without.
    clients: OnceLock<Option<[Client; 2]>>,
}

impl Receivers {
    /// Receivers at fit addresses.
    #[must_use]
    pub fn new(addresses: Addresses, names: Arc<dyn Names>, limit: Duration) -> Self {
        Self { addresses, names, limit, clients: OnceLock::new() }
    }

    /// Which addresses are fit.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Makes one attempt. The address is checked anew: what the operator allows may have changed.
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
                // Every attempt connects, so every attempt is checked.
                .pool_max_idle_per_host(0)
                .user_agent(concat!("sarcoscreen/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        match (client(true), client(false)) {
            (Ok(encrypted), Ok(plain)) => Some([encrypted, plain]),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "webhooks cannot be sent");
                None
            }
        }
    }
}

/// Looks names up and leaves out what is not fit.
struct Guard {
    addresses: Addresses,
    names: Arc<dyn Names>,
    encrypted: bool,
}

/// None of the addresses of a name is fit.
#[derive(Debug, thiserror::Error)]
#[error("no address of the name may be sent to")]
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
    fn look_up(&self, name: String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why a request failed.
fn failure(error: &reqwest::Error) -> DeliveryFailure {
    let mut behind: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = behind {
        if cause.is::<Refused>() {
            return DeliveryFailure::AddressRefused;
        }
        behind = cause.source();
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

/// How long `Retry-After` says to wait: seconds, or until a date.
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
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = Timestamp::from_second(784_111_777).unwrap();
        assert_eq!(wait("120", now), Some(Duration::from_mins(2)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:37 GMT", now), None);
        assert_eq!(wait("soon", now), None);
    }
}
