//! A dump of a served database, restored into a new cluster with the documented commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sarcoscreen::app::health::readiness;
use sarcoscreen::store::database::rights::RIGHTS;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::embedded::place::Place;
use crate::migration_state::Given;
use crate::program::{command, text};
use crate::replica::standby::{base_backup, until};
use crate::running::{Service, demo_key, owner};
use crate::world::World;

/// The commands of the code block after a heading of the operators' page.
fn documented(heading: &str) -> Vec<String> {
    let page = fs::read_to_string("docs/running.md").unwrap();
    let block = page.split(heading).nth(1).unwrap().split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    block.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

/// Runs a documented command line in a folder, with the settings of a database.
fn run(line: &str, given: &Given<'_>, folder: &Path, programs: &str) -> Output {
    let mut settings = given.command(&[]);
    settings.env("SARCOSCREEN_OWNER_DATABASE_URL", given.url("sarcoscreen"));
    let built = Path::new(env!("CARGO_BIN_EXE_sarcoscreen")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", line]).current_dir(folder).envs(settings.get_envs().filter_map(|(k, v)| Some((k, v?))));
    shell.env("PATH", format!("{}:{programs}:/usr/bin:/bin", built.display()));
    shell.output().unwrap()
}

/// The folder of the programs of a running cluster.
async fn programs(database: &PgConnectOptions) -> String {
    let sql = "select setting from pg_config where name = 'BINDIR'";
    sqlx::query_scalar(sql).fetch_one(&mut database.connect().await.unwrap()).await.unwrap()
}

/// The number of rows of every table, and one hash of their hashes.
async fn contents(connection: &mut PgConnection) -> BTreeMap<String, (i64, Option<String>)> {
    let tables = "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await.unwrap();
    let mut found = BTreeMap::new();
    for table in tables {
        let sql =
            format!("select count(*), md5(string_agg(h, '' order by h)) from (select md5(t::text) h from {table} t) r");
        let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut *connection).await.unwrap();
        found.insert(table, rows);
    }
    found
}

/// A default run with a cohort, whose database is dumped while it accepts submissions; returns the contents of the dump.
/// One subject is erased before the dump and another one after it.
async fn dumped(place: &Place) -> BTreeMap<String, (i64, Option<String>)> {
    let service = Service::start(place);
    let (intake, admin) = (demo_key(place, "intake"), demo_key(place, "admin"));
    let mut database = owner(place).connect().await.unwrap();
    let persons = "select subject_id::text from subjects order by 1 limit 2";
    let persons: Vec<String> = sqlx::query_scalar(persons).fetch_all(&mut database).await.unwrap();
    assert_eq!(service.erase(&admin, &persons[0]).await, 204);
    until("the audit log is sealed", async || {
        let sql = "select count(*) > 0 from audit_seals";
        sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap()
    })
    .await;

    let mut snapshot = database.begin_with("begin isolation level repeatable read").await.unwrap();
    let name: String = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut *snapshot).await.unwrap();
    let held = contents(&mut snapshot).await;
    let backup = documented("**Backup**");
    assert!(backup.len() == 1 && backup[0].starts_with("pg_dump "), "{backup:?}");
    // The documented command, with the snapshot in which the rows were counted.
    let line = backup[0].replacen("pg_dump ", &format!("pg_dump --snapshot={name} "), 1);
    let (url, folder) = (url_of(place), place.path().to_owned());
    let bin = programs(&owner(place)).await;
    let dump = tokio::task::spawn_blocking(move || {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &line]).current_dir(folder).env("SARCOSCREEN_OWNER_DATABASE_URL", url);
        shell.env("PATH", format!("{bin}:/usr/bin:/bin")).output().unwrap()
    });
    let mut submitted = 0;
    while !dump.is_finished() {
        assert!(service.submit(&intake).await.is_some());
        submitted += 1;
    }
    let dump = dump.await.unwrap();
    assert!(dump.status.success() && submitted > 0, "{dump:?}");
    drop(snapshot);
    assert_eq!(service.erase(&admin, &persons[1]).await, 204);
    service.stop();
    held
}

fn url_of(place: &Place) -> String {
    format!("postgres://sarcoscreen@localhost/sarcoscreen?host={}", place.data().join("run").display())
}

/// Copies the dump and the files that an operator must keep with it.
fn handed_over(from: &Place, to: &Place) {
    fs::copy(from.path().join("sarcoscreen.dump"), to.path().join("sarcoscreen.dump")).unwrap();
    fs::copy(from.data().join("erasures.log"), to.path().join("erasures.log")).unwrap();
    fs::copy(from.data().join("master.key"), to.path().join("key")).unwrap();
}

#[tokio::test]
async fn a_dump_is_restored_into_a_new_cluster_by_the_documented_commands() {
    let (old, new) = (Place::new(), Place::new());
    let held = dumped(&old).await;
    let postgres = new.start().await.unwrap();
    let given = Given::new(&new, &postgres);
    handed_over(&old, &new);
    let bin = programs(&postgres.connect_options()).await;
    let mut database = postgres.connect_options().connect().await.unwrap();
    let commands = documented("**Restore**");
    assert_eq!(commands.len(), 6, "{commands:?}");
    for line in &commands {
        let output = run(line, &given, new.path(), &bin);
        assert!(output.status.success(), "{line}: {output:?}");
        assert!(!text(&output.stderr).contains("error"), "{line}: {output:?}");
        println!("{line}\n    {}", text(&output.stdout).trim());
        if line == "sarcoscreen migrate" {
            assert_eq!(contents(&mut database).await, held);
            assert!(held["submissions"].0 > 0 && held["audit_seals"].0 > 0 && held["audit_entries"].0 > 0);
        }
    }
    let subjects: i64 = sqlx::query_scalar("select count(*) from subjects").fetch_one(&mut database).await.unwrap();
    assert_eq!(subjects, held["subjects"].0 - 1, "a subject erased after the dump is erased again");
    drop(database);
    let service = Service::start_as(&new, given.command(&["serve"]));
    assert_eq!(service.status("/health/ready").await, 200, "{}", service.log());
    assert_eq!(service.status_with(&demo_key(&old, "staff"), "/v1/follow-ups").await, 200);
    assert!(service.submit(&demo_key(&old, "intake")).await.is_some());
    service.stop();
    postgres.stop().await.unwrap();
}

/// Copies the files that an operator must keep with a base backup.
fn kept_beside(from: &Place, to: &Place) {
    for file in ["erasures.log", "master.key", "demo-credentials.json"] {
        fs::copy(from.data().join(file), to.data().join(file)).unwrap();
    }
}

/// Checks that a default run on a recovered cluster is complete and accepts submissions. Returns the id of an acknowledged
/// submission that is missing, if any.
async fn served(place: &Place, old: &Place, acknowledged: &[String]) -> Option<String> {
    let service = Service::start(place);
    assert_eq!(service.status("/health/ready").await, 200, "{}", service.log());
    let log = place.data().join("erasures.log");
    for arguments in
        [&["restore", "--erasure-log", log.to_str().unwrap()][..], &["rules", "verify"], &["audit", "verify"]]
    {
        let output = command(place, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        println!("{}: {}", arguments[..2].join(" "), text(&output.stdout).trim());
    }
    let mut missing = None;
    for id in acknowledged {
        if service.status_with(&demo_key(old, "staff"), &format!("/v1/submissions/{id}")).await != 200 {
            missing = Some(id.clone());
        }
    }
    assert!(service.submit(&demo_key(old, "intake")).await.is_some());
    service.stop();
    missing
}

#[tokio::test]
async fn a_base_backup_taken_under_load_can_be_served() {
    let (old, new, later) = (Place::new(), Place::new(), Place::new());
    let service = Service::start(&old);
    let (intake, admin) = (demo_key(&old, "intake"), demo_key(&old, "admin"));
    let mut database = owner(&old).connect().await.unwrap();
    let persons = "select subject_id::text from subjects order by 1 limit 2";
    let persons: Vec<String> = sqlx::query_scalar(persons).fetch_all(&mut database).await.unwrap();
    assert_eq!(service.erase(&admin, &persons[0]).await, 204);
    let mut acknowledged = Vec::new();
    for _ in 0..20 {
        acknowledged.push(service.submit(&intake).await.unwrap());
    }
    let before = acknowledged.len();
    let cluster = old.data().join("cluster");
    let mut copy = base_backup(&owner(&old), &cluster, &new, &["--wal-method=stream"]).await;
    let copy = tokio::task::spawn_blocking(move || copy.output().unwrap());
    while !copy.is_finished() {
        acknowledged.push(service.submit(&intake).await.unwrap());
    }
    let copy = copy.await.unwrap();
    assert!(copy.status.success() && acknowledged.len() > before, "{copy:?}");
    // Changes after the backup, which are only in the WAL.
    assert_eq!(service.erase(&admin, &persons[1]).await, 204);
    acknowledged.push(service.submit(&intake).await.unwrap());
    drop(database);
    service.stop();
    let postgres = old.start().await.unwrap();
    let held = contents(&mut owner(&old).connect().await.unwrap()).await;
    postgres.stop().await.unwrap();

    // Recovered to the end of the WAL: all rows are identical.
    let copied = Command::new("cp").arg("-a").arg(new.data()).arg(later.data()).output().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    later.write("recovery.signal", "");
    let settings = format!("restore_command = 'cp {}/pg_wal/%f %p'\n", cluster.display());
    later.write("postgresql.auto.conf", &settings);
    let postgres = later.start().await.unwrap();
    let mut recovered = postgres.connect_options().connect().await.unwrap();
    until("the log is replayed", async || {
        let sql = "select not pg_is_in_recovery()";
        sqlx::query_scalar(sql).fetch_one(&mut recovered).await.unwrap()
    })
    .await;
    assert_eq!(contents(&mut recovered).await, held);
    assert!(held["submissions"].0 > 0 && held["audit_entries"].0 > 0);
    drop(recovered);
    postgres.stop().await.unwrap();
    kept_beside(&old, &later);
    assert_eq!(served(&later, &old, &acknowledged).await, None);

    // Recovered to the end of the backup: submissions acknowledged before it are present, and a subject erased after it is
    // erased again.
    kept_beside(&old, &new);
    assert_eq!(served(&new, &old, &acknowledged[..before]).await, None);
    let postgres = new.start().await.unwrap();
    let sql = format!("select count(*) from subjects where subject_id = any ('{{{}}}')", persons.join(","));
    let mut database = postgres.connect_options().connect().await.unwrap();
    let left: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database).await.unwrap();
    assert_eq!(left, 0);
    drop(database);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_dump_restored_before_the_roles_exist_is_not_served() {
    let (old, new) = (Place::new(), Place::new());
    dumped(&old).await;
    let postgres = new.start().await.unwrap();
    let given = Given::new(&new, &postgres);
    handed_over(&old, &new);
    let bin = programs(&postgres.connect_options()).await;
    let commands = documented("**Restore**");
    let restore = commands.iter().find(|line| line.starts_with("pg_restore")).unwrap();
    let refused = run(restore, &given, new.path(), &bin);
    assert!(!refused.status.success() && text(&refused.stderr).contains("does not exist"), "{refused:?}");

    // An operator who ignores the error.
    let again = restore.replace("--exit-on-error", "--clean --if-exists");
    let errors = text(&run(&again, &given, new.path(), &bin).stderr);
    assert!(errors.contains("errors ignored on restore"), "{errors}");
    let (done, said) = given.migrate(&[]);
    let wanted = "the database lacks grants on audit_entries for sarcoscreen_app and";
    assert!(!done && said.contains(wanted) && said.contains("migrate --roles-only"), "{said}");
    let service = Service::start_as(&new, given.command(&["serve"]));
    assert_eq!(service.status("/health/ready").await, 503);
    assert!(service.log().contains(wanted), "{}", service.log());
    service.stop();
    let command = given.command(&["clinics", "list"]).output().unwrap();
    assert!(!command.status.success() && text(&command.stderr).contains(wanted), "{command:?}");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_missing_grant_or_policy_makes_the_service_unready_and_is_reported() {
    let world = World::new().await;
    let mut owner = world.connect().await;
    assert_eq!(readiness(&world.app).await.schema_fault, None);
    for (take, give, lacking) in [
        (
            "drop policy submissions_app on submissions",
            "create policy submissions_app on submissions to sarcoscreen_app using (clinic_id = current_clinic())",
            "lacks policies on submissions for sarcoscreen_app:",
        ),
        (
            "revoke select on clinics from sarcoscreen_auth",
            "grant select on clinics to sarcoscreen_auth",
            "lacks grants on clinics for sarcoscreen_auth:",
        ),
    ] {
        owner.execute(take).await.unwrap();
        let found = readiness(&world.app).await;
        assert!(!found.ready() && !found.row_security, "{take}");
        assert!(found.schema_fault.as_ref().is_some_and(|fault| fault.contains(lacking)), "{found:?}");
        owner.execute(give).await.unwrap();
        assert!(readiness(&world.app).await.ready(), "{give}");
    }
}

#[tokio::test]
async fn the_list_of_rights_is_what_the_migrations_grant() {
    let world = World::new().await;
    let sql = "select t.relname::text, array_agg(r.rolname::text order by r.rolname)
        from pg_class t cross join pg_roles r
        where t.relnamespace = 'public'::regnamespace and t.relkind = 'r' and t.relname <> '_sqlx_migrations'
          and r.rolname in ('sarcoscreen_app', 'sarcoscreen_writer', 'sarcoscreen_auth', 'sarcoscreen_jobs')
          and (has_any_column_privilege(r.oid, t.oid, 'select, insert, update, references')
               or has_table_privilege(r.oid, t.oid, 'delete, truncate, trigger'))
        group by 1 order by 1";
    let granted: Vec<(String, Vec<String>)> = sqlx::query_as(sql).fetch_all(&mut world.connect().await).await.unwrap();
    let sorted = |roles: &[&str]| {
        let mut roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        roles.sort();
        roles
    };
    let listed: Vec<_> = RIGHTS.iter().map(|(table, roles)| ((*table).to_owned(), sorted(roles))).collect();
    assert_eq!(listed, granted, "src/store/database/rights.rs does not list what the migrations grant");
}
