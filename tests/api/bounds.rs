//! Limits of one request: number of reported faults, size of parts, and number of bodies in progress.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fhir::response;
use crate::raw::head;
use crate::world::{Answer, User, World, fit};

async fn post(user: &User, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    user.send(user.request("POST", path).header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn a_hundred_faults_are_reported_and_a_later_alarm_too() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let fields = |count: usize| (0..count).map(|number| format!("\"x{number}\":0")).collect::<Vec<_>>().join(",");
    let alarm = "\"answers\":{\"dark_urine\":true,\"muscle_pain\":true}";
    for (count, pointers) in [(99, 99), (100, 100), (101, 100), (4_000, 100)] {
        let answer = post(&clinic.browser, "/v1/scores", format!("{{{},{alarm}}}", fields(count))).await;
        assert_eq!(answer.pointers().len(), pointers, "{count}");
        assert_eq!(answer.pointers()[..3], ["/x0", "/x1", "/x2"]);
        let body = answer.expect(422);
        assert_eq!(body["care_level"], "emergency", "{count}");
        assert_eq!(body["detail"].as_str().unwrap().starts_with("more than 100"), count > 100, "{}", body["detail"]);
    }
    let answers = format!("{{\"answers\":{{{},\"dark_urine\":true,\"muscle_pain\":true}}}}", fields(4_000));
    let answer = post(&clinic.browser, "/v1/scores", answers).await;
    assert_eq!((answer.pointers().len(), answer.expect(422)["care_level"].clone()), (100, json!("emergency")));
    let query = (0..800).map(|number| format!("&x{number}=1")).collect::<Vec<_>>().concat();
    let answer = clinic.staff.get(&format!("/v1/submissions?{}", &query[1..])).await;
    assert_eq!(answer.pointers().len(), 100);
    assert!(answer.expect(400)["detail"].as_str().unwrap().starts_with("more than 100"));
}

#[tokio::test]
async fn every_faulty_list_entry_is_reported_by_its_index() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"url": 7, "events": ["ping", "x", 1, "submission.flagged", "y"], "colour": "red"});
    let answer = clinic.admin.post("/v1/webhooks", &body).await;
    assert_eq!(answer.pointers(), ["/url", "/events/1", "/events/2", "/events/4", "/colour"], "{}", answer.text);
    answer.expect(422);
}

#[tokio::test]
async fn a_response_does_not_repeat_a_long_text() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let long = "l".repeat(30_000);
    let answer = post(&clinic.browser, "/v1/scores", json!({"answers": fit(), &*long: 1}).to_string()).await;
    assert!(answer.text.len() < 1_000, "{}", answer.text.len());
    answer.expect(422);
    let mut body = response(&fit());
    body["subject"] = json!({"identifier": {"value": "R-1"}});
    let inner: Vec<Value> = (0..150).map(|number| json!({"linkId": format!("x{number}")})).collect();
    body["item"].as_array_mut().unwrap().push(json!({"linkId": long, "item": inner}));
    for path in ["/fhir/QuestionnaireResponse", "/fhir/QuestionnaireResponse/$extract"] {
        let answer = post(&clinic.intake, path, body.to_string()).await;
        assert!(answer.text.len() < 40_000 && !answer.text.contains(&long[..200]), "{}", answer.text.len());
        let issues = answer.expect(422)["issue"].as_array().unwrap().clone();
        let last = issues.iter().filter_map(|issue| issue["diagnostics"].as_str()).rfind(|text| text.contains("100"));
        assert!(last.is_some_and(|text| text.starts_with("more than 100 faults")), "{issues:?}");
        assert!(issues.len() <= 102, "{}", issues.len());
    }
}

#[tokio::test]
async fn a_batch_item_may_be_as_large_as_a_single_request() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let large = json!({"submission": {"answers": fit(), "x": "x".repeat(64 * 1024)}});
    let body = json!({"items": [{"submission": {"answers": fit()}}, large]});
    let results = clinic.intake.post("/v1/submissions/batch", &body).await.expect(200);
    assert_eq!(results["items"][0]["status"], 201);
    assert_eq!(results["items"][1]["problem"]["type"], "/docs/problems#body_too_large");
    let twice = "{\"items\": [{}], \"items\": [{}], \"x\": 0}";
    assert_eq!(post(&clinic.intake, "/v1/submissions/batch", twice).await.pointers(), ["/items", "/x"]);
}

async fn batch(user: &User) -> Answer {
    post(user, "/v1/submissions/batch", json!({"items": [{"submission": 1}]}).to_string()).await
}

/// Whether any bytes arrived on a connection.
fn is_answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.peek(&mut [0]).is_ok()
}

/// A connection on which the head of a batch and a part of its body were sent.
fn half_sent(world: &World, user: &User, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(world.base.strip_prefix("http://").unwrap()).unwrap();
    let head = head(user.key.as_deref().unwrap()).replace("/v1/submissions", "/v1/submissions/batch");
    write!(stream, "{head}content-length: {bytes}\r\n\r\n{{\"items\": [").unwrap();
    stream
}

#[tokio::test]
async fn bodies_in_progress_have_bounded_space_that_is_released() {
    const MIB: usize = 1024 * 1024;
    let world = World::with(|settings| {
        settings.body_room = 16 * MIB;
        settings.read_deadline = Duration::from_mins(1);
    })
    .await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let until = async |user: &User, status: u16| {
        let start = Instant::now();
        loop {
            let answer = batch(user).await;
            if answer.status == status {
                return;
            }
            assert!(start.elapsed() < Duration::from_mins(1), "{}", answer.text);
        }
    };
    // No response shows that the space for a half-sent body is reserved, so batches are sent until one is refused. A batch
    // that is in progress when the half-sent body arrives may use its space: the half-sent body is then refused, and sent
    // again.
    let filled = async |user: &User| {
        let start = Instant::now();
        loop {
            let half = half_sent(&world, user, 8 * MIB);
            while !is_answered(&half) {
                let answer = batch(user).await;
                if answer.status == 429 {
                    return (half, answer);
                }
                assert!(start.elapsed() < Duration::from_mins(1), "{}", answer.text);
            }
        }
    };
    let (first, refused) = filled(&one.intake).await;
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(batch(&two.intake).await.status, 200, "another clinic has space");
    let (second, _) = filled(&two.intake).await;
    let three = world.clinic("Three").await;
    let refused = batch(&three.intake).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.text);
    drop(first);
    until(&one.intake, 200).await;
    until(&three.intake, 200).await;
    drop(second);
    until(&two.intake, 200).await;
}

#[tokio::test]
async fn an_unread_body_is_accepted_only_for_a_short_time() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let head = head(clinic.browser.key.as_deref().unwrap());
    let anonymous = "POST /v1/submissions HTTP/1.1\r\nhost: test\r\n";
    let cases = [
        (413, format!("{head}content-length: 8388608\r\n\r\n")),
        (401, format!("{anonymous}content-length: 8388608\r\n\r\n")),
        (401, format!("{anonymous}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")),
        (415, format!("{}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", head.replace("application/json", "x/y"))),
        (405, "PUT /v1/submissions HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()),
        (200, "GET /health/live HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()),
    ];
    for (status, request) in cases {
        let mut stream = TcpStream::connect(world.base.strip_prefix("http://").unwrap()).unwrap();
        let taken = tokio::task::spawn_blocking(move || {
            stream.write_all(request.as_bytes()).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let (start, mut answer) = (Instant::now(), Vec::new());
            let mut buffer = [0; 4096];
            // Sends one byte of the body at a time until the connection is closed.
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => answer.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
                if start.elapsed() > Duration::from_secs(15) || stream.write_all(b"1\r\nx\r\n").is_err() {
                    break;
                }
            }
            (start.elapsed(), String::from_utf8(answer).unwrap())
        });
        let (taken, answer) = taken.await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(taken < Duration::from_secs(5), "{status}: bytes are accepted for {taken:?}");
    }
}
