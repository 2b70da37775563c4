//! The SQL files that distribute the tables on Citus and undo it, and how the service works with Citus. Citus is not
//! installed: stand-ins for its table and functions are used on plain PostgreSQL.

mod service;

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::follow_ups::act;
use crate::replica::standby::until;
use crate::world::{World, frail};

const CITUS: &str = include_str!("../../../migrations/scale/citus.sql");
const UNDO: &str = include_str!("../../../migrations/scale/citus-undo.sql");

const STAND_INS: &str = include_str!("stand_ins.sql");

const FOREIGN_KEYS: &str = "select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where contype = 'f'";
const TRIGGERS: &str = "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal";
const POLICIES: &str = "select p::text from pg_policies p where schemaname = 'public'";
const SECURITY: &str = "select relname || ' ' || relrowsecurity || ' ' || relforcerowsecurity from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace";
/// Every table of the schema except the list of migrations and the tables that only the coordinator reads.
const TABLES: &str = "select tablename::text from pg_tables where schemaname = 'public'
    and tablename not in ('_sqlx_migrations', 'master_key_checks', 'rule_tables')";
/// Policies with a subquery, which Citus refuses.
const WITH_SUBQUERY: &str = "select polname::text from pg_policy
    where concat(polqual::text, polwithcheck::text) like '%{SUBLINK %'";
/// Unique indexes (including primary keys) of distributed tables that lack the clinic.
const WITHOUT_CLINIC: &str = "select indexrelid::regclass::text from pg_index i
    join stand_in.asked on what = 'distributed' and name = indrelid::regclass::text
    where indisunique and not exists (
        select from pg_attribute a where a.attrelid = indrelid and a.attnum = any (indkey) and attname = 'clinic_id')";

/// Makes a database look distributed to instances that start later.
pub(crate) async fn distribute(superuser: &PgConnectOptions, owner: &PgConnectOptions) {
    superuser.connect().await.unwrap().execute(STAND_INS).await.unwrap();
    sqlx::raw_sql(CITUS).execute(&mut owner.connect().await.unwrap()).await.unwrap();
}

async fn lines(owner: &mut PgConnection, sql: &'static str) -> BTreeSet<String> {
    sqlx::query_scalar(sql).fetch_all(owner).await.unwrap().into_iter().collect()
}

async fn asked(owner: &mut PgConnection, what: &str) -> Vec<String> {
    sqlx::query_scalar("select name from stand_in.asked where what = $1").bind(what).fetch_all(owner).await.unwrap()
}

#[tokio::test]
async fn every_table_is_distributed_or_replicated_and_the_undo_restores_the_schema() {
    let world = World::new().await;
    let mut owner = world.connect().await;
    owner.execute(STAND_INS).await.unwrap();
    let keys = lines(&mut owner, FOREIGN_KEYS).await;
    let mut before = Vec::new();
    for sql in [TRIGGERS, POLICIES, SECURITY] {
        before.push(lines(&mut owner, sql).await);
    }
    sqlx::raw_sql(CITUS).execute(&mut owner).await.unwrap();
    let (distributed, reference) = (asked(&mut owner, "distributed").await, asked(&mut owner, "reference").await);
    let named: Vec<String> = distributed.iter().chain(&reference).cloned().collect();
    assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), lines(&mut owner, TABLES).await);
    assert_eq!(named.len(), 21, "each table once: {named:?}");
    assert_eq!(lines(&mut owner, WITHOUT_CLINIC).await, BTreeSet::new());
    let by = "select distinct coalesce(by_column, '') || ' ' || coalesce(beside, '') from stand_in.asked where what = 'distributed'";
    assert_eq!(lines(&mut owner, by).await, BTreeSet::from(["clinic_id ".to_owned(), "clinic_id subjects".to_owned()]));
    // Every foreign key is restored with the same definition, except those that Citus does not allow.
    let kept = lines(&mut owner, FOREIGN_KEYS).await;
    let lost: Vec<&str> = keys.difference(&kept).filter_map(|key| key.split(' ').nth(1)).collect();
    assert_eq!(lost, ["credentials_clinic_fkey", "submissions_rule_table_fkey", "submissions_supersedes_fkey"]);
    assert!(kept.is_subset(&keys));
    // Triggers and row-level security are unchanged.
    assert_eq!(lines(&mut owner, TRIGGERS).await, before[0]);
    assert_eq!(lines(&mut owner, SECURITY).await, before[2]);
    assert_eq!(lines(&mut owner, WITH_SUBQUERY).await, BTreeSet::new());

    sqlx::raw_sql(UNDO).execute(&mut owner).await.unwrap();
    assert_eq!(asked(&mut owner, "local").await.into_iter().collect::<BTreeSet<_>>(), named.into_iter().collect());
    assert_eq!(lines(&mut owner, FOREIGN_KEYS).await, keys);
    for (sql, before) in [TRIGGERS, POLICIES, SECURITY].into_iter().zip(before) {
        assert_eq!(lines(&mut owner, sql).await, before);
    }
    println!(
        "{} distributed and {} reference tables, {} foreign keys, {} of them back on Citus; the undo restores all",
        distributed.len(),
        reference.len(),
        keys.len(),
        kept.len()
    );
}

#[tokio::test]
async fn no_foreign_key_exists_while_tables_are_distributed() {
    let world = World::new().await;
    let mut owner = world.connect().await;
    owner.execute(STAND_INS).await.unwrap();
    for function in [
        "create_distributed_table(regclass, text, text)",
        "create_reference_table(regclass)",
        "undistribute_table(regclass)",
    ] {
        let head = function
            .replace("(regclass", "(name regclass")
            .replace(", text, text", ", by_column text, colocate_with text default null");
        let strict = format!(
            "create or replace function {head} returns void language plpgsql as $$ begin
                 if exists (select from pg_constraint where contype = 'f') then raise exception 'a foreign key is left'; end if;
                 if (select relforcerowsecurity from pg_class where oid = name) then
                     raise exception 'row security hides rows of % from the owner', name;
                 end if;
             end $$"
        );
        owner.execute(AssertSqlSafe(strict)).await.unwrap();
    }
    for file in [CITUS, UNDO] {
        sqlx::raw_sql(file).execute(&mut owner).await.unwrap();
    }
}

#[tokio::test]
async fn the_service_is_ready_and_works_without_the_constraints_that_citus_lacks() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let mut owner = world.connect().await;
    owner.execute(STAND_INS).await.unwrap();
    sqlx::raw_sql(CITUS).execute(&mut owner).await.unwrap();
    let ready = async || world.holder(None).get("/health/ready").await;
    assert_eq!(ready().await.status, 200);
    owner.execute("alter table subjects no force row level security").await.unwrap();
    until("it is not ready", async || ready().await.status == 503).await;
    owner.execute("alter table subjects force row level security").await.unwrap();
    until("it is ready", async || ready().await.status == 200).await;

    let (body, key) = (json!({"answers": frail(), "subject": {"reference": "R-1"}}), "k");
    let receipt = clinic.intake.submit_once(key, &body).await.expect(201);
    assert_eq!(clinic.intake.submit_once(key, &body).await.expect(201), receipt);
    let case = format!("/v1/follow-ups/{}", receipt["follow_up"]["id"].as_str().unwrap());
    act(&clinic.staff, &case, "claim", 1, &json!({})).await.expect(200);
    let worklist = clinic.staff.get("/v1/follow-ups").await.expect(200);
    assert_eq!(worklist["items"][0]["state"], "assigned");
    world.clinic("Two").await.staff.get(&case).await.expect(404);
    // Erases a subject to which a correction refers; the restored foreign key finds no violation.
    let dangling = "update submissions set supersedes = gen_random_uuid()";
    owner.execute(dangling).await.unwrap();
    sqlx::raw_sql(UNDO).execute(&mut owner).await.unwrap();
    assert_eq!(world.count("select count(*) from submissions where supersedes is null").await, 1);
}

/// Shapes that failed on Citus 13.2.2: it cannot rewrite a `case` over a parameter, nor find the type of a parameter in the
/// condition of `on conflict`; a subscript of an expression in `set` ends its server process.
#[test]
fn no_checked_statement_has_a_shape_that_fails_on_citus() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let mut statements = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let described: serde_json::Value = serde_json::from_str(&text).unwrap();
        let words: Vec<&str> = described["query"].as_str().unwrap().split_whitespace().collect();
        let statement = words.join(" ");
        assert!(!statement.contains("case $") && !statement.contains(")["), "{statement}");
        for after in statement.split("on conflict").skip(1) {
            let condition = after.split(" returning ").next().unwrap().split_once(" where ");
            assert!(condition.is_none_or(|(_, condition)| !condition.contains('$')), "{statement}");
        }
        statements += 1;
    }
    assert!(statements > 100, "{statements} statements");
}

#[tokio::test]
async fn the_files_for_citus_are_no_migrations() {
    let world = World::new().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|kind| kind == "sql")).count();
    let applied = world.count("select count(*) from _sqlx_migrations").await;
    assert_eq!(usize::try_from(applied), Ok(files));
}
