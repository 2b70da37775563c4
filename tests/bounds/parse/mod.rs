//! CPU time and memory of the running program for refused and faulty requests.

mod allocations;
mod growth;
mod log;
mod memory;
mod refused;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::service::{Place, Service};

/// A running program and the keys of a clinic.
pub(crate) struct Site {
    pub(crate) service: Service,
    pub(crate) browser: String,
    pub(crate) intake: String,
    pub(crate) staff: String,
    // Declared last, so that the database outlives the program.
    _place: Place,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let place = Place::new().await;
        place.run(&["migrate"]);
        let fields =
            ["--name", "Measured", "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
        let id = place.run(&[&["clinics", "create"], &fields[..]].concat());
        let mint = |role| place.run(&["keys", "mint", "--clinic", &id, "--role", role, "--name", role]);
        let (browser, intake, staff) = (mint("browser"), mint("intake"), mint("staff"));
        let unlimited = ["PER_CREDENTIAL", "PER_CLINIC", "SCORES_PER_ADDRESS", "SUBMISSIONS_PER_ADDRESS"]
            .map(|rate| (format!("SARCOSCREEN_RATE_{rate}"), "0"));
        let unlimited = unlimited.each_ref().map(|(name, value)| (&**name, *value));
        Self { service: place.serve_with(&unlimited), browser, intake, staff, _place: place }
    }

    /// CPU time that the program has used, nanoseconds.
    fn cpu(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.service.process())).unwrap();
        let used = threads.filter_map(|thread| {
            // The thread may have ended.
            let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        used.sum()
    }

    /// The costs of requests. They alternate on one connection, because the speed of a processor varies over time and
    /// between workers.
    pub(crate) fn costs(&self, requests: &[&[u8]], each: u32) -> Vec<Cost> {
        let mut line = Line::new(self);
        let mut costs: Vec<_> =
            requests.iter().map(|request| Cost { status: line.exchange(request).status, rounds: Vec::new() }).collect();
        for _ in 0..ROUNDS {
            for (cost, request) in costs.iter_mut().zip(requests) {
                cost.rounds.push(self.round(&mut line, request, each));
            }
        }
        costs
    }

    fn round(&self, line: &mut Line, request: &[u8], each: u32) -> f64 {
        let before = self.cpu();
        for _ in 0..each {
            line.exchange(request);
        }
        // Work that continues after a response finishes before the next request starts.
        line.exchange(LIVE);
        #[expect(clippy::cast_precision_loss, reason = "far below where precision is lost")]
        let spent = (self.cpu() - before) as f64 / 1e3;
        spent / f64::from(each)
    }
}

/// CPU microseconds of one request, the mean of each round, and the status of its response.
pub(crate) struct Cost {
    pub(crate) status: u16,
    rounds: Vec<f64>,
}

impl Cost {
    /// The minimum over the rounds, because other work of the program only increases the cost.
    pub(crate) fn least(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The median over the rounds of this cost as a multiple of another that was measured alternately.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        let mut ratios: Vec<_> = self.rounds.iter().zip(&other.rounds).map(|(this, other)| this / other).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}

/// Odd, for the median.
const ROUNDS: usize = 7;

/// `GET /health/live`, the cheapest request.
pub(crate) const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n";

/// A connection that reconnects when the program closes it.
pub(crate) struct Line {
    address: std::net::SocketAddr,
    stream: Option<TcpStream>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
}

impl Line {
    pub(crate) fn new(site: &Site) -> Self {
        Self { address: site.service.address(), stream: None }
    }

    pub(crate) fn exchange(&mut self, request: &[u8]) -> Answer {
        let stream = self.stream.get_or_insert_with(|| {
            let stream = TcpStream::connect(self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        });
        stream.write_all(request).unwrap();
        let (head, mut body) = head(stream);
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        if let Some(length) = field("content-length").map(|length| length.parse::<usize>().unwrap()) {
            let have = body.len();
            body.resize(length.max(have), 0);
            stream.read_exact(&mut body[have..]).unwrap();
        } else if field("transfer-encoding").is_some() {
            let mut buffer = vec![0; 64 * 1024];
            while !body.ends_with(b"0\r\n\r\n") {
                let count = stream.read(&mut buffer).unwrap();
                assert_ne!(count, 0, "the response ended early");
                body.extend_from_slice(&buffer[..count]);
            }
        }
        if field("connection").is_some_and(|value| value == "close") {
            self.stream = None;
        }
        Answer { status }
    }
}

fn head(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "closed after {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return (String::from_utf8(bytes).unwrap(), body);
        }
    }
}

pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    head_of("GET", path, headers, "").into_bytes()
}

/// A request with a JSON body.
pub(crate) fn post(path: &str, key: &str, body: &str) -> Vec<u8> {
    let (authorization, length) = (format!("Bearer {key}"), body.len().to_string());
    let headers =
        [("authorization", &*authorization), ("content-type", "application/json"), ("content-length", &length)];
    head_of("POST", path, &headers, body).into_bytes()
}

/// A request of any method; `text` follows the head.
pub(crate) fn head_of(method: &str, path: &str, headers: &[(&str, &str)], text: &str) -> String {
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n{text}")
}
