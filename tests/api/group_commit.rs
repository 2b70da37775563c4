//! Submissions of many requests share a transaction. The responses are the same as without sharing, apart from timing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use sarcoscreen::app::App;
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::health;
use sarcoscreen::store::database::writer::Grouping;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::world::{Answer, Clinic, User, World, app_sized, frail, serve, sizes};

/// Upper bound for waits whose condition must eventually hold.
const DEADLINE: Duration = Duration::from_mins(1);

/// A submission with a reference.
fn of(reference: &str) -> Value {
    json!({"answers": frail(), "subject": {"reference": reference}})
}

/// Blocks every write of a submission until the transaction is rolled back. The writers wait in a trigger without their
/// usual lock timeout of five seconds, which a busy machine may exceed.
pub(crate) async fn held(connection: &mut PgConnection) -> sqlx::Transaction<'_, sqlx::Postgres> {
    let wait = "create function wait() returns trigger language plpgsql set lock_timeout = 0 as
            $$ begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
        create trigger wait before insert on submissions for each statement execute function wait()";
    connection.execute(wait).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute("select pg_advisory_xact_lock(1)").await.unwrap();
    transaction
}

/// Waits until this many sessions wait for a lock: the lock that blocks submissions, or one that such a session holds.
pub(crate) async fn until_waiting(connection: &mut PgConnection, wanted: i64) {
    let start = Instant::now();
    loop {
        let sql = "select count(*) from pg_stat_activity
                   where wait_event_type = 'Lock' and datname = current_database()";
        let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await.unwrap();
        if waiting >= wanted {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{waiting} of {wanted} writers wait");
        // PostgreSQL sends no event when a session begins to wait, so the test polls.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends submissions. The first has its own transaction; the others are sent while it waits for a lock, so the second writer
/// takes eight or more of them together, in any order of arrival.
async fn together(world: &World, user: &User, bodies: &[Value]) -> Vec<Answer> {
    let (base, server) = serve(grouping_eight(world).await);
    let user = user.at(&base);
    let (mut holder, mut watch) = (world.connect().await, world.connect().await);
    let lock = held(&mut holder).await;
    let (first, others) = bodies.split_first().unwrap();
    let (one_waits, on) = oneshot::channel();
    let sending_others = async {
        on.await.unwrap();
        join_all(others.iter().map(|body| user.submit(body))).await
    };
    let watching = async {
        until_waiting(&mut watch, 1).await;
        one_waits.send(()).unwrap();
        until_waiting(&mut watch, 2).await;
        lock.rollback().await.unwrap();
    };
    let (first, others, ()) = tokio::join!(user.submit(first), sending_others, watching);
    server.stop(false).await;
    std::iter::once(first).chain(others).collect()
}

/// The application with two writers; the second begins once eight submissions have gathered.
async fn grouping_eight(world: &World) -> App {
    let intake = Grouping { batch: 64, ..Grouping::default() };
    let app = app_sized(&world.database, Arc::new(System), &[7], None, sizes(8, 60), intake);
    app.prepare().await.unwrap();
    app
}

async fn number(connection: &mut PgConnection, clinic: &Clinic, sql: &str) -> i64 {
    let sql = format!("select count(*) from {sql} and clinic_id = '{}'", clinic.id);
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn only_unwritable_submissions_of_a_group_fail() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut bodies: Vec<Value> = (0..60).map(|index| of(&format!("MRN-{index}"))).collect();
    for wrong in [7, 31, 32, 59] {
        bodies[wrong]["supersedes"] = json!(Uuid::from_u128(1));
    }
    let answers = together(&world, &clinic.intake, &bodies).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let wrong: Vec<usize> = (0..60).filter(|index| statuses[*index] != 201).collect();
    assert_eq!(wrong, [7, 31, 32, 59]);
    assert!(wrong.iter().all(|index| statuses[*index] == 422), "{statuses:?}");
    let mut owner = world.connect().await;
    for rows in
        ["submissions where true", "follow_ups where true", "follow_up_events where true", "subjects where true"]
    {
        assert_eq!(number(&mut owner, &clinic, rows).await, 56, "{rows}");
    }
    let entries = "audit_entries where action = 'submission_created' and outcome = 'success'";
    assert_eq!(number(&mut owner, &clinic, entries).await, 56);
}

#[tokio::test]
async fn submissions_of_one_subject_in_a_group_share_one_subject_and_follow_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let bodies: Vec<Value> = (0..40).map(|index| of(if index % 2 == 0 { "MRN-1" } else { "MRN-2" })).collect();
    let answers = together(&world, &clinic.intake, &bodies).await;
    let receipts: Vec<Value> = answers.into_iter().map(|answer| answer.expect(201)).collect();
    let opened = receipts.iter().filter(|receipt| receipt["follow_up"]["joined"] == false).count();
    assert_eq!(opened, 2, "one follow-up opened for each subject");
    let mut owner = world.connect().await;
    assert_eq!(number(&mut owner, &clinic, "subjects where true").await, 2);
    assert_eq!(number(&mut owner, &clinic, "follow_ups where row_version = 20").await, 2);
    assert_eq!(number(&mut owner, &clinic, "follow_up_events where true").await, 40);
    assert_eq!(number(&mut owner, &clinic, "submissions where true").await, 40);
}

#[tokio::test]
async fn two_references_of_a_merged_subject_in_a_group_share_a_follow_up() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let fit = |reference| json!({"answers": crate::world::fit(), "subject": {"reference": reference}});
    let one = clinic.intake.submit(&fit("A")).await.expect(201)["subject_id"].clone();
    let other = clinic.intake.submit(&fit("B")).await.expect(201)["subject_id"].clone();
    let path = format!("/v1/subjects/{}/merge", one.as_str().unwrap());
    let merge = clinic.staff.request("POST", &path).header("if-match", "\"1\"").json(&json!({"merged": other}));
    clinic.staff.send(merge).await.expect(200);
    let bodies: Vec<Value> = (0..20).map(|index| of(if index % 2 == 0 { "A" } else { "B" })).collect();
    let answers = together(&world, &clinic.intake, &bodies).await;
    let receipts: Vec<Value> = answers.into_iter().map(|answer| answer.expect(201)).collect();
    assert!(receipts.iter().all(|receipt| receipt["subject_id"] == one), "{receipts:?}");
    assert_eq!(receipts.iter().filter(|receipt| receipt["follow_up"]["joined"] == false).count(), 1);
    let mut owner = world.connect().await;
    assert_eq!(number(&mut owner, &clinic, "follow_ups where row_version = 20").await, 1);
}

#[tokio::test]
async fn excess_submissions_get_503_and_the_rest_is_stored() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let intake = Grouping { batch: 4, writers: 1, waiting: 8 };
    let app = app_sized(&world.database, Arc::new(System), &[7], None, sizes(8, 60), intake);
    app.prepare().await.unwrap();
    let (base, server) = serve(app);
    let user = clinic.intake.at(&base);
    let (mut holder, mut watch) = (world.connect().await, world.connect().await);
    let lock = held(&mut holder).await;
    let bodies: Vec<Value> = (0..40).map(|index| of(&format!("MRN-{index}"))).collect();
    let mut sending: FuturesUnordered<_> = bodies.iter().map(|body| user.submit(body)).collect();
    // While nothing can be written, the excess is refused: all but those in progress and those in the queue. One clinic can
    // use half of the eight places.
    let mut refused = Vec::new();
    while refused.len() < 32 {
        refused.push(sending.next().await.unwrap());
    }
    assert!(
        refused.iter().all(|answer| answer.status == 503 && !answer.header("retry-after").is_empty()),
        "{refused:?}"
    );
    lock.rollback().await.unwrap();
    let rest: Vec<Answer> = sending.collect().await;
    let (stored, late): (Vec<_>, Vec<_>) = rest.into_iter().partition(|answer| answer.status == 201);
    assert!(late.iter().all(|answer| answer.status == 503), "{late:?}");
    assert!((4..=8).contains(&stored.len()), "{} stored", stored.len());
    let rows = number(&mut watch, &clinic, "submissions where true").await;
    assert_eq!(rows, i64::try_from(stored.len()).unwrap());
    println!("{} stored = rows, {} refused with 503 before anything was written", stored.len(), refused.len());
    server.stop(false).await;
}

#[tokio::test]
async fn queued_submissions_are_written_although_the_service_stops_and_clients_left() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let app = grouping_eight(&world).await;
    let (base, server) = serve(app.clone());
    let user = clinic.intake.at(&base);
    let (mut holder, mut watch) = (world.connect().await, world.connect().await);
    let lock = held(&mut holder).await;
    let send = |index: usize| {
        let user = user.clone();
        tokio::spawn(async move { user.submit(&of(&format!("MRN-{index}"))).await })
    };
    let mut sending = vec![send(0)];
    until_waiting(&mut watch, 1).await;
    sending.extend((1..30).map(send));
    until_waiting(&mut watch, 2).await;
    sending.iter().for_each(tokio::task::JoinHandle::abort);
    server.stop(false).await;
    let (closed, ()) = tokio::join!(tokio::time::timeout(DEADLINE, health::close(&app)), async {
        lock.rollback().await.unwrap();
    });
    closed.unwrap();
    let rows = number(&mut watch, &clinic, "submissions where true").await;
    let entries = number(&mut watch, &clinic, "audit_entries where action = 'submission_created'").await;
    assert!(rows > 0 && rows == entries, "{rows} submissions, {entries} entries");
}
