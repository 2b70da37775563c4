//! Shares: the requests of one clinic can use only a bounded part of a shared resource; the rest is available to other
//! clinics.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use sarcoscreen::app::error::AppError;
use sarcoscreen::app::submissions::exports;
use sarcoscreen::domain::access::actor::{Actor, Role};
use sarcoscreen::domain::ids::{CredentialId, SenderId};
use sarcoscreen::domain::submissions::stored::SubmissionFilter;
use serde_json::json;
use sqlx::Executor as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::group_commit::until_waiting;
use crate::world::{Answer, Clinic, User, World, fit};

const BATCH: &str = "/v1/submissions/batch";
/// Maximum concurrent batches of a clinic; the same for exports.
const AT_ONCE: usize = 4;
/// Connections of the test's service that the requests of one clinic can use: half of them.
const CONNECTIONS: usize = 4;

async fn batch(user: &User) -> Answer {
    user.post(BATCH, &json!({"items": [{"submission": {"answers": fit()}}]})).await
}

/// Opens a batch without sending all lines; returns when the first bytes of the response have arrived.
async fn open_batch(world: &World, clinic: &Clinic) -> TcpStream {
    let address = world.base.trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).await.unwrap();
    let line = format!("{}\n", json!({"submission": {"answers": fit()}}));
    let request = format!(
        "POST {BATCH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/x-ndjson\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{line}\r\n",
        clinic.intake.key.as_deref().unwrap(),
        line.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    connection.readable().await.unwrap();
    connection
}

#[tokio::test]
async fn a_clinic_may_run_four_batches_without_blocking_other_clinics() {
    // Open batches wait for their next line for the duration of the test.
    let world = World::with(|settings| settings.read_deadline = Duration::from_mins(5)).await;
    let (one, other) = (world.clinic("One").await, world.clinic("Other").await);
    let mut open = join_all((0..AT_ONCE).map(|_| open_batch(&world, &one))).await;
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": []});
    for refused in [batch(&one.intake).await, batch(&one.staff).await] {
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    }
    let fhir = one.intake.request("POST", "/fhir").header("content-type", "application/fhir+json");
    assert_eq!(one.intake.send(fhir.body(bundle.to_string())).await.status, 429);
    // A single submission does not count as a batch.
    one.intake.submit(&json!({"answers": fit()})).await.expect(201);
    batch(&other.intake).await.expect(200);
    open.pop().unwrap().write_all(b"0\r\n\r\n").await.unwrap();
    batch(&one.intake).await.expect(200);
}

#[tokio::test]
async fn sequential_batches_at_the_concurrency_limit_are_never_refused() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let in_a_row = async |_| {
        for _ in 0..10 {
            batch(&clinic.intake).await.expect(200);
        }
    };
    join_all((0..AT_ONCE).map(in_a_row)).await;
}

#[tokio::test]
async fn a_clinic_may_run_four_exports_without_blocking_other_clinics() {
    let world = World::new().await;
    let (one, other) = (world.clinic("One").await, world.clinic("Other").await);
    let export = async |clinic: &Clinic| {
        let (_, credential_id) = world.user_with_id(clinic.id, Role::Staff, None).await;
        let (clinic_id, credential_id) = (clinic.id.into(), CredentialId(credential_id));
        let actor = Actor {
            clinic_id,
            credential_id,
            sender_id: SenderId(credential_id.0),
            role: Role::Staff,
            web_form: false,
            request_id: None,
        };
        exports::submissions(&world.app, &actor, SubmissionFilter::default(), None).await
    };
    let mut open = Vec::new();
    for _ in 0..AT_ONCE {
        open.push(Box::pin(export(&one).await.unwrap()));
    }
    assert!(matches!(export(&one).await, Err(AppError::Limited { .. })));
    assert_eq!(one.staff.get("/v1/exports/submissions").await.status, 429);
    assert_eq!(one.staff.get("/v1/exports/follow-ups").await.status, 429);
    assert_eq!(other.staff.get("/v1/exports/submissions").await.status, 200);
    // One export is read to its end, another one is dropped.
    let mut read = open.pop().unwrap();
    while read.next().await.is_some() {}
    drop((read, open.pop()));
    assert_eq!(one.staff.get("/v1/exports/submissions").await.status, 200);
    assert_eq!(one.staff.get("/v1/exports/follow-ups").await.status, 200);
}

#[tokio::test]
async fn waiting_reads_of_one_clinic_leave_connections_for_another() {
    let world = World::new().await;
    let (one, other) = (world.clinic("One").await, world.clinic("Other").await);
    other.admin.get("/v1/credentials").await.expect(200);
    let (mut beside, mut watch) = (world.connect().await, world.connect().await);
    beside.execute("begin; lock table follow_ups in access exclusive mode").await.unwrap();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let staff = one.staff.clone();
            tokio::spawn(async move { staff.get("/v1/follow-ups").await.status })
        })
        .collect();
    until_waiting(&mut watch, i64::try_from(CONNECTIONS).unwrap()).await;
    // All reads were sent at once. More sessions would wait soon after the first ones, before their lock timeout.
    for _ in 0..100 {
        let of_one =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        assert!(world.count(of_one).await <= i64::try_from(CONNECTIONS).unwrap(), "more than its share");
    }
    for _ in 0..20 {
        other.admin.get("/v1/credentials").await.expect(200);
    }
    beside.execute("rollback").await.unwrap();
    for read in waiting {
        // A read that waited for the lock until the timeout gets 503.
        assert!([200, 503].contains(&read.await.unwrap()));
    }
}
