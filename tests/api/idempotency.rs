//! Retries: one idempotency key identifies one submission of a sender, also under concurrency.

use futures_util::future::join_all;
use sarcoscreen::app::submissions::idempotency::bind;
use sarcoscreen::domain::ids::SenderId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fhir::{ANSWERS, create_once, identified, response};
use crate::world::{Answer, User, World, fit, frail};

const SUBMISSIONS: &str = "select count(*) from submissions";
const CREATED: &str = "select count(*) from audit_entries where action = 'submission_created'";

fn body() -> Value {
    json!({"answers": frail()})
}

fn reused(answer: Answer) {
    assert_eq!(answer.expect(422)["type"], "/docs/problems#idempotency_key_reused");
}

async fn with_key(user: &User, key: &[u8]) -> Answer {
    let key = reqwest::header::HeaderValue::from_bytes(key).unwrap();
    user.send(user.request("POST", "/v1/submissions").header("idempotency-key", key).json(&body())).await
}

#[tokio::test]
async fn one_key_sent_32_times_concurrently_is_one_submission_with_one_response() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"answers": frail(), "subject": {"reference": "R-1"}});
    let answers = join_all((0..32).map(|_| clinic.intake.submit_once("once", &body))).await;
    let location = answers[0].header("location").to_owned();
    let receipts: Vec<Value> = answers
        .into_iter()
        .map(|answer| {
            assert_eq!(answer.header("location"), location);
            answer.expect(201)
        })
        .collect();
    for receipt in &receipts {
        assert_eq!(receipt, &receipts[0]);
    }
    assert_eq!(receipts[0]["follow_up"]["joined"], false);
    for table in [SUBMISSIONS, CREATED, "select count(*) from follow_ups", "select count(*) from subjects"] {
        assert_eq!(world.count(table).await, 1, "{table}");
    }
    assert_eq!(world.count("select sum(row_version) from follow_ups").await, 1);
    // A retry still has the first response after the follow-up was closed and another submission has joined.
    clinic.intake.submit(&body).await.expect(201);
    let closed = "update follow_ups set state = 'closed', urgency = 1, outcome = 'declined', closed_at = now()";
    sqlx::Executor::execute(&mut world.connect().await, closed).await.unwrap();
    assert_eq!(clinic.intake.submit_once("once", &body).await.expect(201), receipts[0]);
}

#[tokio::test]
async fn a_key_identifies_one_body_of_one_sender_in_one_clinic() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let first = one.intake.submit_once("k", &body()).await.expect(201);
    reused(one.intake.submit_once("k", &json!({"answers": fit()})).await);
    let mut nearly = body();
    nearly["subject"] = json!({"reference": "R-1"});
    reused(one.intake.submit_once("k", &nearly).await);
    // A browser key is public: it must not read what an intake system submitted with the same key, or block that key.
    for user in [&one.browser, &one.staff] {
        let own = user.submit_once("k", &body()).await.expect(201);
        assert_ne!(own["id"], first["id"]);
        assert_eq!(user.submit_once("k", &body()).await.expect(201), own);
    }
    assert_eq!(one.intake.submit_once("k", &body()).await.expect(201), first);
    assert_eq!(world.count(SUBMISSIONS).await, 3);
    let other = two.intake.submit_once("k", &body()).await.expect(201);
    assert_ne!(other["id"], first["id"]);
    two.staff.get(&format!("/v1/submissions/{}", first["id"].as_str().unwrap())).await.expect(404);
    assert_eq!(world.count(SUBMISSIONS).await, 4);
}

#[tokio::test]
async fn bare_and_quoted_keys_are_equal_and_keys_are_case_sensitive() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = with_key(&clinic.browser, b"Key-1").await.expect(201);
    assert_eq!(with_key(&clinic.browser, b"\"Key-1\"").await.expect(201), first);
    assert_eq!(with_key(&clinic.browser, b"  Key-1 ").await.expect(201), first);
    assert_ne!(with_key(&clinic.browser, b"key-1").await.expect(201)["id"], first["id"]);
    with_key(&clinic.browser, "k".repeat(255).as_bytes()).await.expect(201);
    with_key(&clinic.browser, format!("\"{}\"", "k".repeat(255)).as_bytes()).await.expect(201);
    assert_eq!(world.count(SUBMISSIONS).await, 3);
}

#[tokio::test]
async fn a_malformed_key_is_refused_and_nothing_is_stored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let long = "k".repeat(256);
    let longer = "k".repeat(300);
    let bad: [&[u8]; 12] = [
        b"",
        b"\"\"",
        b" ",
        long.as_bytes(),
        longer.as_bytes(),
        b"a b",
        b"a\tb",
        b"\"a",
        b"a\"",
        b"a\"b",
        "clé".as_bytes(),
        b"\xff",
    ];
    for key in bad {
        let refused = with_key(&clinic.browser, key).await;
        assert_eq!(refused.status, 400, "{}: {}", String::from_utf8_lossy(key), refused.text);
        assert_eq!(refused.pointers(), ["/Idempotency-Key"]);
    }
    let request = clinic.browser.request("POST", "/v1/submissions").json(&body());
    let twice = clinic.browser.send(request.header("idempotency-key", "a").header("idempotency-key", "a")).await;
    assert_eq!(twice.pointers(), ["/Idempotency-Key"]);
    twice.expect(400);
    assert_eq!(world.count(SUBMISSIONS).await, 0);
}

#[tokio::test]
async fn an_expired_key_can_be_used_again() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = clinic.intake.submit_once("k", &body()).await.expect(201);
    world.clock.advance(3500);
    assert_eq!(clinic.intake.submit_once("k", &body()).await.expect(201), first);
    world.clock.advance(101);
    let other = json!({"answers": fit()});
    let answers = join_all((0..8).map(|_| clinic.intake.submit_once("k", &other))).await;
    let receipts: Vec<Value> = answers.into_iter().map(|answer| answer.expect(201)).collect();
    assert!(receipts.iter().all(|receipt| receipt == &receipts[0] && receipt["id"] != first["id"]));
    assert_eq!(world.count(SUBMISSIONS).await, 2);
    reused(clinic.intake.submit_once("k", &body()).await);
}

#[tokio::test]
async fn a_refusal_pins_nothing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut faulty = body();
    faulty["answers"]["age"] = json!(7);
    clinic.intake.submit_once("k", &faulty).await.expect(422);
    // Refused only by the database, after the key was stored.
    let dangling = json!({"answers": frail(), "supersedes": "0190b3c4-5d6e-7f80-9a1b-2c3d4e5f6071"});
    assert_eq!(clinic.intake.submit_once("k", &dangling).await.pointers(), ["/supersedes"]);
    assert_eq!(world.count("select count(*) from idempotency_keys").await, 0);
    clinic.intake.submit_once("k", &body()).await.expect(201);
    // A request that is refused because of its key changes nothing either.
    reused(clinic.intake.submit_once("k", &json!({"answers": fit(), "subject": {"reference": "R-2"}})).await);
    assert_eq!(world.count(SUBMISSIONS).await, 1);
    assert_eq!(world.count("select count(*) from subjects").await, 1);
}

#[tokio::test]
async fn a_retry_in_another_language_gets_the_first_response() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let send = async |language: &str| {
        let request = clinic.browser.request("POST", "/v1/submissions").header("idempotency-key", "k");
        clinic.browser.send(request.header("accept-language", language).json(&body())).await
    };
    let first = send("es").await;
    let again = send("en").await;
    assert_eq!((first.header("content-language"), again.header("content-language")), ("es", "es"));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    let (first, again) = (first.expect(201), again.expect(201));
    assert_eq!(first["assessment"]["language"], "es");
    assert_eq!(first, again);
    assert_eq!(world.count(SUBMISSIONS).await, 1);
}

#[tokio::test]
async fn bodies_are_equal_regardless_of_key_order_and_white_space() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let subject = r#""subject": {"contact": {"name": "Ana Ruiz", "email": "ana@mail.example"}, "reference": "R-1"}"#;
    let answers = r#""age": 70, "activity": "light", "falls_past_year": 0, "stair_difficulty": "none""#;
    let swapped = r#""stair_difficulty": "none", "falls_past_year": 0, "activity": "light", "age": 70"#;
    let spellings = [
        format!(r#"{{"answers": {{{answers}, "medications": ["statin", "other"]}}, {subject}}}"#),
        format!("{{ {subject} ,\r\n\t\"answers\":{{\"medications\":[\"statin\" ,\"other\"],{swapped}}}}}\n"),
        format!(r#"{{"\u0061nswers": {{{swapped}, "medications": ["st\u0061tin", "other"]}}, {subject}}}"#),
    ];
    let mut receipts = Vec::new();
    for spelling in spellings {
        let request = clinic.intake.request("POST", "/v1/submissions").header("idempotency-key", "k");
        let request = request.header("content-type", "application/json").body(spelling);
        receipts.push(clinic.intake.send(request).await.expect(201));
    }
    assert!(receipts.iter().all(|receipt| receipt == &receipts[0]));
    assert_eq!(world.count(SUBMISSIONS).await, 1);
}

#[tokio::test]
async fn a_retry_replays_the_response_even_if_a_newer_version_refuses_the_answers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut answers = frail();
    answers["grip_strength_kg"] = json!(20.0);
    let receipt = clinic.intake.submit_once("retry-1", &json!({"answers": answers})).await.expect(201);
    answers["tests_unable"] = json!(["grip"]);
    let mut body = json!({"answers": answers});
    clinic.intake.submit_once("retry-1", &body).await.expect(422);
    accept_earlier(&world, "create_submission", &mut body).await;
    assert_eq!(clinic.intake.submit_once("retry-1", &body).await.expect(201), receipt);
    clinic.intake.submit_once("retry-2", &body).await.expect(422);
    clinic.staff.submit_once("retry-1", &body).await.expect(422);
    // The exception applies only to combinations of answers.
    body["answers"]["age"] = json!(7);
    accept_earlier(&world, "create_submission", &mut body).await;
    clinic.intake.submit_once("retry-1", &body).await.expect(422);
    assert_eq!(world.count(SUBMISSIONS).await, 1);
}

#[tokio::test]
async fn a_retry_on_fhir_replays_the_response_even_if_a_newer_version_refuses_the_answers() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let send = async |user: &User, key: &str, body: &Value| {
        user.send(user.request("POST", "/fhir/QuestionnaireResponse").header("idempotency-key", key).json(body)).await
    };
    let mut answers = frail();
    answers["grip_strength_kg"] = json!(20.0);
    let unable = json!({"valueCoding": {"system": ANSWERS, "code": "tests_unable.grip"}});
    let unable = json!({"linkId": "tests_unable", "answer": [unable]});
    let implausible = |mut body: Value| {
        body["item"].as_array_mut().unwrap().push(unable.clone());
        body
    };
    let created = send(&clinic.intake, "retry-1", &response(&answers)).await.expect(201);
    let mut body = implausible(response(&answers));
    send(&clinic.intake, "retry-1", &body).await.expect(422);
    accept_earlier(&world, "fhir create", &mut body).await;
    let again = send(&clinic.intake, "retry-1", &body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(201), created);
    send(&clinic.intake, "retry-2", &body).await.expect(422);
    send(&clinic.staff, "retry-1", &body).await.expect(422);
    // A conditional create finds the record of its identifier.
    let record = create_once(&clinic.intake, "a", &identified(&answers, "a")).await.expect(201);
    let body = implausible(identified(&answers, "a"));
    assert_eq!(create_once(&clinic.intake, "a", &body).await.expect(200), record);
    create_once(&clinic.intake, "b", &implausible(identified(&answers, "b"))).await.expect(422);
    let mut incomplete = body;
    incomplete["item"] = json!([unable]);
    create_once(&clinic.intake, "a", &incomplete).await.expect(422);
    assert_eq!(world.count(SUBMISSIONS).await, 2);
}

/// Binds every key to this body, as if an earlier version of the service had accepted it.
async fn accept_earlier(world: &World, operation: &str, body: &mut Value) {
    body.sort_all_objects();
    let canonical = body.to_string().into_bytes();
    let bound = bind(&world.app, SenderId(Uuid::nil()), String::new(), operation, &[], &canonical);
    let sql = "update idempotency_keys set fingerprint = $1";
    sqlx::query(sql).bind(&bound.fingerprint[..]).execute(&mut world.connect().await).await.unwrap();
}
