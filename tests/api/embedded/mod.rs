//! The private PostgreSQL: what a start finds, what it refuses, and what survives a crash.

pub(crate) mod place;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use sarcoscreen::store::private_postgres;
use sarcoscreen::store::private_postgres::{Embedded, EmbeddedError, Settings};
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use self::place::Place;

async fn connect(embedded: &Embedded) -> PgConnection {
    embedded.connect_options().connect().await.unwrap()
}

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("select current_setting($1)").bind(name).fetch_one(connection).await.unwrap()
}

async fn remember(embedded: &Embedded) {
    let mut connection = connect(embedded).await;
    connection.execute("create table kept (note text)").await.unwrap();
    connection.execute("insert into kept values ('here')").await.unwrap();
}

async fn remembered(embedded: &Embedded) -> String {
    let mut connection = connect(embedded).await;
    sqlx::query_scalar("select note from kept").fetch_one(&mut connection).await.unwrap()
}

/// A process of the account that owns `path`; it runs until it is killed.
fn bystander(path: &Path) -> Child {
    let owner = fs::metadata(path).unwrap();
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).uid(owner.uid()).gid(owner.gid()).spawn().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_second_start_finds_what_the_first_one_stored() {
    let place = Place::new();
    let first = place.start().await.unwrap();
    remember(&first).await;
    first.stop().await.unwrap();

    let second = place.start().await.unwrap();
    assert!(!second.adopted());
    assert_eq!(remembered(&second).await, "here");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_is_durable_closed_to_the_network_and_logs_no_data() {
    let place = Place::new();
    let embedded = place.start().await.unwrap();
    let mut connection = connect(&embedded).await;
    let expected = [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("server_encoding", "UTF8"),
        ("log_statement", "none"),
        ("log_error_verbosity", "terse"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
    ];
    for (name, value) in expected {
        assert_eq!(setting(&mut connection, name).await, value, "{name}");
    }
    let major = setting(&mut connection, "server_version_num").await;
    assert_eq!(major.parse::<u32>().unwrap() / 10_000, embedded.version());
    connection.close().await.unwrap();
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_row_that_breaks_a_constraint_is_not_shown_in_the_server_log() {
    let place = Place::new();
    let embedded = place.start().await.unwrap();
    let mut connection = connect(&embedded).await;
    connection.execute("create table seen (name text check (name = 'x'))").await.unwrap();
    let insert = sqlx::query("insert into seen values ($1)").bind("Erika Mustermann");
    let error = insert.execute(&mut connection).await.unwrap_err().to_string();
    assert!(error.contains("violates check constraint"), "{error}");
    embedded.stop().await.unwrap();

    let log = fs::read_to_string(place.data().join("postgres.log")).unwrap();
    assert!(log.contains("violates check constraint"), "{log}");
    assert!(!log.contains("Mustermann"), "{log}");
}

#[tokio::test]
async fn only_its_accounts_can_read_the_data_folder() {
    let place = Place::new();
    let embedded = place.start().await.unwrap();
    let data = embedded.data_dir();
    assert_eq!(mode(data), if geteuid().is_root() { 0o711 } else { 0o700 });
    for (name, expected) in [("cluster", 0o700), ("run", 0o700), ("lock", 0o600), ("postgres.log", 0o600)] {
        assert_eq!(mode(&data.join(name)), expected, "{name}");
    }
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn two_starts_on_one_folder_name_the_process_that_holds_it() {
    let place = Place::new();
    let first = place.start().await.unwrap();
    let error = place.start().await.unwrap_err();
    let own = std::process::id().to_string();
    assert!(matches!(&error, EmbeddedError::InUse { pid, .. } if *pid == own), "{error}");
    first.stop().await.unwrap();
    place.start().await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_server_left_running_is_adopted_and_can_be_stopped() {
    let place = Place::new();
    let first = place.start().await.unwrap();
    remember(&first).await;
    let pid = first.server_pid();
    drop(first);

    let second = place.start().await.unwrap();
    assert!(second.adopted());
    assert_eq!(second.server_pid(), pid);
    assert_eq!(remembered(&second).await, "here");
    let options = second.connect_options();
    second.stop().await.unwrap();
    assert!(options.connect().await.is_err());
}

#[tokio::test]
async fn a_killed_server_recovers_committed_data() {
    let place = Place::new();
    let first = place.start().await.unwrap();
    remember(&first).await;
    let killed = first.server_pid();
    kill(Pid::from_raw(killed), Signal::SIGKILL).unwrap();
    drop(first);

    let second = place.start().await.unwrap();
    assert_ne!(second.server_pid(), killed);
    assert_eq!(remembered(&second).await, "here");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_stale_process_id_of_a_foreign_process_does_not_block_a_start() {
    let place = Place::new();
    place.start().await.unwrap().stop().await.unwrap();
    let data = place.data();
    let mut foreign = bystander(&data.join("cluster"));
    let lock = format!("{}\n{}\n", foreign.id(), data.join("cluster").display());
    place.write("postmaster.pid", &lock);
    fs::write(data.join("run/.s.PGSQL.5432.lock"), lock).unwrap();
    let outcome = place.start().await;
    foreign.kill().unwrap();
    foreign.wait().unwrap();
    outcome.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn an_incomplete_cluster_is_created_again() {
    let place = Place::new();
    place.start().await.unwrap().stop().await.unwrap();
    let data = place.data();
    fs::rename(data.join("cluster"), data.join("cluster.new")).unwrap();
    place.start().await.unwrap().stop().await.unwrap();
    assert!(!data.join("cluster.new").exists());
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_reported_with_its_log() {
    let place = Place::new();
    place.start().await.unwrap().stop().await.unwrap();
    place.write("postgresql.conf", "no_such_setting = 1\n");
    let error = place.start().await.unwrap_err();
    assert!(matches!(error, EmbeddedError::NotReady { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_cluster_without_matching_programs_is_refused_with_both_versions() {
    let place = Place::new();
    let first = place.start().await.unwrap();
    let version = first.version();
    first.stop().await.unwrap();
    place.write("PG_VERSION", "14\n");
    let error = place.start().await.unwrap_err().to_string();
    assert!(error.contains("written by PostgreSQL 14"), "{error}");
    assert!(error.contains(&format!("PostgreSQL {version} (")), "{error}");
}

#[tokio::test]
async fn without_programs_and_pip_the_error_names_both_solutions() {
    let place = Place::new();
    let settings =
        Settings { search_system: false, python: place.data().join("no-python"), ..Settings::new(place.data()) };
    let error = private_postgres::start(&settings, &|_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Missing { .. }), "{error}");
    for way in ["apt-get install postgresql", "DATABASE_URL"] {
        assert!(error.to_string().contains(way), "{error}");
    }
}

#[tokio::test]
async fn a_start_after_a_failed_one_may_choose_another_account() {
    let place = Place::new();
    let without = Settings { search_system: false, python: "/no/python".into(), ..Settings::new(place.data()) };
    private_postgres::start(&without, &|_| ()).await.unwrap_err();
    if geteuid().is_root() {
        // The first start ran without the account `postgres`. The PostgreSQL package adds that account later.
        chown(place.data().join("run"), Some(12_345), Some(12_345)).unwrap();
    }
    place.start().await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn missing_programs_are_reported_with_their_folder() {
    let place = Place::new();
    let settings = Settings { postgres_bin: Some("/no/such/bin".into()), ..place.settings() };
    let error = private_postgres::start(&settings, &|_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Unusable { .. }), "{error}");
    assert!(error.to_string().contains("/no/such/bin"), "{error}");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_private_short_folder() {
    let place = Place::new();
    let settings = Settings { data_dir: place.data().join("long, \"quoted\" ".repeat(8)), ..place.settings() };
    let embedded = private_postgres::start(&settings, &|_| ()).await.unwrap();
    let socket = embedded.connect_options().get_socket().unwrap().clone();
    assert!(!socket.starts_with(place.data()));
    assert_eq!(mode(&socket), 0o700);
    embedded.stop().await.unwrap();
    fs::remove_dir(&socket).unwrap();

    // A symbolic link of another user in the shared parent is not followed.
    symlink(place.path(), &socket).unwrap();
    let error = private_postgres::start(&settings, &|_| ()).await.unwrap_err();
    fs::remove_file(&socket).unwrap();
    assert!(matches!(error, EmbeddedError::Unfit { .. }), "{error}");
}

#[tokio::test]
async fn a_comma_in_the_path_does_not_split_the_socket_folder() {
    let place = Place::new();
    let settings = Settings { data_dir: place.path().join("a, \"b\""), ..place.settings() };
    let embedded = private_postgres::start(&settings, &|_| ()).await.unwrap();
    assert_eq!(embedded.connect_options().get_socket(), Some(&embedded.data_dir().join("run")));
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_that_others_can_write_is_refused() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), Permissions::from_mode(0o1777)).unwrap();
    let error = place.start().await.unwrap_err();
    assert!(matches!(error, EmbeddedError::Unfit { .. }), "{error}");
    assert_eq!(mode(&place.data()), 0o1777);
}

#[tokio::test]
async fn a_folder_inaccessible_to_the_server_account_is_reported() {
    let place = Place::new();
    fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    match place.start().await {
        Err(error @ EmbeddedError::Closed { .. }) if geteuid().is_root() => {
            let named = place.path().canonicalize().unwrap().display().to_string();
            assert!(error.to_string().contains(&named), "{error}");
        }
        // The account of the test itself always has access.
        Ok(embedded) if !geteuid().is_root() => embedded.stop().await.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]

async fn without_installed_programs_the_pinned_build_is_downloaded_once() {
    let place = Place::new();
    let settings = Settings { search_system: false, ..Settings::new(place.data()) };
    let said = std::cell::RefCell::new(Vec::new());
    let progress = |line: &str| said.borrow_mut().push(line.to_owned());
    for _ in 0..2 {
        let embedded = private_postgres::start(&settings, &progress).await.unwrap();
        assert_eq!(embedded.version(), 18);
        embedded.stop().await.unwrap();
    }
    let obtained = said.borrow().iter().filter(|line| line.starts_with("obtaining")).count();
    assert_eq!(obtained, 1);
}
