//! NDJSON batches: processed as lines arrive, with a bounded number in progress, whatever the client does.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{PATH, item};
use crate::group_commit::{held, until_waiting};
use crate::world::{Clinic, User, World};

fn line(number: usize) -> String {
    format!("{}\n", item(number))
}

fn request(user: &User) -> reqwest::RequestBuilder {
    user.request("POST", PATH).header("content-type", "application/x-ndjson")
}

/// The results, each validated against the schema of JSON batches.
fn results(text: &str) -> Vec<Value> {
    let results: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    crate::schema::check("POST", PATH, 200, &json!({"items": results}).to_string());
    results
}

async fn stored(world: &World) -> i64 {
    world.count("select count(*) from submissions").await
}

/// Waits until this many are stored.
async fn until_stored(world: &World, wanted: i64) {
    let start = Instant::now();
    while stored(world).await < wanted {
        assert!(start.elapsed() < Duration::from_mins(1), "{} of {wanted} are stored", stored(world).await);
        // The client has disconnected, so no event reports later writes; the test polls the database.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn thousands_of_lines_are_stored_by_a_client_that_reads_only_when_it_has_sent_all() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let (count, start) = (5_000, Instant::now());
    let body: String = (0..count).map(line).collect();
    let answer = clinic.intake.send(request(&clinic.intake).body(body)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"));
    let results = results(&answer.text);
    assert_eq!(results.len(), count);
    for (index, result) in results.iter().enumerate() {
        assert_eq!((&result["line"], &result["status"]), (&json!(index + 1), &json!(201)), "{result}");
        assert_eq!(result["submission"]["assessment"]["flagged"], index.is_multiple_of(3));
        assert!(result["submission"]["assessment"].get("findings").is_none());
    }
    assert_eq!(stored(&world).await, 5_000);
    println!("{count} lines in {:?}, {} bytes of results", start.elapsed(), answer.text.len());
}

#[tokio::test]
async fn an_unreadable_line_affects_no_other_and_is_reported_with_its_number() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let long = format!("{{\"submission\": \"{}\"}}", "x".repeat(70_000));
    let body = format!("{}\r\n\n{}{{\n  \n{long}\n{}\n{}", item(0), line(1), item(2), item(3));
    let answer = clinic.intake.send(request(&clinic.intake).body(body)).await;
    let results = results(&answer.text);
    let statuses: Vec<(u64, u64)> =
        results.iter().map(|one| (one["line"].as_u64().unwrap(), one["status"].as_u64().unwrap())).collect();
    assert_eq!(statuses, [(1, 201), (3, 201), (4, 400), (6, 413), (7, 201), (8, 201)]);
    for refused in results.iter().filter(|one| one["status"] != 201) {
        assert_eq!(refused["problem"]["request_id"], answer.header("x-request-id"));
    }
    assert_eq!(stored(&world).await, 4);
}

/// Opens a batch over a raw connection: sends the head, after which chunks can be sent.
async fn opened(world: &World, clinic: &Clinic) -> TcpStream {
    let address = world.base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n",
        clinic.intake.key.as_deref().unwrap()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

async fn chunk(connection: &mut TcpStream, text: &str) {
    connection.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.unwrap();
}

/// Reads until a text has arrived this many times.
async fn read_until(connection: &mut TcpStream, text: &mut String, wanted: &str, times: usize) {
    while text.matches(wanted).count() < times {
        let mut some = [0; 4096];
        let read = connection.read(&mut some).await.unwrap();
        assert!(read > 0, "the answer ends: {text}");
        *text += std::str::from_utf8(&some[..read]).unwrap();
    }
}

#[tokio::test]
async fn lines_have_results_before_the_next_ones_arrive() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut connection = opened(&world, &clinic).await;
    let mut text = String::new();
    chunk(&mut connection, &(line(0) + &line(1))).await;
    read_until(&mut connection, &mut text, "\"status\":201", 2).await;
    assert_eq!(stored(&world).await, 2);
    chunk(&mut connection, &line(2)).await;
    read_until(&mut connection, &mut text, "\"status\":201", 3).await;
    // The stream ends in the middle of a line: every result that was sent belongs to a stored line, and the incomplete
    // line is not stored.
    chunk(&mut connection, &line(3)[..40]).await;
    drop(connection);
    clinic.intake.submit(&item(9)["submission"]).await.expect(201);
    assert_eq!(stored(&world).await, 4);
}

#[tokio::test]
async fn only_a_few_hundred_lines_are_in_progress_at_once() {
    let all: String = (0..20_000).map(line).collect();
    // The lines that wait for the lock arrive in time on a busy machine too.
    let world = World::with(|settings| settings.read_deadline = Duration::from_mins(1)).await;
    let clinic = world.clinic("One").await;
    let (mut holder, mut watch) = (world.connect().await, world.connect().await);
    let lock = held(&mut holder).await;
    let mut connection = opened(&world, &clinic).await;
    chunk(&mut connection, &line(20_000)).await;
    until_waiting(&mut watch, 1).await;
    // While no submission can be written, the service stops reading: the client cannot send all lines.
    let sent = tokio::time::timeout(Duration::from_secs(1), chunk(&mut connection, &all)).await;
    assert!(sent.is_err(), "20,000 lines of {} bytes were taken while none could be written", all.len());
    until_waiting(&mut watch, 2).await;
    lock.rollback().await.unwrap();
    // The client disconnects without reading. Submissions in progress are stored anyway; their number is bounded.
    let mut some = [0; 64];
    assert!(connection.read(&mut some).await.unwrap() > 0);
    drop(connection);
    // The first one, and at least one of the second transaction, which has begun.
    until_stored(&world, 1 + 1).await;
}

#[tokio::test]
async fn a_body_that_is_too_slow_ends_with_a_timeout_result() {
    let world = World::with(|settings| settings.read_deadline = Duration::from_secs(2)).await;
    let clinic = world.clinic("One").await;
    let mut connection = opened(&world, &clinic).await;
    chunk(&mut connection, &line(0)).await;
    let mut text = String::new();
    read_until(&mut connection, &mut text, "\"status\":408", 1).await;
    assert!(text.contains("\"line\":2,\"status\":408"), "{text}");
    assert_eq!(stored(&world).await, 1);
}

#[tokio::test]
async fn browser_keys_may_not_send_ndjson_batches() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    for (user, status) in [(&clinic.browser, 403), (&world.holder(None), 401), (&clinic.staff, 200)] {
        let answer = user.send(request(user).body(line(1))).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let coded = request(&clinic.intake).header("content-encoding", "gzip").body(line(1));
    assert_eq!(clinic.intake.send(coded).await.status, 415);
    let empty = clinic.intake.send(request(&clinic.intake).body("")).await;
    assert_eq!((empty.status, &*empty.text), (200, ""));
}
