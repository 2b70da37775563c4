//! Invalid keys: a flood of them, from any number of addresses, locks out no valid key and costs little.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::people::{clinic, mint};
use crate::service::{Place, Service};

/// A keep-alive connection that sends one request at a time.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    /// Sends a request, reads the whole response and returns its status.
    async fn ask(&mut self, path: &str, headers: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.read.clear();
        loop {
            if let Some(head) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = std::str::from_utf8(&self.read[..head]).unwrap().to_lowercase();
                let length = text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
                if self.read.len() == head + 4 + length.parse::<usize>().unwrap() {
                    return text[9..12].parse().unwrap();
                }
            }
            assert_ne!(self.stream.read_buf(&mut self.read).await.unwrap(), 0, "the connection was closed");
        }
    }
}

/// CPU cost of one request, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Cost {
    service: f64,
    database: f64,
}

/// Sends requests over 64 connections. Returns the cost of one request and the last status.
async fn cost(place: &Place, service: &Service, requests: usize, headers: impl Fn(usize) -> String) -> (Cost, u16) {
    let used = || (cpu(service.process()), children(place.postgres()).into_iter().map(cpu).sum::<f64>());
    let (next, headers) = (&AtomicUsize::new(0), &headers);
    let before = used();
    let statuses = join_all((0..64).map(async |_| {
        let mut connection = Connection::open(service.address()).await;
        let mut status = 0;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= requests {
                return status;
            }
            let headers = headers(number);
            let path = if headers.is_empty() { "/health/live" } else { "/v1/follow-ups" };
            status = connection.ask(path, &headers).await;
        }
    }));
    let statuses = statuses.await;
    let after = used();
    assert!(statuses.iter().all(|status| *status == statuses[0]), "{statuses:?}");
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let each = |seconds: f64| seconds * 1e6 / requests as f64;
    (Cost { service: each(after.0 - before.0), database: each(after.1 - before.1) }, statuses[0])
}

/// CPU seconds that a process has used.
fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let times = stat.rsplit(") ").next().unwrap().split_whitespace().skip(11).take(2);
    times.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    std::fs::read_to_string(path).unwrap().split_whitespace().map(|id| id.parse().unwrap()).collect()
}

/// A well-formed key that does not exist.
fn unknown(number: usize) -> String {
    format!("sk_{number:013}_{}", "A".repeat(43))
}

fn bearer(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

/// The forwarded-for header of a trusted proxy, with a different network for each number.
fn from_anywhere(number: usize) -> String {
    format!("x-forwarded-for: 2001:db8:{:x}:{:x}::1\r\n", number >> 16, number & 0xffff)
}

async fn place() -> Place {
    let place = Place::new().await;
    place.run(&["migrate"]);
    clinic(&place, "One");
    place
}

async fn flooded(keys: usize, connections: usize) {
    let place = place().await;
    let keys: Vec<String> = (0..keys).map(|_| mint(&place, "One", "staff")).collect();
    // The second service has seen none of the keys, as after a restart.
    for round in 0..2 {
        let service = place.serve_with(&[("SARCOSCREEN_DATABASE_CONNECTIONS", "4")]);
        let (next, done) = (&AtomicUsize::new(round * 1_000_000), &AtomicBool::new(false));
        let junk = join_all((0..connections).map(async |_| {
            let mut connection = Connection::open(service.address()).await;
            let mut refused = 0;
            while !done.load(Ordering::Relaxed) {
                let status =
                    connection.ask("/v1/follow-ups", &bearer(&unknown(next.fetch_add(1, Ordering::Relaxed)))).await;
                assert!([401, 429].contains(&status), "{status}");
                refused += usize::from(status == 429);
            }
            refused
        }));
        let good = async {
            while next.load(Ordering::Relaxed) < round * 1_000_000 + 2_000 {
                tokio::task::yield_now().await;
            }
            let mut slowest = Duration::ZERO;
            for key in &keys {
                let mut connection = Connection::open(service.address()).await;
                let begun = Instant::now();
                let status = connection.ask("/v1/follow-ups", &bearer(key)).await;
                slowest = slowest.max(begun.elapsed());
                if status != 200 {
                    done.store(true, Ordering::Relaxed);
                }
                assert_eq!(status, 200, "a valid key during junk keys");
            }
            done.store(true, Ordering::Relaxed);
            slowest
        };
        let (refused, slowest) = join(junk, good).await;
        let refused: usize = refused.into_iter().sum();
        let sent = next.load(Ordering::Relaxed) - round * 1_000_000;
        println!("{} keys accepted during {sent} junk keys, {refused} of them 429; slowest {slowest:?}", keys.len());
        assert!(refused > 1_000, "{refused}");
        service.stop();
    }
}

#[tokio::test]
async fn a_flood_of_junk_keys_locks_out_no_valid_key() {
    flooded(5, 16).await;
}

#[tokio::test]
#[ignore = "long: 200 keys during 256 connections with junk"]
async fn a_flood_of_junk_keys_locks_out_no_valid_key_long() {
    flooded(200, 256).await;
}

/// Maximum cost of a junk key as a multiple of `GET /health/live`: in the service without a database look-up (malformed, or
/// known prefix), in the service with a look-up (unknown prefix), and in the database.
const MOST: [f64; 3] = [3.0, 5.0, 2.0];

type Headers<'a> = Box<dyn Fn(usize) -> String + 'a>;

async fn costs(requests: usize) {
    let place = place().await;
    let real = mint(&place, "One", "browser");
    let service =
        place.serve_with(&[("SARCOSCREEN_TRUSTED_PROXIES", "127.0.0.1"), ("SARCOSCREEN_DATABASE_CONNECTIONS", "4")]);
    cost(&place, &service, requests, |_| String::new()).await;
    let (live, status) = cost(&place, &service, requests, |_| String::new()).await;
    assert_eq!(status, 200);
    println!("GET /health/live: {live:.1?}");
    let (known, secrets) = (&real[..17], |number: usize| format!("{number:043}"));
    let kinds: [(&str, Headers<'_>, f64); 4] = [
        ("no key", Box::new(|number| format!("{}x-none: 1\r\n", from_anywhere(number))), MOST[0]),
        ("garbage", Box::new(|number| from_anywhere(number) + &bearer("garbage")), MOST[0]),
        (
            "a known prefix",
            Box::new(|number| from_anywhere(number) + &bearer(&format!("{known}{}", secrets(number)))),
            MOST[0],
        ),
        ("an unknown prefix", Box::new(|number| from_anywhere(number) + &bearer(&unknown(number))), MOST[1]),
    ];
    let mut over = Vec::new();
    for (kind, headers, most) in kinds {
        let (each, status) = cost(&place, &service, requests, headers).await;
        let (service, database) = (each.service / live.service, each.database / live.service);
        println!("{kind}: {each:.1?}, {service:.1} and {database:.1} times GET /health/live");
        // With more addresses than the counters of failures distinguish, some share a counter.
        assert!([401, 429].contains(&status), "{kind}: {status}");
        if service > most || database > MOST[2] {
            over.push(kind);
        }
    }
    assert!(over.is_empty(), "these cost too much: {over:?}");
}

#[tokio::test]
async fn junk_keys_from_any_address_are_cheap() {
    costs(6_000).await;
}

#[tokio::test]
#[ignore = "long: 200,000 requests of each kind"]
async fn junk_keys_from_any_address_are_cheap_long() {
    costs(200_000).await;
}
