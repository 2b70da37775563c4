//! The login role of the service: statements that it must not be able to execute, and how it gets its password.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use sarcoscreen::store::LOGIN;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use crate::embedded::place::Place;
use crate::program::{announced, command, run, stop, text};
use crate::row_security::ROLES;
use crate::world::login;

/// Statements that the service never needs. The login role tries each as itself and after leaving a working role.
const FORBIDDEN: [&str; 44] = [
    // Rights of other roles.
    "set role sarcoscreen",
    "set session authorization sarcoscreen",
    "create role intruder",
    "alter role sarcoscreen_service superuser",
    "alter role sarcoscreen_service bypassrls",
    "grant pg_read_all_data to sarcoscreen_service",
    "alter role sarcoscreen password 'x'",
    "select rolpassword from pg_authid",
    // Schema changes.
    "create table intruder (a int)",
    "create temporary table submissions (a int)",
    "create function intruder() returns int language sql as 'select 1'",
    "create schema intruder",
    "alter table submissions add column a int",
    "drop table audit_entries",
    "drop policy submissions_app on submissions",
    "create policy intruder on submissions using (true)",
    "alter table submissions disable row level security",
    "alter table submissions no force row level security",
    "alter table audit_entries disable trigger all",
    "grant select on submissions to public",
    "alter table submissions owner to sarcoscreen_service",
    // Rows, without a role and a clinic.
    "select from clinics",
    "select from credentials",
    "select from submissions",
    "select from audit_entries",
    "truncate submissions cascade",
    "delete from audit_entries",
    // Settings that bypass integrity checks or log statements.
    "set session_replication_role = replica",
    "set log_statement = 'all'",
    "set log_min_duration_statement = 0",
    "set log_parameter_max_length = -1",
    "alter system set fsync = off",
    // The operating system. The program must read its input; otherwise the pipe could break first.
    "copy (select 1) to program 'cat > /dev/null'",
    "copy (select 1) to '/tmp/sarcoscreen-intruder'",
    "select pg_read_file('PG_VERSION')",
    "select pg_ls_dir('.')",
    "select lo_import('PG_VERSION')",
    "create extension pg_trgm",
    "create database intruder",
    "create foreign data wrapper intruder",
    "create publication intruder for all tables",
    "select pg_create_physical_replication_slot('intruder')",
    "select pg_switch_wal()",
    "checkpoint",
];

/// Tries a statement and rolls it back if possible; returns the SQL state of the refusal.
async fn attempt(options: &PgConnectOptions, sql: &str) -> Option<String> {
    let mut connection = options.connect().await.unwrap();
    let alone = ["alter system", "create database"].iter().any(|start| sql.starts_with(start));
    let sql = if alone { sql.to_owned() } else { format!("begin; {sql}; rollback") };
    let outcome = connection.execute(AssertSqlSafe(sql)).await;
    connection.close().await.unwrap();
    let error = outcome.err()?;
    Some(error.as_database_error().unwrap_or_else(|| panic!("{error}")).code().unwrap().into_owned())
}

#[tokio::test]
async fn the_login_role_can_only_become_a_working_role() {
    let place = Place::new();
    let made = run(&place, &["clinics", "list"]);
    assert!(made.status.success(), "{made:?}");
    let postgres = place.start().await.unwrap();
    let owner = postgres.connect_options();
    let service = login(&owner);
    let (mut refused, mut allowed) = (0, Vec::new());
    for sql in FORBIDDEN {
        for way in [sql.to_owned(), format!("set role sarcoscreen_jobs; reset role; {sql}")] {
            if way != sql && ["alter system", "create database"].iter().any(|start| sql.starts_with(start)) {
                continue;
            }
            match attempt(&service, &way).await.as_deref() {
                Some("42501") => refused += 1,
                other => allowed.push((way, other.map(str::to_owned))),
            }
        }
    }
    assert!(allowed.is_empty(), "{allowed:?}");
    // Checks that the statements are valid: each works for a superuser, the role that the service used in the past.
    for sql in FORBIDDEN {
        assert_eq!(attempt(&owner, sql).await, None, "{sql}");
    }
    println!("{refused} attempts of {LOGIN} denied; as the superuser {} of {0} work", FORBIDDEN.len());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_working_role_is_limited_to_its_clinic_and_cannot_change_the_audit_log() {
    let place = Place::new();
    let (service, _) = announced(command(&place, &[]));
    stop(service);
    let postgres = place.start().await.unwrap();
    let mut owner = postgres.connect_options().connect().await.unwrap();
    let clinic: uuid::Uuid = sqlx::query_scalar("select clinic_id from clinics").fetch_one(&mut owner).await.unwrap();
    let other = uuid::Uuid::from_u128(1);
    let rows: i64 = sqlx::query_scalar("select count(*) from submissions").fetch_one(&mut owner).await.unwrap();
    let account = login(&postgres.connect_options());
    let mut service = account.connect().await.unwrap();
    let mut seen = async |role: &str, clinic: uuid::Uuid| {
        let tie = format!("set role {role}; set sarcoscreen.clinic_id = '{clinic}'");
        service.execute(AssertSqlSafe(tie)).await.unwrap();
        let sql = "select count(*) from submissions";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut service).await.unwrap()
    };
    assert!(rows > 0);
    assert_eq!(seen("sarcoscreen_app", clinic).await, rows);
    assert_eq!(seen("sarcoscreen_app", other).await, 0);
    for role in ROLES {
        for sql in [
            "delete from audit_entries",
            "update audit_entries set action = ''",
            "set row_security = off; \
            select clinic_id from audit_entries",
        ] {
            let tied = format!("set role {role}; set sarcoscreen.clinic_id = '{clinic}'; {sql}");
            assert_eq!(attempt(&account, &tied).await.as_deref(), Some("42501"), "{role}: {sql}");
        }
    }
    drop((owner, service));
    postgres.stop().await.unwrap();
}

/// A PostgreSQL of the operator that requires a password from every role except its owners.
struct Given {
    place: Place,
    owner: &'static str,
    url: String,
}

impl Given {
    async fn new() -> (Self, sarcoscreen::store::private_postgres::Embedded) {
        let place = Place::new();
        place.start().await.unwrap().stop().await.unwrap();
        place.write("pg_hba.conf", "local all sarcoscreen,plain_owner trust\nlocal all all scram-sha-256\n");
        let postgres = place.start().await.unwrap();
        let socket = postgres.connect_options().get_socket().unwrap().display().to_string();
        private(&place, "key", &"07".repeat(32));
        (Self { place, owner: "sarcoscreen", url: format!("@localhost/sarcoscreen?host={socket}") }, postgres)
    }

    /// Runs a command with a password; `migrate` also gets the owner's URL.
    fn run(&self, arguments: &[&str], password: &str) -> Output {
        let mut command = command(&self.place, arguments);
        command.env("DATABASE_URL", format!("postgres://clinic_service{}", self.url));
        command.env("SARCOSCREEN_DATABASE_PASSWORD_FILE", private(&self.place, "password", password));
        command.env("SARCOSCREEN_MASTER_KEY_FILE", self.place.path().join("key"));
        if arguments == ["migrate"] {
            command.env_remove("SARCOSCREEN_MASTER_KEY_FILE");
            command.env("SARCOSCREEN_OWNER_DATABASE_URL", format!("postgres://{}{}", self.owner, self.url));
        }
        command.output().unwrap()
    }
}

/// Writes a file that only its owner can read.
fn private(place: &Place, name: &str, text: &str) -> std::path::PathBuf {
    let path = place.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

async fn execute(connection: &mut PgConnection, sql: &'static str) {
    connection.execute(sql).await.unwrap();
}

#[tokio::test]
async fn migrate_creates_the_role_of_the_url_with_the_password_of_the_file() {
    let (given, postgres) = Given::new().await;
    let failed = given.run(&["clinics", "list"], "one");
    assert!(!failed.status.success(), "there is no such role yet");
    for password in ["one", "two, ñ and 'quotes'"] {
        let migrated = given.run(&["migrate"], password);
        assert!(migrated.status.success(), "{migrated:?}");
        assert!(given.run(&["clinics", "list"], password).status.success());
        assert!(!given.run(&["clinics", "list"], "another").status.success());
    }
    let mut owner = postgres.connect_options().connect().await.unwrap();
    let kept: String = sqlx::query_scalar("select rolpassword from pg_authid where rolname = 'clinic_service'")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert!(kept.starts_with("SCRAM-SHA-256$"), "{kept}");
    drop(owner);
    postgres.stop().await.unwrap();
}

/// Owners that are not superusers: one that may create roles, and one whose roles were created beforehand, as in
/// docs/running.md.
#[tokio::test]
async fn an_owner_does_not_need_to_be_a_superuser() {
    for (rights, prepared) in [
        ("createrole", ""),
        (
            "",
            "create role sarcoscreen_app; create role sarcoscreen_writer; create role sarcoscreen_auth;
             create role sarcoscreen_jobs; create role clinic_service login noinherit
             in role sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs;
             grant sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs to plain_owner;
             alter role clinic_service password 'one'",
        ),
    ] {
        let (mut given, postgres) = Given::new().await;
        given.owner = "plain_owner";
        let mut superuser = postgres.connect_options().connect().await.unwrap();
        let make = format!(
            "create role plain_owner login {rights}; alter database sarcoscreen owner to plain_owner; {prepared}"
        );
        superuser.execute(AssertSqlSafe(make)).await.unwrap();
        drop(superuser);
        for _ in 0..2 {
            let migrated = given.run(&["migrate"], "one");
            assert!(migrated.status.success(), "{rights}: {migrated:?}");
        }
        let made = given.run(&["seed-demo"], "one");
        assert!(made.status.success(), "{rights}: {made:?}");
        postgres.stop().await.unwrap();
    }
}

#[tokio::test]
async fn an_owner_that_may_not_create_the_login_role_gets_instructions() {
    let (mut given, postgres) = Given::new().await;
    given.owner = "plain_owner";
    let mut superuser = postgres.connect_options().connect().await.unwrap();
    let make = "create role plain_owner login; alter database sarcoscreen owner to plain_owner;
        create role sarcoscreen_app; create role sarcoscreen_writer; create role sarcoscreen_auth; create role sarcoscreen_jobs;
        grant sarcoscreen_app, sarcoscreen_writer, sarcoscreen_auth, sarcoscreen_jobs to plain_owner";
    execute(&mut superuser, make).await;
    let refused = given.run(&["migrate"], "one");
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("clinic_service"), "{said}");
    assert!(said.contains("login noinherit in role sarcoscreen_app"), "{said}");
    drop(superuser);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn migrate_refuses_a_login_role_that_could_bypass_row_security() {
    let (given, postgres) = Given::new().await;
    let mut owner = postgres.connect_options().connect().await.unwrap();
    for (make, unmake) in [
        ("create role clinic_service login superuser", "alter role clinic_service nosuperuser"),
        ("alter role clinic_service bypassrls", "alter role clinic_service nobypassrls"),
        ("alter role clinic_service createrole", "alter role clinic_service nocreaterole"),
        ("alter role clinic_service createdb", "alter role clinic_service nocreatedb"),
        ("grant sarcoscreen to clinic_service", "revoke sarcoscreen from clinic_service"),
        ("grant pg_execute_server_program to clinic_service", "revoke pg_execute_server_program from clinic_service"),
    ] {
        execute(&mut owner, make).await;
        let refused = given.run(&["migrate"], "one");
        assert!(!refused.status.success(), "{make}");
        let said = text(&refused.stderr);
        assert!(said.contains("clinic_service") && said.contains("bypass row security"), "{make}: {said}");
        execute(&mut owner, unmake).await;
    }
    assert!(given.run(&["migrate"], "one").status.success());
    drop(owner);
    postgres.stop().await.unwrap();
}

#[test]
fn a_connection_without_a_verified_certificate_logs_a_warning() {
    let place = Place::new();
    private(&place, "key", &"07".repeat(32));
    let warned = |parameters: &str| {
        let mut command = command(&place, &["clinics", "list"]);
        // No server listens there.
        command.env("DATABASE_URL", format!("postgres://a@0.0.0.0:1/d{parameters}"));
        command.env("SARCOSCREEN_MASTER_KEY_FILE", place.path().join("key"));
        text(&command.output().unwrap().stderr).contains("sslmode=verify-full")
    };
    assert!(warned("") && warned("?sslmode=require"));
    assert!(!warned("?sslmode=verify-full"));
}
