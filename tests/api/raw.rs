//! Raw requests that no well-behaved client sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::world::{Answer, World};

/// Sends bytes, keeps the connection open, and reads one whole response.
pub(crate) async fn raw(world: &World, bytes: Vec<u8>) -> Answer {
    let address = world.base.strip_prefix("http://").unwrap().to_owned();
    let exchanged = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(&bytes).unwrap();
        read(&mut stream)
    });
    let answer = exchanged.await.unwrap();
    answer.check_problem();
    answer
}

/// The head of a submission with a key, without the final blank line.
pub(crate) fn head(key: &str) -> String {
    format!(
        "POST /v1/submissions HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    )
}

fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "the connection closed: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = bytes.split_off(end + 4);
    let have = body.len();
    body.resize(length, 0);
    stream.read_exact(&mut body[have..]).unwrap();
    Answer { status, headers, text: String::from_utf8(body).unwrap() }
}
