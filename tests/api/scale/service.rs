//! With Citus, a transaction writes rows of one clinic in one role, and reads are transactions whose settings reach the
//! workers. On plain PostgreSQL neither is true; each test checks that as well.

use std::sync::Arc;

use futures_util::future::join_all;
use sarcoscreen::app::ambient::System;
use sarcoscreen::store::database::writer::Grouping;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::oneshot;

use super::distribute;
use crate::group_commit::{held, until_waiting};
use crate::replica::standby::until;
use crate::world::{Clinic, World, app_sized, fit, frail, serve, sizes};

/// Number of submissions that the two clinics send together.
const SUBMISSIONS: usize = 24;

/// Makes follow-ups visible only in read-only transactions, which the service uses for reads with Citus.
const ONLY_IN_READS: &str = "create policy only_in_reads on follow_ups as restrictive for select to sarcoscreen_app
    using (current_setting('transaction_read_only') = 'on')";

/// Records the role and the clinics of each transaction that writes.
const RECORDED: &str = "
    create table stand_in.writes (transaction bigint, role text, clinic_id uuid);
    grant insert on stand_in.writes to public;
    create function stand_in.record() returns trigger language plpgsql as $$ begin
        insert into stand_in.writes values (txid_current(), current_user, new.clinic_id);
        return null;
    end $$;
    create trigger record after insert or update on subjects for each row execute function stand_in.record();
    create trigger record after insert or update on subject_changes for each row execute function stand_in.record();
    create trigger record after insert on submissions for each row execute function stand_in.record();
    create trigger record after insert on audit_entries for each row execute function stand_in.record()";

/// A world whose database looks like a coordinator of Citus to a service that starts later.
async fn distributed() -> World {
    let world = World::new().await;
    distribute(&world.database, &world.database).await;
    world
}

/// Another instance on the database of a world: its base URL.
async fn instance(world: &World) -> (String, actix_web::dev::ServerHandle) {
    // A second transaction begins once all submissions but the first wait, an eighth of this size.
    let intake = Grouping { batch: 8 * (SUBMISSIONS - 1), ..Grouping::default() };
    let app = app_sized(&world.database, Arc::new(System), &[7], None, sizes(8, 60), intake);
    app.prepare().await.unwrap();
    serve(app)
}

/// Submissions of two clinics in turn, with contact data that replaces earlier data. The first one waits for a lock in a
/// transaction of its own while the others queue.
async fn submit_for(world: &World, clinics: &[Clinic; 2]) {
    let (base, server) = instance(world).await;
    let bodies: Vec<(usize, Value)> = (0..SUBMISSIONS)
        .map(|index| {
            let contact = json!({"name": format!("Ana {index}")});
            let consent = json!({"to_contact": true, "text_version": "1", "given_at": "2026-01-01T00:00:00Z"});
            let subject = json!({"reference": format!("R-{}", index % 6), "contact": contact, "consent": consent});
            (index, json!({"answers": frail(), "subject": subject}))
        })
        .collect();
    let users = [&clinics[0], &clinics[1]].map(|clinic| clinic.intake.at(&base));
    let (mut holder, mut watch) = (world.connect().await, world.connect().await);
    let lock = held(&mut holder).await;
    let submit = |(index, body): &(usize, Value)| {
        let (user, body) = (users[index % 2].clone(), body.clone());
        async move { user.submit(&body).await }
    };
    let (first, others) = bodies.split_first().unwrap();
    let (one_waits, on) = oneshot::channel();
    let sending_others = async {
        on.await.unwrap();
        join_all(others.iter().map(submit)).await
    };
    let watching = async {
        until_waiting(&mut watch, 1).await;
        one_waits.send(()).unwrap();
        until_waiting(&mut watch, 2).await;
        lock.rollback().await.unwrap();
    };
    let (first, mut answers, ()) = tokio::join!(submit(first), sending_others, watching);
    answers.push(first);
    for answer in answers {
        answer.expect(201);
    }
    server.stop(false).await;
}

/// The largest number of clinics and of roles in one recorded transaction.
async fn most(owner: &mut PgConnection) -> (i64, i64) {
    let sql = "select max(clinics), max(roles) from (
        select count(distinct clinic_id) as clinics, count(distinct role) as roles
        from stand_in.writes group by transaction) t";
    sqlx::query_as(sql).fetch_one(owner).await.unwrap()
}

#[tokio::test]
async fn a_transaction_writes_one_clinic_in_one_role() {
    let world = distributed().await;
    let clinics = [world.clinic("One").await, world.clinic("Two").await];
    let mut owner = world.connect().await;
    owner.execute(RECORDED).await.unwrap();
    submit_for(&world, &clinics).await;
    assert_eq!(most(&mut owner).await, (1, 1));
    assert_eq!(world.count("select count(*) from submissions").await, 24);
    assert_eq!(world.count("select count(*) from subject_changes").await, 18, "contact data was replaced");
}

#[tokio::test]
async fn a_transaction_on_plain_postgresql_mixes_clinics() {
    let world = World::new().await;
    let clinics = [world.clinic("One").await, world.clinic("Two").await];
    let mut owner = world.connect().await;
    owner.execute("create schema stand_in; grant usage on schema stand_in to public").await.unwrap();
    owner.execute(RECORDED).await.unwrap();
    submit_for(&world, &clinics).await;
    assert_eq!(most(&mut owner).await, (2, 2));
}

#[tokio::test]
async fn a_read_is_a_transaction_and_an_estimate_is_unknown() {
    let plain = World::new().await;
    let clinic = plain.clinic("One").await;
    clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
    let page = clinic.staff.get("/v1/follow-ups?estimate=true").await.expect(200);
    assert!(page["estimated_total"].is_u64() && page["items"][0].is_object(), "{page}");
    plain.connect().await.execute(ONLY_IN_READS).await.unwrap();
    assert_eq!(clinic.staff.get("/v1/follow-ups").await.expect(200)["items"], json!([]), "no transaction of its own");

    let world = distributed().await;
    let clinic = world.clinic("One").await;
    let (base, server) = instance(&world).await;
    clinic.intake.at(&base).submit(&json!({"answers": frail()})).await.expect(201);
    world.connect().await.execute(ONLY_IN_READS).await.unwrap();
    let page = clinic.staff.at(&base).get("/v1/follow-ups?estimate=true").await.expect(200);
    assert_eq!((page["items"].as_array().unwrap().len(), &page["estimated_total"]), (1, &Value::Null));
    // The settings of a session end with its transaction.
    let other = world.clinic("Two").await;
    assert_eq!(other.staff.at(&base).get("/v1/follow-ups").await.expect(200)["items"], json!([]));
    server.stop(false).await;
}

#[tokio::test]
async fn readiness_covers_every_node() {
    let world = distributed().await;
    let (base, server) = instance(&world).await;
    let mut owner = world.connect().await;
    let ready = async || world.holder(None).at(&base).get("/health/ready").await;
    ready().await.expect(200);
    owner.execute("update pg_dist_node set off = 'fsync' where nodeid = 3").await.unwrap();
    until("a setting of one node is off", async || ready().await.status == 503).await;
    assert_eq!(ready().await.expect(503)["durable_settings"], false);
    owner.execute("update pg_dist_node set off = '', answers = nodeid <> 3").await.unwrap();
    until("the clinics of the other nodes are served", async || ready().await.status == 200).await;
    owner.execute("update pg_dist_node set answers = not shouldhaveshards").await.unwrap();
    until("no node with rows answers", async || ready().await.status == 503).await;
    server.stop(false).await;
}

#[tokio::test]
async fn a_worker_that_does_not_answer_is_a_passing_fault() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut owner = world.connect().await;
    let fails = "create function fails() returns trigger language plpgsql as $$ begin
            raise exception 'connection to the remote node failed' using errcode = 'XX000';
        end $$;
        create trigger fails before insert on submissions for each row execute function fails()";
    owner.execute(fails).await.unwrap();
    let answer = clinic.intake.submit(&json!({"answers": fit()})).await;
    assert!(answer.status == 503 && !answer.header("retry-after").is_empty(), "{answer:?}");
    owner.execute("drop trigger fails on submissions").await.unwrap();
    clinic.intake.submit(&json!({"answers": fit()})).await.expect(201);
    owner.close().await.unwrap();
}
