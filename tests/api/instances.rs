//! Two instances of the service on one database with all background work: nothing is done twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::{App, clinics};
use sarcoscreen::domain::clinics::Clinic as Settings;
use sarcoscreen::jobs::{self, Jobs};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _};

use crate::audit::verified;
use crate::exports::copy_submissions;
use crate::follow_ups::{Colleague, seed};
use crate::replica::standby::until;
use crate::world::{Clinic, User, World, app, fit, frail, serve};

/// Submissions older than the retention period of the clinic, and recent ones of past days.
const OLD: i64 = 2_400;
const YOUNG: u32 = 1_200;
const CASES: usize = 80;
const KEYS: usize = 120;

/// An instance that serves requests.
async fn instance(world: &World) -> (App, String) {
    let app = app(&world.database, Arc::new(System), &[7], Some(world.erasure_log.clone()));
    app.prepare().await.unwrap();
    let (base, _) = serve(app.clone());
    (app, base)
}

/// Its background work, which seals more often than in production.
fn start_jobs(app: &App) -> Jobs {
    Jobs::start(app, jobs::Settings { sealing: Duration::from_millis(20) })
}

/// A clinic that keeps submissions for a year, with older ones and many of the last weeks; no day is counted yet.
async fn with_a_past(world: &World) -> Clinic {
    let clinic = world.clinic("One").await;
    clinic.browser.submit(&json!({"answers": fit()})).await.expect(201);
    let at = "jsonb_build_object('received_at', now() - ";
    copy_submissions(world, &clinic, YOUNG, &format!("{at} (1 + i % 40) * interval '1 day')")).await;
    let old = format!(
        "insert into submissions select r.* from submissions s, generate_series(1, {OLD}) i,
         lateral jsonb_populate_record(s, jsonb_build_object('submission_id', gen_random_uuid(), 'receipt_number', nextval('copies'),
             'received_at', now() - (400 + i % 9) * interval '1 day')) r
         where s.received_at = (select max(received_at) from submissions)"
    );
    world.connect().await.execute(AssertSqlSafe(old)).await.unwrap();
    seed(world, &clinic, CASES).await;
    let listed = clinics::list(&world.app).await.unwrap().remove(0);
    clinics::change(&world.app, &Settings { retention_days: Some(365), ..listed }).await.unwrap();
    clinic
}

/// Takes follow-ups until none is left; returns their ids.
async fn take_all(worker: &User) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let answer = worker.send(worker.request("POST", "/v1/follow-ups/next")).await;
        if answer.status == 204 {
            return taken;
        }
        taken.push(answer.expect(200)["id"].as_str().unwrap().to_owned());
    }
}

/// Sends each key to both instances at once, for many keys.
async fn submit_to_both(intake: &User, bases: [&str; 2]) {
    join_all((0..KEYS).map(async |index| {
        let body = json!({"answers": frail(), "subject": {"reference": format!("R-{}", index % 30)}});
        let key = format!("key-{index}");
        let users = bases.map(|base| intake.at(base));
        let (one, two) = join(users[0].submit_once(&key, &body), users[1].submit_once(&key, &body)).await;
        let (one, two): (Value, Value) = (one.expect(201), two.expect(201));
        assert_eq!(one, two, "{key}");
    }))
    .await;
}

#[tokio::test]
async fn two_instances_with_background_work_do_everything_once() {
    let world = World::new().await;
    let clinic = with_a_past(&world).await;
    let days = "select count(distinct (received_at at time zone 'UTC')::date) from submissions
        where received_at >= now() - interval '300 days' and received_at < date_trunc('day', now() - interval '1 hour', 'UTC')";
    let wanted_days = world.count(days).await;
    let (first, second) = (instance(&world).await, instance(&world).await);
    let bases = [first.1.as_str(), second.1.as_str()];
    let jobs = [start_jobs(&first.0), start_jobs(&second.0)];

    let workers = join_all((0..8).map(|_| Colleague::of(&world, &clinic))).await;
    let taking = join_all(workers.iter().enumerate().map(async |(index, worker)| {
        let worker = worker.user.at(bases[index % 2]);
        take_all(&worker).await
    }));
    let (taken, ()) = join(taking, submit_to_both(&clinic.intake, bases)).await;
    let due = "select count(*) from submissions where received_at < now() - interval '365 days'";
    until("expired submissions are deleted", async || world.count(due).await == 0).await;
    let counted = "select count(*) from daily_counts where dimension = 'submissions' and count > 0
        and day >= (now() - interval '300 days')::date";
    until("every day is counted", async || world.count(counted).await >= wanted_days).await;
    join_all(jobs.map(Jobs::stop)).await;

    // Each follow-up was taken once, including those that submissions opened meanwhile.
    let ids: Vec<&String> = taken.iter().flatten().collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
    assert!(ids.len() >= CASES, "{}", ids.len());
    let claims = world.count("select count(*) from follow_up_events where command = 'claim'").await;
    assert_eq!(usize::try_from(claims), Ok(ids.len()));
    // One submission per key.
    let stored = "select count(*) from submissions where follow_up_id is not null";
    assert_eq!(usize::try_from(world.count(stored).await), Ok(KEYS));
    assert_eq!(world.count("select count(*) from idempotency_keys").await, i64::try_from(KEYS).unwrap());
    // Each entry is in one seal, and the chain is complete.
    let (verified, breaks) = verified(&world, &[]).await;
    assert_eq!((breaks.len(), verified.waiting), (0, 0));
    let sealed = "select sum(cardinality(entry_ids))::bigint from audit_seals";
    let different = "select count(distinct id) from audit_seals, unnest(entry_ids) id";
    let entries = world.count("select count(*) from audit_entries").await;
    assert_eq!((world.count(sealed).await, world.count(different).await), (entries, entries));
    // The counts of each day are correct, and each expired submission was retired once.
    let miscounted = "select count(*) from daily_counts c where dimension = 'submissions'
        and day >= (now() - interval '300 days')::date and count <> (
            select count(*) from submissions s where (s.received_at at time zone 'UTC')::date = c.day)";
    assert_eq!(world.count(miscounted).await, 0);
    let retired_entries = "select sum(occurrences)::bigint from audit_entries where action = 'submission_retired'";
    assert_eq!(world.count(retired_entries).await, OLD);
    println!(
        "two instances: {} cases taken once, {KEYS} keys sent to both are {KEYS} submissions, {entries} entries in {} \
         seals without a break, {wanted_days} days counted once, {OLD} submissions retired once",
        ids.len(),
        verified.seals
    );
}
