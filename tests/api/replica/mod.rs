//! Reads from a streaming replica: which reads use it, callers that must not see its stale data, and fallback when it ends.
//! | A paused replica stays at one moment as long as a test needs: a response that shows that moment came from the replica.

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
use crate::follow_ups::{Colleague, act};
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

/// Counts in the lists of a clinic: the first and the last count assigned follow-ups, the others submissions.
async fn shown(user: &User, base: &str, subject: &str) -> [u64; 6] {
    let user = user.at(base);
    let items = |page: Value| page["items"].as_array().unwrap().clone();
    let worklist = items(user.get("/v1/follow-ups").await.expect(200));
    let submissions = items(user.get("/v1/submissions").await.expect(200));
    let history = items(user.get(&format!("/v1/subjects/{subject}/submissions")).await.expect(200));
    let stats = user.get("/v1/stats").await.expect(200);
    let lines = async |path: &str| user.get(path).await.text.lines().count() as u64 - 1;
    [
        worklist.iter().filter(|case| case["state"] == "assigned").count() as u64,
        submissions.len() as u64,
        history.len() as u64,
        stats["submissions"]["total"].as_u64().unwrap(),
        lines("/v1/exports/submissions").await,
        lines("/v1/exports/follow-ups?state=assigned").await,
    ]
}

/// Number of reads by [`shown`].
const READS: u64 = 6;

async fn submit(clinic: &Clinic) -> Value {
    clinic.intake.submit(&json!({"answers": frail(), "subject": {"reference": "R-1"}})).await.expect(201)
}

#[tokio::test]
async fn lists_use_the_replica_and_callers_see_their_own_changes_on_any_instance() {
    let stage = Stage::new().await;
    let clinic = stage.world.clinic("One").await;
    let instance = stage.instance(LONG).await;
    let receipt = submit(&clinic).await;
    let subject = receipt["subject_id"].as_str().unwrap();
    let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
    let colleague = Colleague::of(&stage.world, &clinic).await.user;
    stage.catch_up().await;
    let see = async |user: &User| shown(user, &instance.base, subject).await;
    assert_eq!(see(&colleague).await, [0, 1, 1, 1, 1, 0]);

    stage.standby.pause().await;
    // Through an instance without a replica.
    let mine = act(&clinic.staff, &case, "claim", 1, &json!({})).await;
    assert_eq!(mine.expect(200)["state"], "assigned");
    submit(&clinic).await;
    let before = instance.figures();
    assert_eq!(see(&clinic.staff).await, [1, 2, 2, 2, 2, 1], "own changes");
    let own = instance.figures();
    assert_eq!(see(&colleague).await, [0, 1, 1, 1, 1, 0], "changes by another");
    let others = instance.figures();
    let shared_out = |before: ReplicaFigures, after: ReplicaFigures| {
        (after.on_replica - before.on_replica, after.on_primary - before.on_primary)
    };
    assert_eq!((shared_out(before, own), shared_out(own, others)), ((0, READS), (READS, 0)));
    // Single resources, on which a command may be based, are never read from the replica.
    assert_eq!(colleague.at(&instance.base).get(&case).await.expect(200)["state"], "assigned");

    // A note and a submission also count as changes by their author.
    act(&colleague, &case, "notes", 3, &json!({"note": "called"})).await.expect(200);
    assert_eq!(see(&colleague).await, [1, 2, 2, 2, 2, 1], "after a note");
    assert_eq!(see(&clinic.admin).await, [0, 1, 1, 1, 1, 0], "the admin has changed nothing yet");
    clinic.admin.at(&instance.base).submit(&json!({"answers": frail()})).await.expect(201);
    assert_eq!(see(&clinic.admin).await, [1, 3, 2, 3, 3, 1], "after a submission");

    stage.standby.resume().await;
    stage.catch_up().await;
    let before = instance.figures();
    for user in [&clinic.staff, &colleague, &clinic.admin] {
        assert_eq!(see(user).await, [1, 3, 2, 3, 3, 1]);
    }
    let after = instance.figures();
    assert_eq!(shared_out(before, after), (3 * READS, 0));
    println!(
        "{} reads on the replica, {} on the primary; own changes found at once while the replay stood still",
        after.on_replica, after.on_primary
    );
}

#[tokio::test]
async fn reads_respect_the_lag_bound_and_an_idle_primary_causes_no_lag() {
    let stage = Stage::new().await;
    let clinic = stage.world.clinic("One").await;
    // The replica's position is polled every half second; a busy machine may be late, but by less than the bound.
    let bound = Duration::from_secs(5);
    let instance = stage.instance(bound).await;
    let count = async || {
        let page = clinic.staff.at(&instance.base).get("/v1/submissions").await.expect(200);
        page["items"].as_array().unwrap().len()
    };
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
            let page = staff.get("/v1/follow-ups").await.expect(200);
            assert_eq!(page["items"].as_array().unwrap().len(), 1);
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
            staff.get("/v1/submissions").await.expect(200);
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
        let page = strangers.staff.at(&base).get("/v1/submissions").await.expect(200);
        assert_eq!(page["items"], json!([]));
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
    // Also through the service, while only the replica can have responded.
    let instance = stage.instance(LONG).await;
    stage.standby.pause().await;
    let before = instance.figures().on_replica;
    for clinic in [&one, &two] {
        let page = clinic.staff.at(&instance.base).get("/v1/submissions").await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
    }
    assert_eq!(instance.figures().on_replica, before + 2);
    stage.standby.resume().await;
    println!("on the replica: {asked} reads by {} roles, {own} own rows, 0 foreign rows", ROLES.len());
}
