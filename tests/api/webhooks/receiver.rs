//! A receiver of webhooks that responds as configured, and verifies with the official library.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How it responds.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// 204.
    Takes,
    /// 500 to this percentage of requests, 204 to the others.
    Fails(usize),
    /// Reads, and never responds.
    Hangs,
    /// Closes without a response.
    Resets,
    /// Sends this raw head of a response.
    Says(String),
}

/// The data of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) body: String,
    /// Whether the response was 204.
    pub(crate) accepted: bool,
}

/// A receiver on a free local port.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) manner: Arc<Mutex<Manner>>,
    pub(crate) taken: Arc<Mutex<Vec<Taken>>>,
    count: watch::Receiver<usize>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let (progress, count) = watch::channel(0);
        let receiver =
            Self { url, manner: Arc::new(Mutex::new(manner)), taken: Arc::new(Mutex::new(Vec::new())), count };
        let (manner, taken, progress) = (Arc::clone(&receiver.manner), Arc::clone(&receiver.taken), Arc::new(progress));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manner, taken, progress) = (Arc::clone(&manner), Arc::clone(&taken), Arc::clone(&progress));
                tokio::spawn(async move { take(stream, &manner, &taken, &progress).await });
            }
        });
        receiver
    }

    pub(crate) fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Waits for this many attempts.
    pub(crate) async fn attempts(&self, wanted: usize) -> Vec<Taken> {
        let mut count = self.count.clone();
        let enough = count.wait_for(|count| *count >= wanted);
        let waited = tokio::time::timeout(Duration::from_mins(2), enough).await;
        assert!(waited.is_ok_and(|waited| waited.is_ok()), "{} of {wanted} attempts", self.taken.lock().unwrap().len());
        self.taken.lock().unwrap().clone()
    }

    /// The distinct ids that were accepted.
    pub(crate) fn accepted(&self) -> std::collections::HashSet<String> {
        self.taken.lock().unwrap().iter().filter(|one| one.accepted).map(|one| one.id.clone()).collect()
    }
}

impl Taken {
    /// Whether one of the received signatures equals that of the official library with this secret.
    pub(crate) fn signed_by(&self, secret: &str) -> bool {
        let made = Webhook::new(secret).unwrap().sign(&self.id, self.timestamp, self.body.as_bytes()).unwrap();
        self.signature.split(' ').any(|one| one == made)
    }

    /// Whether the official library accepts it now, including its timestamp.
    pub(crate) fn verified_by(&self, secret: &str) -> bool {
        let mut headers = HeaderMap::new();
        let timestamp = self.timestamp.to_string();
        for (name, value) in
            [("webhook-id", &self.id), ("webhook-timestamp", &timestamp), ("webhook-signature", &self.signature)]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &headers).is_ok()
    }
}

/// Handles one request.
async fn take(
    mut stream: TcpStream,
    manner: &Mutex<Manner>,
    taken: &Mutex<Vec<Taken>>,
    progress: &watch::Sender<usize>,
) {
    let Some(mut one) = read(&mut stream).await else { return };
    let manner = manner.lock().unwrap().clone();
    let said = {
        let mut taken = taken.lock().unwrap();
        let said = match &manner {
            Manner::Fails(percent) if taken.len() * 37 % 100 < *percent => Some("500 Internal Server Error".to_owned()),
            Manner::Takes | Manner::Fails(_) => Some("204 No Content".to_owned()),
            Manner::Says(head) => Some(head.clone()),
            Manner::Hangs | Manner::Resets => None,
        };
        one.accepted = said.as_deref() == Some("204 No Content");
        taken.push(one);
        said
    };
    progress.send_modify(|count| *count += 1);
    match said {
        Some(head) => {
            let text = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(text.as_bytes()).await;
        }
        None if matches!(manner, Manner::Hangs) => {
            // Waits until the service closes the connection.
            let _ = stream.read(&mut [0; 1]).await;
        }
        None => drop(stream),
    }
}

async fn read(stream: &mut TcpStream) -> Option<Taken> {
    let mut bytes = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(start)) = request.parse(&bytes) {
            let header = |name: &str| {
                let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
                found.map(|header| String::from_utf8(header.value.to_vec()).unwrap()).unwrap_or_default()
            };
            let length: usize = header("content-length").parse().unwrap_or_default();
            if bytes.len() >= start + length {
                return Some(Taken {
                    id: header("webhook-id"),
                    timestamp: header("webhook-timestamp").parse().unwrap(),
                    signature: header("webhook-signature"),
                    body: String::from_utf8(bytes[start..].to_vec()).unwrap(),
                    accepted: false,
                });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
