//! Reads HTTP responses with as little work as possible.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use uuid::Uuid;

/// The parts of a response that are used.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The id at the end of `Location`.
    pub(crate) id: Option<Uuid>,
    /// The length of the body in bytes.
    pub(crate) length: usize,
    /// Where the body starts in the buffer.
    head: usize,
}

impl Answer {
    /// Clears the buffer and reads one response into it. Every response must state its length.
    pub(crate) async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Self> {
        buffer.clear();
        loop {
            if stream.read_buf(buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(answer) = Self::head(buffer) {
                let whole = answer.head + answer.length;
                while buffer.len() < whole {
                    if stream.read_buf(buffer).await? == 0 {
                        return Err(std::io::ErrorKind::UnexpectedEof.into());
                    }
                }
                assert_eq!(buffer.len(), whole, "more bytes than the response states");
                return Ok(answer);
            }
        }
    }

    /// The body, in the buffer that the response was read into.
    pub(crate) fn body<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        &buffer[self.head..]
    }

    fn head(buffer: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(buffer).expect("an HTTP response") else { return None };
        let status = response.code.expect("a status");
        let (mut id, mut length) = (None, None);
        for header in response.headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
            } else if header.name.eq_ignore_ascii_case("location") {
                let (_, last) = header.value.split_at(header.value.len().saturating_sub(36));
                id = Uuid::try_parse_ascii(last).ok();
            }
        }
        Some(Self { status, id, length: length.expect("a response without its length"), head })
    }
}
