//! What the service and `migrate` report about a database whose migrations differ from those of the program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sarcoscreen::store::private_postgres::Embedded;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Executor as _};

use crate::embedded::place::Place;
use crate::program::{command, text};
use crate::running::{Service, owner};

/// A separate database in the private cluster of a place.
pub(crate) struct Given<'a> {
    place: &'a Place,
    socket: String,
}

impl<'a> Given<'a> {
    /// The database of a running cluster, with a master key of its own.
    pub(crate) fn new(place: &'a Place, postgres: &Embedded) -> Self {
        let key = place.path().join("key");
        fs::write(&key, "07".repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self { place, socket: postgres.connect_options().get_socket().unwrap().display().to_string() }
    }

    /// The URL of the database for a user.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("postgres://{user}@localhost/sarcoscreen?host={}", self.socket)
    }

    /// A command of the service.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.place, arguments);
        command.env("DATABASE_URL", self.url("sarcoscreen_service"));
        command.env("SARCOSCREEN_MASTER_KEY_FILE", self.place.path().join("key"));
        command
    }

    /// Runs a command that must succeed; returns its output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    /// Runs `migrate` as the owner; returns whether it succeeded, and its error output.
    pub(crate) fn migrate(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = self.command(&[&["migrate"], arguments].concat());
        let output = command.env("SARCOSCREEN_OWNER_DATABASE_URL", self.url("sarcoscreen")).output().unwrap();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }
}

async fn execute(owner: &mut PgConnection, sql: &'static str) {
    owner.execute(sql).await.unwrap();
}

const FUTURE: &str = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
    values (9999, 'of a newer program', true, '', 0)";

/// Starts the service, reads its readiness and its log, and stops it. A query, which may name a person, is not in the log.
async fn served(place: &Place, given: &Given<'_>) -> (u16, String) {
    let service = Service::start_as(place, given.command(&["serve"]));
    let status = service.status("/health/ready").await;
    service.status("/fhir/Patient?identifier=Kanarienvogel").await;
    let log = service.log();
    assert!(log.contains("/fhir/Patient") && !log.contains("Kanarienvogel"), "{log}");
    service.stop();
    (status, log)
}

#[tokio::test]
async fn each_migration_state_has_its_own_message() {
    let place = Place::new();
    let postgres = place.start().await.unwrap();
    let given = Given::new(&place, &postgres);
    let mut owner = postgres.connect_options().connect().await.unwrap();

    let (status, log) = served(&place, &given).await;
    // There is no login role yet either.
    assert_eq!(status, 503, "{log}");
    assert!(given.migrate(&[]).0);
    let (status, log) = served(&place, &given).await;
    assert!(status == 200 && !log.contains("WARN"), "{log}");

    execute(&mut owner, FUTURE).await;
    let (status, log) = served(&place, &given).await;
    assert!(status == 200 && log.contains("the migrations 9999, which a newer sarcoscreen applied"), "{log}");
    let (done, said) = given.migrate(&[]);
    assert!(!done && said.contains("9999, which a newer sarcoscreen applied"), "{said}");
    assert!(given.done(&["rules", "verify"]).contains(" 0 differ"), "commands work like the service");
    execute(&mut owner, "delete from _sqlx_migrations where version = 9999").await;

    execute(&mut owner, "update _sqlx_migrations set success = false where version = 38").await;
    let (status, log) = served(&place, &given).await;
    assert!(status == 503 && log.contains("the migrations 38 half applied"), "{log}");
    let (done, said) = given.migrate(&[]);
    assert!(!done && said.contains("the migrations 38 half applied") && said.contains("restore the backup"), "{said}");

    execute(&mut owner, "delete from _sqlx_migrations where version = 38").await;
    let (status, log) = served(&place, &given).await;
    assert!(status == 503 && log.contains("lacks the migrations 38; run `sarcoscreen migrate` as the owner"), "{log}");
    let refused = given.command(&["clinics", "list"]).output().unwrap();
    assert!(!refused.status.success() && text(&refused.stderr).contains("lacks the migrations 38"), "{refused:?}");
    drop(owner);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn the_private_database_of_a_newer_program_is_served_with_a_warning() {
    let place = Place::new();
    Service::start(&place).stop();
    let postgres = place.start().await.unwrap();
    let mut connection = postgres.connect_options().connect().await.unwrap();
    execute(&mut connection, FUTURE).await;
    drop(connection);
    postgres.stop().await.unwrap();
    let service = Service::start(&place);
    assert_eq!(service.status("/health/ready").await, 200);
    assert_eq!(service.logged("the migrations 9999, which a newer sarcoscreen applied").len(), 1);
    let mut connection = owner(&place).connect().await.unwrap();
    let newest = sqlx::query_scalar::<_, i64>("select max(version) from _sqlx_migrations");
    assert_eq!(newest.fetch_one(&mut connection).await.unwrap(), 9999);
    drop(connection);
    service.stop();
}
