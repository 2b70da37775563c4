//! Durability: a submission is stored completely or not at all, rows are immutable, and readiness reports when acknowledged
//! data could be lost.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use sarcoscreen::app::ambient::System;
use sarcoscreen::app::{App, Policy};
use sarcoscreen::http::{self, Settings};
use sarcoscreen::store::database::Store;
use sarcoscreen::store::database::keys::{Keys, MasterKey};
use sarcoscreen::store::database::writer::Grouping;
use sarcoscreen::store::writers::Writers;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::replica::standby::until;
use crate::world::{World, app_sized, fit, frail, login, releases, serve, sizes};

/// Another instance of the server on an existing database.
struct Instance {
    base: String,
    server: actix_web::dev::ServerHandle,
}

impl Instance {
    /// Starts an instance that accepts the unsafe settings with these names.
    async fn start(database: &PgConnectOptions, accepted: &[&str]) -> Self {
        Self::with_key(database, accepted, 7).await
    }

    /// Starts an instance whose master key is 32 repetitions of this byte; the tests use 7.
    async fn with_key(database: &PgConnectOptions, accepted: &[&str], byte: u8) -> Self {
        let keys = Keys::derive(&[MasterKey::parse(&MasterKey::text(&[byte; 32])).unwrap()]).unwrap();
        let store = Store::open(database.clone(), sizes(2, 2), keys);
        let policy = Policy {
            idempotency_lifetime: Duration::from_mins(1),
            erasure_log: None,
            accepted_unsafe_settings: accepted.iter().map(|&name| name.to_owned()).collect(),
        };
        let writers = Writers::start(&store, Grouping::default());
        let app = App::new(store, writers, releases(), Arc::new(System), policy);
        // An instance that fails this step still serves, and reports that it is not ready.
        let _ = app.prepare().await;
        let settings = Settings {
            cors_origins: Vec::new(),
            cors_local: false,
            trusted_proxies: Vec::new(),
            body_room: http::ROOM,
            public_url: None,
            connections: 1_000,
            read_deadline: Duration::from_secs(10),
            answer_deadline: Duration::from_secs(30),
            workers: 1,
            shutdown: Duration::from_secs(1),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (running, _) = http::serve(app, settings, listener).unwrap();
        let server = running.handle();
        tokio::spawn(running);
        Self { base, server }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

/// The status of readiness and its four facts.
async fn readiness(world: &World, base: &str) -> (u16, [Value; 4]) {
    let answer = world.holder(None).at(base).get("/health/ready").await;
    let body = answer.json();
    assert_eq!(body["status"], if answer.status == 200 { "ready" } else { "not_ready" });
    assert_eq!(answer.header("retry-after"), if answer.status == 200 { "" } else { "1" });
    (answer.status, ["database", "migrations", "prepared", "durable_settings"].map(|name| body[name].clone()))
}

async fn run(world: &World, sql: &str) -> Result<(), sqlx::Error> {
    world.connect().await.execute(AssertSqlSafe(sql.to_owned())).await.map(drop)
}

#[tokio::test]
async fn audit_entries_and_rule_tables_are_immutable() {
    let world = World::new().await;
    world.clinic("One").await.browser.submit(&json!({"answers": frail()})).await.expect(201);
    for (table, column) in
        [("rule_tables", "digest"), ("audit_entries", "action"), ("master_key_checks", "check_value")]
    {
        let changes = [
            format!("update {table} set {column} = {column}"),
            format!("delete from {table}"),
            format!("truncate {table} cascade"),
        ];
        for sql in changes {
            let refused = run(&world, &sql).await.unwrap_err().to_string();
            assert!(refused.contains(&format!("{table} rows are never changed")), "{sql}: {refused}");
        }
    }
    assert_eq!(world.count("select count(*) from rule_tables").await, 3);
    assert_eq!(
        world
            .count("select count(*) from audit_entries where action = 'submission_created' and outcome = 'success'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_changed_rule_table_with_a_stored_version_is_refused() {
    let world = World::new().await;
    world.app.prepare().await.unwrap();
    let tampered = "alter table rule_tables disable trigger rule_tables_immutable;
        update rule_tables set digest = repeat('0', 64)";
    run(&world, tampered).await.unwrap();
    let error = world.app.prepare().await.unwrap_err().to_string();
    assert!(error.contains("2026.1") && error.contains("differs"), "{error}");
    run(&world, "delete from rule_tables").await.unwrap();
    world.app.prepare().await.unwrap();
    assert_eq!(world.count("select count(*) from rule_tables where digest <> repeat('0', 64)").await, 3);
}

#[tokio::test]
async fn a_service_is_ready_only_on_a_migrated_database() {
    let world = World::new().await;
    assert_eq!(readiness(&world, &world.base).await, (200, [true; 4].map(Value::from)));
    let blank = format!("{}_blank", world.database.get_database().unwrap());
    run(&world, &format!("create database {blank}")).await.unwrap();
    let instance = Instance::start(&login(&world.database).database(&blank), &[]).await;
    assert_eq!(readiness(&world, &instance.base).await, (503, [true, false, false, true].map(Value::from)));
    world.holder(None).at(&instance.base).get("/health/live").await.expect(200);
    run(&world, &format!("drop database {blank} with (force)")).await.unwrap();
    // Marks the newest migration of this binary as not applied.
    run(&world, "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .await
        .unwrap();
    let wanted = (503, [true, false, true, true].map(Value::from));
    until("readiness reports it", async || readiness(&world, &world.base).await == wanted).await;
}

#[tokio::test]
async fn connections_outlive_the_worker_that_opened_them() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    // The only worker of this instance opens all of its connections.
    let app = app_sized(&world.database, Arc::new(System), &[7], None, sizes(4, 10), Grouping::default());
    app.prepare().await.unwrap();
    let (base, server) = serve(app.clone());
    let asked = (0..8).map(|_| clinic.staff.at(&base));
    let asked = asked.map(|staff| async move { staff.get("/v1/submissions").await.expect(200) });
    futures_util::future::join_all(asked).await;
    server.stop(true).await;
    for _ in 0..8 {
        assert_eq!(sarcoscreen::app::clinics::list(&app).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn concurrent_readiness_checks_query_the_database_once() {
    let world = World::new().await;
    let mut owner = world.connect().await;
    owner.execute("begin; lock table _sqlx_migrations in access exclusive mode").await.unwrap();
    let asked = (0..40).map(|_| async { readiness(&world, &world.base).await.0 });
    let waiting =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let watched = async {
        until("one waits", async || world.count(waiting).await > 0).await;
        // All concurrent readiness requests are sent before this response arrives.
        world.holder(None).get("/health/live").await.expect(200);
        let most = world.count(waiting).await;
        owner.execute("commit").await.unwrap();
        most
    };
    let (answers, most) = futures_util::future::join(futures_util::future::join_all(asked), watched).await;
    assert_eq!((answers, most), (vec![200; 40], 1));
}

#[tokio::test]
async fn a_service_with_a_foreign_master_key_is_not_ready() {
    let world = World::new().await;
    let instance = Instance::with_key(&login(&world.database), &[], 8).await;
    assert_eq!(readiness(&world, &instance.base).await, (503, [true, true, false, true].map(Value::from)));
    let instance = Instance::with_key(&login(&world.database), &[], 7).await;
    assert_eq!(readiness(&world, &instance.base).await, (200, [true; 4].map(Value::from)));
}

#[tokio::test]
async fn a_service_without_its_database_is_live_but_not_ready() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let nowhere = [
        login(&world.database).database("no_such_database"),
        world.database.clone().username("unknown_user"),
        login(&world.database).port(1),
    ];
    for database in nowhere {
        let instance = Instance::start(&database, &[]).await;
        assert_eq!(readiness(&world, &instance.base).await, (503, [false; 4].map(Value::from)));
        let browser = clinic.browser.at(&instance.base);
        browser.get("/health/live").await.expect(200);
        browser.get("/v1/questionnaire").await.expect(200);
        let refused = browser.submit(&json!({"answers": fit()})).await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.text);
    }
}

#[tokio::test]
async fn unsafe_settings_keep_a_service_from_being_ready_unless_accepted_by_name() {
    let world = World::new().await;
    let name = world.database.get_database().unwrap().to_owned();
    run(&world, &format!("alter database {name} set synchronous_commit = off")).await.unwrap();
    let settled = (200, [true; 4].map(Value::from));
    let refused = (503, [true, true, true, false].map(Value::from));
    for (accepted, wanted) in
        [(&[][..], &refused), (&["fsync", "full_page_writes"], &refused), (&["synchronous_commit"], &settled)]
    {
        let instance = Instance::start(&login(&world.database), accepted).await;
        assert_eq!(&readiness(&world, &instance.base).await, wanted, "{accepted:?}");
    }
    run(&world, &format!("alter database {name} reset synchronous_commit")).await.unwrap();
    let instance = Instance::start(&login(&world.database), &[]).await;
    assert_eq!(readiness(&world, &instance.base).await, settled);
}

/// Makes writes to a table fail, at the statement or at the commit.
fn breaking(table: &str, at_commit: bool) -> String {
    let function = "create or replace function break() returns trigger language plpgsql as
        $$ begin raise exception 'broken'; end $$";
    let kind = if at_commit { "create constraint trigger" } else { "create trigger" };
    let when = if at_commit { "deferrable initially deferred" } else { "" };
    format!("{function}; {kind} broken after insert on {table} {when} for each row execute function break()")
}

#[tokio::test]
async fn a_submission_is_stored_completely_or_not_at_all() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let body = json!({"answers": frail(), "subject": {"reference": "R-1", "contact": {"name": "Ana"}}});
    let parts = ["idempotency_keys", "subjects", "follow_ups", "submissions", "audit_entries"];
    for at_commit in [false, true] {
        for broken in parts {
            run(&world, &breaking(broken, at_commit)).await.unwrap();
            let refused = clinic.intake.submit_once("k", &body).await;
            assert!(!refused.text.contains("broken"), "{}", refused.text);
            refused.expect(500);
            run(&world, &format!("drop trigger broken on {broken}")).await.unwrap();
            assert_eq!(stored(&world).await, [0; 5], "{broken} {at_commit}");
        }
    }
    // The failed request did not use up the key.
    clinic.intake.submit_once("k", &body).await.expect(201);
    assert_eq!(stored(&world).await, [1; 5]);
}

#[tokio::test]
async fn a_failed_submission_does_not_change_the_open_follow_up_or_the_subject() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let first = json!({"answers": frail(), "subject": {"reference": "R-1", "contact": {"name": "Ana"}}});
    let case = clinic.intake.submit(&first).await.expect(201)["follow_up"]["id"].clone();
    let case = format!("/v1/follow-ups/{}", case.as_str().unwrap());
    let before = clinic.staff.get(&case).await.expect(200);
    run(&world, &breaking("audit_entries", true)).await.unwrap();
    let mut urgent = json!({"answers": frail(), "subject": {"reference": "R-1", "contact": {"name": "Eva"}}});
    urgent["answers"]["new_breathing_trouble_or_chest_pain"] = json!(true);
    clinic.intake.submit(&urgent).await.expect(500);
    // A read that cannot be audited fails.
    clinic.staff.get(&case).await.expect(503);
    run(&world, "drop trigger broken on audit_entries").await.unwrap();
    assert_eq!(clinic.staff.get(&case).await.expect(200), before);
    for (name, count) in [("Ana", 1), ("Eva", 0)] {
        let found = clinic.staff.post("/v1/subjects/search", &json!({"name": name})).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{name}");
    }
    assert_eq!(clinic.intake.submit(&urgent).await.expect(201)["follow_up"]["urgency"], "today");
}

/// The number of rows of each part of a submission.
async fn stored(world: &World) -> [i64; 5] {
    [
        world.count("select count(*) from idempotency_keys").await,
        world.count("select count(*) from subjects").await,
        world.count("select count(*) from follow_ups").await,
        world.count("select count(*) from submissions").await,
        world
            .count("select count(*) from audit_entries where action = 'submission_created' and outcome = 'success'")
            .await,
    ]
}
