//! Log lines for malformed requests.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use crate::service::Place;

const UNREADABLE: [&str; 7] = [
    "\u{1}\u{2}\u{3}\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "POST /v1/scores HTTP/1.1\r\nhost: test\r\ncontent-length: x\r\n\r\n",
    "POST /v1/scores HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "GET / HTTP/9.9\r\nhost: test\r\n\r\n",
    "GET a b c HTTP/1.1\r\nhost: test\r\n\r\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_log_no_error() {
    let place = Place::new().await;
    place.run(&["migrate"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let service = place.serve_into(&[("SARCOSCREEN_LOG", "info")], Stdio::from(log.reopen().unwrap()));
    let many = format!("GET / HTTP/1.1\r\nhost: test\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long = format!("GET / HTTP/1.1\r\nhost: test\r\na: {}\r\n\r\n", "b".repeat(200_000));
    for request in UNREADABLE.into_iter().chain([&*many, &*long]) {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        // The program may respond and close before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{request:.60}: {answer}");
    }
    service.stop();
    let written = std::fs::read_to_string(log.path()).unwrap();
    assert!(written.contains("INFO"), "the log is empty: {written}");
    let errors: Vec<&str> = written.lines().filter(|line| line.contains("ERROR") || line.contains("WARN")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
