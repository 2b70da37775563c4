//! An HTTP client that distinguishes how a request ended: response, refused connection, broken connection, or timeout.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request counts as hanging after this time without a response.
pub(crate) const HANGS: Duration = Duration::from_mins(1);

/// A keep-alive connection, opened on first use or before.
pub(crate) struct Line {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// The reason for a missing response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No listener.
    Refused,
    /// The connection ended before the response was complete.
    Cut {
        /// Whether it was open before the request.
        reused: bool,
    },
    /// No response in time.
    Hangs,
}

/// A complete response, with what the scenarios need of its head.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it announces that the connection closes.
    pub(crate) closes: bool,
    /// Whether it has `Retry-After`.
    pub(crate) retry_after: bool,
    /// Whether it is declared as a problem.
    pub(crate) problem: bool,
    body: Vec<u8>,
}

impl Line {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// A connection that is open before its first request.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        Ok(Self { address, stream: Some(connect(address).await?) })
    }

    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        self.ask_within(request, HANGS).await
    }

    /// Like [`Self::ask`] with another time limit.
    pub(crate) async fn ask_within(&mut self, request: &[u8], limit: Duration) -> Result<Answer, Failure> {
        let asked = timeout(limit, self.exchange(request)).await;
        let answer = asked.unwrap_or(Err(Failure::Hangs));
        if answer.as_ref().map_or(true, |answer| answer.closes) {
            self.stream = None;
        }
        answer
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        // An idle connection that the server has closed does not count as a broken request.
        if self.stream.as_ref().is_some_and(closed) {
            self.stream = None;
        }
        let reused = self.stream.is_some();
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(connect(self.address).await?),
        };
        let answered = async {
            stream.write_all(request).await?;
            Answer::read(stream).await
        };
        answered.await.map_err(|_| Failure::Cut { reused })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        _ => Failure::Cut { reused: false },
    })?;
    stream.set_nodelay(true).map_err(|_| Failure::Cut { reused: false })?;
    Ok(stream)
}

/// Whether the other side has closed an idle connection.
fn closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut buffer = Vec::with_capacity(8 * 1024);
        loop {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((mut answer, head, length)) = Self::head(&buffer) else { continue };
            while buffer.len() < head + length {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            buffer.drain(..head);
            answer.body = buffer;
            return Ok(answer);
        }
    }

    /// The head, the start of the body and its length; `None` while the head is incomplete.
    fn head(buffer: &[u8]) -> Option<(Self, usize, usize)> {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(buffer).expect("an HTTP answer") else { return None };
        let header = |name: &str| {
            let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| header.value)
        };
        let answer = Self {
            status: response.code.unwrap(),
            closes: header("connection") == Some(b"close"),
            retry_after: header("retry-after").is_some(),
            problem: header("content-type") == Some(b"application/problem+json"),
            body: Vec::new(),
        };
        let length = match answer.status {
            204 | 304 => 0,
            _ => {
                let length = header("content-length").expect("an answer that states its length");
                str::from_utf8(length).unwrap().parse().unwrap()
            }
        };
        Some((answer, head, length))
    }

    /// The body; null if it is not JSON.
    pub(crate) fn json(&self) -> Value {
        self.parsed().unwrap_or_default()
    }

    /// The body as a type; `None` if it has another form.
    pub(crate) fn parsed<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A GET request without a body.
pub(crate) fn get(key: &str, path: &str) -> String {
    without_body("GET", key, path)
}

pub(crate) fn without_body(method: &str, key: &str, path: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: faults.example\r\n");
    if !key.is_empty() {
        write!(text, "authorization: Bearer {key}\r\n").unwrap();
    }
    text + "\r\n"
}

/// A submission with an idempotency key.
pub(crate) fn submission(key: &str, retry_key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/submissions HTTP/1.1\r\nhost: faults.example\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nidempotency-key: {retry_key}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
