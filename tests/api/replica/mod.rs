//! Exports and statistics from a streaming replica: which reads use it, the bound on its lag, and fallback when it ends.
//! Replay on a replica can be paused: a response with the data of that time then came from the replica.

pub(crate) mod standby;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use sarcoscreen::app::ambient::System;
use sarcoscreen::app::{App, health};
use sarcoscreen::store::ReplicaFigures;
use sarcoscreen::store::private_postgres::Embedded;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use self::standby::{Standby, until};
use crate::embedded::place::Place;
use crate::follow_ups::act;
use crate::row_security::{ROLES, fill, tables};
use crate::world::{Clinic, User, World, app, frail, login, serve};

/// Longer than any test.
const LONG: Duration = Duration::from_hours(1);

/// A primary with its service, and a standby.
struct Stage {
    world: World,
    standby: Standby,
    _primary: Embedded,
    _place: Place,
}

/// An instance of the service that reads from the standby.
struct Instance {
    app: App,
    base: String,
}

impl Stage {
    async fn new() -> Self {
        let place = Place::new();
        let primary = place.start().await.unwrap();
        let world = World::over(&primary.connect_options()).await;
        let standby = Standby::of(&primary).await;
        Self { world, standby, _primary: primary, _place: place }
    }

    /// Starts an instance with a bound on the age of data, and waits until it reads from the standby.
    async fn instance(&self, bound: Duration) -> Instance {
        let instance = self.reading_from(&self.standby.options, bound).await;
        until("the replica is in use", async || instance.figures().in_use).await;
        instance
    }

    async fn reading_from(&self, options: &sqlx::postgres::PgConnectOptions, bound: Duration) -> Instance {
        let app = app(&self.world.database, Arc::new(System), &[7], None).with_replica(login(options), 4, bound);
        app.prepare().await.unwrap();
        let (base, _) = serve(app.clone());
        Instance { app, base }
    }

    async fn catch_up(&self) {
        self.standby.catch_up(&self.world.database).await;
    }
}

impl Instance {
    fn figures(&self) -> ReplicaFigures {
        health::replica(&self.app).unwrap()
    }
}

/// Counts by the long reads: submissions in the statistics and in the export, and assigned follow-ups in the export.
async fn long_reads(user: &User, base: &str) -> [u64; 3] {
    let user = user.at(base);
    let stats = user.get("/v1/statistics").await.expect(200);
    [
        stats["submissions"]["total"].as_u64().unwrap(),
        exported(&user, "/v1/exports/submissions").await,
        exported(&user, "/v1/exports/follow-ups?state=assigned").await,
    ]
}

/// Number of reads by [`long_reads`].
const READS: u64 = 3;

/// Number of rows of an export.
async fn exported(user: &User, path: &str) -> u64 {
    let answer = user.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text.lines().count() as u64 - 1
}

/// Counts by the other reads: assigned follow-ups in the worklist, submissions in the list and in a subject's history.
async fn lists(user: &User, base: &str, subject: &str) -> [usize; 3] {
    let user = user.at(base);
    let items = |page: Value| page["items"].as_array().unwrap().clone();
    let worklist = items(user.get("/v1/follow-ups").await.expect(200));
    let submissions = items(user.get("/v1/submissions").await.expect(200));
    let history = items(user.get(&format!("/v1/subjects/{subject}/submissions")).await.expect(200));
    [worklist.iter().filter(|case| case["state"] == "assigned").count(), submissions.len(), history.len()]
}

async fn submit(clinic: &Clinic) -> Value {
    clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-1"}})).await.expect(201)
}

#[tokio::test]
async fn exports_and_statistics_use_the_replica_and_all_other_reads_use_the_primary() {
    let stage = Stage::new().await;
    let clinic = stage.world.clinic("One").await;
    let instance = stage.instance(LONG).await;
    let receipt = submit(&clinic).await;
    let subject = receipt["subject_id"].as_str().unwrap();
    let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
    stage.catch_up().await;
    let (staff, base) = (&clinic.staff, instance.base.as_str());
    assert_eq!(long_reads(staff, base).await, [1, 1, 0]);

    stage.standby.pause().await;
    act(staff, &case, "claim", 1, &json!({})).await.expect(200);
    submit(&clinic).await;
    let reads = || (instance.figures().on_replica, instance.figures().on_primary);
    let (on_replica, on_primary) = reads();
    assert_eq!(lists(staff, base, subject).await, [1, 2, 2], "the primary has every change");
    assert_eq!(staff.at(base).get(&case).await.expect(200)["state"], "assigned");
    assert_eq!(reads(), (on_replica, on_primary), "only long reads are counted");
    assert_eq!(long_reads(staff, base).await, [1, 1, 0], "the replica has none of the changes yet");
    assert_eq!(reads(), (on_replica + READS, on_primary));

    stage.standby.resume().await;
    stage.catch_up().await;
    assert_eq!(long_reads(staff, base).await, [2, 2, 1]);
    assert_eq!(reads(), (on_replica + 2 * READS, on_primary));
}

#[tokio::test]
async fn reads_respect_the_lag_bound_and_an_idle_primary_causes_no_lag() {
    let stage = Stage::new().await;
    let clinic = stage.world.clinic("One").await;
    // The replica's position is polled every half second; a busy machine may be late, but by less than the bound.
    let bound = Duration::from_secs(5);
    let instance = stage.instance(bound).await;
    let staff = clinic.staff.at(&instance.base);
    let count = async || exported(&staff, "/v1/exports/submissions").await;
    let idle = Instant::now();
    until("the primary was idle for twice the bound", async || {
        assert!(instance.figures().in_use, "{:?}", instance.figures());
        idle.elapsed() > 2 * bound
    })
    .await;

    stage.standby.pause().await;
    submit(&clinic).await;
    let stored = Instant::now();
    let mut stale = 0;
    until("the submission is shown", async || {
        let sent = stored.elapsed();
        let shown = count().await;
        assert!(shown == 1 || sent <= bound, "not shown to a request that was sent after {sent:?}");
        stale += u32::from(shown == 0);
        shown == 1
    })
    .await;
    let waited = stored.elapsed();
    assert!(!instance.figures().in_use);
    stage.standby.resume().await;
    until("the replica is in use again", async || instance.figures().in_use).await;
    let before = instance.figures().on_replica;
    assert_eq!((count().await, instance.figures().on_replica), (1, before + 1));
    println!("bound {bound:?}: shown after {waited:?}, {stale} older answers from the replica before");
}

#[tokio::test]
async fn reads_survive_a_killed_replica_and_use_it_again_after_its_restart() {
    let mut stage = Stage::new().await;
    let clinic = stage.world.clinic("One").await;
    let instance = stage.instance(Duration::from_secs(2)).await;
    submit(&clinic).await;
    stage.catch_up().await;
    let staff = clinic.staff.at(&instance.base);
    let done = AtomicBool::new(false);
    let reading = join_all((0..4).map(|_| async {
        let mut slowest = (0, Duration::ZERO);
        while !done.load(Ordering::SeqCst) {
            let asked = Instant::now();
            let stats = staff.get("/v1/statistics").await.expect(200);
            assert_eq!(stats["submissions"]["total"], 1);
            slowest = (slowest.0 + 1, slowest.1.max(asked.elapsed()));
        }
        slowest
    }));
    let figures = || instance.figures();
    let killing = async {
        until("reads come from the replica", async || figures().on_replica > 20).await;
        stage.standby.kill().await;
        let killed = figures();
        until("reads come from the primary", async || {
            !figures().in_use && figures().on_primary > killed.on_primary + 20
        })
        .await;
        let away = figures();
        stage.standby.start().await;
        until("the replica is used again", async || figures().in_use && figures().on_replica > away.on_replica + 20)
            .await;
        done.store(true, Ordering::SeqCst);
    };
    let (readers, ()) = join(reading, killing).await;
    let answers: u32 = readers.iter().map(|reader| reader.0).sum();
    let slowest = readers.iter().map(|reader| reader.1).max().unwrap();
    println!(
        "the replica was killed and started again: {answers} answers, 0 errors, the slowest after {slowest:?}; {:?}",
        figures()
    );
}

#[tokio::test]
async fn reads_do_not_use_a_server_that_is_not_a_replica_of_this_database() {
    let stage = Stage::new().await;
    let clinic = stage.world.clinic("One").await;
    let itself = stage.reading_from(&stage.world.database.clone(), LONG).await;
    let away = stage.reading_from(&stage.standby.options.clone().port(1), LONG).await;
    submit(&clinic).await;
    for instance in [&itself, &away] {
        let staff = clinic.staff.at(&instance.base);
        let reads_before = instance.figures().on_primary;
        until("it was queried often", async || {
            staff.get("/v1/statistics").await.expect(200);
            instance.figures().on_primary > reads_before + 20
        })
        .await;
        assert_eq!((instance.figures().on_replica, instance.figures().in_use), (0, false));
    }
    // A standby of another database.
    let other = World::new().await;
    let strangers = other.clinic("Two").await;
    let app = app(&other.database, Arc::new(System), &[7], None).with_replica(login(&stage.standby.options), 4, LONG);
    app.prepare().await.unwrap();
    let (base, _) = serve(app.clone());
    let figures = || health::replica(&app).unwrap();
    until("it was queried often", async || {
        let stats = strangers.staff.at(&base).get("/v1/statistics").await.expect(200);
        assert_eq!(stats["submissions"]["total"], 0);
        figures().on_primary > 50
    })
    .await;
    assert_eq!((figures().on_replica, figures().in_use), (0, false));
}

#[tokio::test]
async fn no_role_sees_a_row_of_another_clinic_on_the_replica_or_writes_there() {
    let stage = Stage::new().await;
    let (one, two) = (stage.world.clinic("One").await, stage.world.clinic("Two").await);
    fill(&stage.world, &one).await;
    fill(&stage.world, &two).await;
    stage.catch_up().await;
    let mut there = stage.standby.connect().await;
    let (mut asked, mut own) = (0, 0);
    for table in tables(&mut there).await {
        for role in ROLES {
            let across = crate::row_security::ACROSS.contains(&(role, table.as_str()));
            for (sql, foreign) in [
                (format!("select from {table} where clinic_id <> '{}'", one.id), true),
                (format!("select from {table} where clinic_id = '{}'", one.id), false),
            ] {
                let mut transaction = there.begin().await.unwrap();
                let tie = format!("set local role {role}; set local sarcoscreen.clinic_id = '{}'", one.id);
                sqlx::raw_sql(AssertSqlSafe(tie)).execute(&mut *transaction).await.unwrap();
                let rows = transaction.execute(AssertSqlSafe(sql)).await.map_or(0, |done| done.rows_affected());
                asked += 1;
                own += if foreign { 0 } else { rows };
                assert!(!foreign || across || rows == 0, "{role} sees {rows} foreign rows of {table}");
                transaction.rollback().await.unwrap();
            }
        }
        let refused = there.execute(AssertSqlSafe(format!("delete from {table}"))).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "25006", "{refused}");
    }
    assert!(own > 20, "{own}");
    // The same through the service, while only the replica can have responded.
    let instance = stage.instance(LONG).await;
    stage.standby.pause().await;
    let before = instance.figures().on_replica;
    for clinic in [&one, &two] {
        assert_eq!(exported(&clinic.staff.at(&instance.base), "/v1/exports/submissions").await, 1);
    }
    assert_eq!(instance.figures().on_replica, before + 2);
    stage.standby.resume().await;
    println!("on the replica: {asked} reads by {} roles, {own} own rows, 0 foreign rows", ROLES.len());
}
