//! Limits on the resources that one peer can make the service hold, and on how long.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::hostile::{DOCUMENT, address, closes, connect, crowd, descriptors, exchange, processor, until};
use crate::people::{clinic, mint};
use crate::service::{Place, Service};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n";
const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A migrated database with a clinic, and an intake key of it.
async fn place() -> (Place, String) {
    let place = Place::new().await;
    place.run(&["migrate"]);
    clinic(&place, "One");
    let key = mint(&place, "One", "intake");
    (place, key)
}

async fn live(service: &Service) -> bool {
    let Ok(mut stream) = connect(service.address(), LOCAL).await else { return false };
    exchange(&mut stream, LIVE, "\"live\"").await
}

/// Opens connections with a request in progress each: `100 Continue` shows that the service has read its head.
async fn busy(service: &Service, key: &str, from: Ipv4Addr, count: usize) -> Vec<TcpStream> {
    let head = format!(
        "POST /v1/scores HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nexpect: 100-continue\r\n\r\n"
    );
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = connect(service.address(), from).await.unwrap();
        assert!(exchange(&mut stream, &head, "100 Continue").await);
        streams.push(stream);
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_responses_use_little_memory_and_end_after_the_deadline() {
    let (place, _) = place().await;
    let service = place.serve_with(&[("SARCOSCREEN_ANSWER_DEADLINE_SECONDS", "4")]);
    let mut first = connect(service.address(), LOCAL).await.unwrap();
    assert!(exchange(&mut first, DOCUMENT, "\"openapi\"").await);
    drop(first);
    let (memory, open) = (service.resident(), descriptors(&service));
    let mut unread = crowd(service.address(), 1, 100, &DOCUMENT.repeat(3_000)).await;
    unread.extend(crowd(service.address(), 2, 100, &DOCUMENT.repeat(100)).await);
    assert_eq!(unread.len(), 200);
    // When the memory no longer grows, every client has received what it will receive.
    let mut peaks = vec![0.0; 20];
    let settled = until(Duration::from_secs(20), || {
        peaks.insert(0, service.peak());
        peaks[0] - peaks[20] < 0.1
    });
    settled.await.expect("the memory no longer grows");
    assert!(live(&service).await);
    let each = (peaks[0] - memory) * 1024.0 / 200.0;
    println!("{each:.0} KB for each");
    let closed = until(Duration::from_secs(10), || descriptors(&service) <= open + 2).await;
    println!("closed after {closed:?}");
    assert!(each < 250.0, "{each:.0} KB for each connection");
    assert!(closed.is_some(), "they stay open");
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_slowly_or_sends_everything_first_is_served() {
    let (place, key) = place().await;
    let service = place.serve_with(&[("SARCOSCREEN_ANSWER_DEADLINE_SECONDS", "2")]);
    // Reads slowly all the time.
    let mut slow = connect(service.address(), LOCAL).await.unwrap();
    slow.write_all(DOCUMENT.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let reading = async {
        let (mut all, mut part) = (0, vec![0; 16 * 1024]);
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            match slow.read(&mut part).await.unwrap() {
                0 => return all,
                count => all += count,
            }
        }
    };
    // Sends for longer than the response deadline, and reads only after it has sent everything.
    let mut stream = connect(service.address(), LOCAL).await.unwrap();
    let head = format!(
        "POST /v1/submissions/batch?view=full HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    let line = "{}\n".repeat(500);
    let chunk = format!("{:x}\r\n{line}\r\n", line.len());
    let sending = async {
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..60 {
            stream.write_all(chunk.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer.windows(7).filter(|bytes| bytes == b"\"line\":").count()
    };
    let (document, results) = futures_util::future::join(reading, sending).await;
    assert!(document > 200_000, "{document}");
    assert_eq!(results, 30_000);
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_closes_the_connection_also_after_the_first_request() {
    let (place, _) = place().await;
    let service = place.serve_with(&[("SARCOSCREEN_READ_DEADLINE_SECONDS", "1")]);
    let mut stream = connect(service.address(), LOCAL).await.unwrap();
    assert!(exchange(&mut stream, LIVE, "\"live\"").await);
    // An idle keep-alive connection stays open for longer than the deadline for a head.
    assert!(!closes(&mut stream, Duration::from_millis(1_500)).await);
    assert!(exchange(&mut stream, LIVE, "\"live\"").await);
    stream.write_all(b"GET /health/live HTTP/1.1\r\nx-slow: ").await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let dripping = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while writer.write_all(b"x").await.is_ok() {
            ticks.tick().await;
        }
    });
    let start = Instant::now();
    let ended = tokio::time::timeout(Duration::from_secs(5), reader.read(&mut [0; 1024])).await;
    dripping.abort();
    assert!(ended.is_ok() && start.elapsed() > Duration::from_millis(700), "{ended:?} after {:?}", start.elapsed());
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_connection_cap_the_longest_idle_one_closes_and_none_waits() {
    let (place, key) = place().await;
    let settings = [("SARCOSCREEN_CONNECTIONS", "40"), ("SARCOSCREEN_TRUSTED_PROXIES", "127.0.0.1")];
    let service = place.serve_with(&settings);
    let mut idle = Vec::new();
    for _ in 0..40 {
        let mut stream = connect(service.address(), LOCAL).await.unwrap();
        assert!(exchange(&mut stream, LIVE, "\"live\"").await);
        idle.push(stream);
    }
    // The first connection is used again, so the second is idle longest.
    assert!(exchange(&mut idle[0], LIVE, "\"live\"").await);
    assert!(live(&service).await, "a newcomer is served");
    assert!(closes(&mut idle[1], Duration::from_secs(2)).await, "the connection idle longest is closed");
    assert!(exchange(&mut idle[0], LIVE, "\"live\"").await);
    drop(idle);
    let _busy = busy(&service, &key, LOCAL, 40).await;
    let mut newcomer = connect(service.address(), LOCAL).await.unwrap();
    assert!(closes(&mut newcomer, Duration::from_secs(2)).await, "a newcomer is refused at once");
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_a_tenth_of_the_connections() {
    let (place, key) = place().await;
    let service = place.serve_with(&[("SARCOSCREEN_CONNECTIONS", "100")]);
    let before = descriptors(&service);
    let _hostile = busy(&service, &key, address(3, 0), 10).await;
    let _refused = crowd(service.address(), 3, 50, LIVE).await;
    // Another address is served, which shows that the service has processed the hostile connections.
    assert!(live(&service).await);
    let taken = until(Duration::from_secs(5), || descriptors(&service) <= before + 12).await;
    assert!(taken.is_some(), "{} of 60 are open", descriptors(&service) - before);
    let mut refused = connect(service.address(), address(3, 0)).await.unwrap();
    assert!(closes(&mut refused, Duration::from_secs(2)).await);
    service.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_document_costs_about_as_much_as_the_cheapest_response() {
    let (place, _) = place().await;
    let service = place.serve();
    let client = reqwest::Client::new();
    let cost = async |path: &str| {
        let ask = async || {
            let url = format!("http://{}{path}", service.address());
            let answer = client.get(url).header("accept-encoding", "gzip").send().await.unwrap();
            assert!([200, 404].contains(&answer.status().as_u16()), "{path}");
            answer.bytes().await.unwrap();
        };
        ask().await;
        let start = processor(&service);
        for _ in 0..200 {
            ask().await;
        }
        (processor(&service) - start) / 200.0 * 1e3
    };
    let least = cost("/health/live").await.max(0.1);
    let paths = [
        "/openapi.json",
        "/docs/",
        "/docs/swagger-ui-bundle.js",
        "/docs/problems",
        "/v1/questionnaire",
        "/v1/rule-tables",
        "/v1/rule-tables/2026.3",
        "/v1/rule-tables/1999.1",
        "/v1/conformance",
        "/fhir/metadata",
        "/fhir/Questionnaire",
        "/fhir/Questionnaire/2026.3",
        "/fhir/CodeSystem",
        "/fhir/CodeSystem/results",
        "/fhir/ValueSet",
        "/fhir/ValueSet/stair-difficulty",
        "/cds-services",
        "/health/ready",
    ];
    let mut dear = Vec::new();
    for path in paths {
        let milliseconds = cost(path).await;
        println!("{path}: {milliseconds:.2} ms, the cheapest response {least:.2} ms");
        if milliseconds > 6.0 * least {
            dear.push(path);
        }
    }
    assert!(dear.is_empty(), "{dear:?}");
    service.stop();
}

/// Connections that arrive while the service gets no processor time wait in its backlog. A full backlog drops them, and their
/// clients try again after a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_wait_for_a_paused_service() {
    let (place, _) = place().await;
    let service = place.serve();
    let process = Pid::from_raw(service.process().try_into().unwrap());
    kill(process, Signal::SIGSTOP).unwrap();
    let (mut waiting, mut slowest) = (Vec::new(), Duration::ZERO);
    for number in 0..1_000 {
        let start = Instant::now();
        waiting.push(connect(service.address(), address(3, number)).await.unwrap());
        slowest = slowest.max(start.elapsed());
    }
    kill(process, Signal::SIGCONT).unwrap();
    for stream in &mut waiting {
        assert!(exchange(stream, LIVE, "\"live\"").await);
    }
    println!("the slowest of {} connected after {slowest:?}", waiting.len());
    assert!(slowest < Duration::from_millis(900), "{slowest:?}");
    service.stop();
}

/// The length of a response that was read to its end.
async fn read_response(stream: &mut BufReader<TcpStream>) -> usize {
    let (mut length, mut line) = (0, String::new());
    while line != "\r\n" {
        line.clear();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "the service closed the connection");
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length]).await.unwrap()
}

/// A response of several writes does not wait until the client acknowledges the first one. Clients delay that by 40 ms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_response_does_not_wait_for_an_acknowledgement() {
    let (place, _) = place().await;
    let service = place.serve();
    let mut stream = BufReader::new(connect(service.address(), LOCAL).await.unwrap());
    let mut times = Vec::new();
    for _ in 0..60 {
        let start = Instant::now();
        stream.write_all(b"GET /v1/questionnaire HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        assert!(read_response(&mut stream).await > 20_000);
        times.push(start.elapsed());
    }
    // A system acknowledges the first segments of a connection at once.
    times.drain(..30);
    times.sort();
    println!("the last 30 took {:?} at the median, {:?} at most", times[15], times[29]);
    assert!(times[15] < Duration::from_millis(30), "{:?}", times[15]);
    service.stop();
}

/// Batches whose results are not read: the memory used by one key is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn unread_batches_use_no_more_than_their_share_of_memory() {
    let (place, key) = place().await;
    let service = place.serve_with(&[("SARCOSCREEN_ANSWER_DEADLINE_SECONDS", "20")]);
    let answers = json!({"answers": {"age": 82, "activity": "inactive", "falls_past_year": 4,
        "stair_difficulty": "a_lot_or_unable", "medications": ["systemic_corticosteroid_3_weeks"]}});
    let lines = format!("{}\n", json!({"submission": answers})).repeat(20_000);
    let head = format!(
        "POST /v1/submissions/batch?view=full HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{lines}",
        lines.len()
    );
    let sending = (0..4).map(|_| async {
        let mut stream = connect(service.address(), LOCAL).await.unwrap();
        // Ends when the service closes the connection, or when everything is sent.
        let _ = tokio::time::timeout(Duration::from_mins(1), stream.write_all(head.as_bytes())).await;
        stream
    });
    let streams = futures_util::future::join_all(sending).await;
    let gone = |stream: &TcpStream| stream.try_write(b"x").is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
    let closed = until(Duration::from_secs(90), || streams.iter().all(gone)).await;
    println!("peak {:.0} MB, closed after {closed:?}", service.peak());
    assert!(closed.is_some(), "they stay open");
    assert!(service.peak() < 400.0, "{:.0} MB", service.peak());
    service.stop();
}
