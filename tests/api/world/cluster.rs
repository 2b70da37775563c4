//! The PostgreSQL of the whole run. By default it is a private one, which starts with the first test. It always stops when
//! the test process ends, because a helper process waits on a pipe that only the test process holds.
//!
//! With `TEST_DATABASE_ADMIN_URL` the tests use the server at that address. The role in the URL must be a superuser, and the
//! server must let the login role of the service in without a password or with the same one. Databases of earlier runs are
//! dropped. `TEST_TEMPLATE_SQL` lists files, separated by colons, with statements that run on the template database once it is
//! migrated, such as `migrations/scale/citus.sql`. Tests that restart or damage a server still start a private one.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::statvfs::statvfs;
use sarcoscreen::app::ambient::System;
use sarcoscreen::store::database::schema;
use sarcoscreen::store::{LOGIN, private_postgres};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::OnceCell;

use super::app;

pub(super) struct Cluster {
    pub(super) options: PgConnectOptions,
    pub(super) folder: PathBuf,
    // PostgreSQL copies a template only if no other session uses it.
    copying: tokio::sync::Mutex<()>,
}

const TEMPLATE: &str = "sarcoscreen_template";
/// More bytes than all concurrent databases and their WAL need.
const ROOM: u64 = 8 << 30;

impl Cluster {
    /// Creates a database with the schema.
    pub(super) async fn create_from_template(&self, name: &str) {
        let _one_at_a_time = self.copying.lock().await;
        let mut connection = self.options.clone().database("postgres").connect().await.unwrap();
        for sql in [
            // Citus keeps a session of its own in every database.
            format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{TEMPLATE}'"),
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} template {TEMPLATE}"),
        ] {
            connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        }
        connection.close().await.unwrap();
    }
}

/// Kept until the process ends: it holds the lock on the folder.
static POSTGRES: Mutex<Option<private_postgres::Embedded>> = Mutex::new(None);
/// Kept until the process ends: it holds the pipe.
static STOPPER: Mutex<Option<std::process::Child>> = Mutex::new(None);

/// The PostgreSQL of this run, started on first use.
pub(super) async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start_cluster).await
}

#[expect(clippy::disallowed_methods, reason = "a test is no program with settings")]
async fn start_cluster() -> Cluster {
    let folder = tempfile::Builder::new().prefix("sarcoscreen-test-").tempdir_in(parent()).unwrap().keep();
    let options = match std::env::var("TEST_DATABASE_ADMIN_URL") {
        Ok(url) => {
            clean_up_after_this_process(None, &folder);
            url.parse().unwrap()
        }
        Err(_) => start_private(&folder).await,
    };
    let mut connection = options.clone().database("postgres").connect().await.unwrap();
    for sql in [format!("drop database if exists {TEMPLATE} with (force)"), format!("create database {TEMPLATE}")] {
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
    connection.close().await.unwrap();
    let template = options.clone().database(TEMPLATE);
    schema::migrate(&template, LOGIN, None).await.unwrap();
    let mut owner = template.connect().await.unwrap();
    // Without the variable, `split_paths` would yield one empty path.
    let files = std::env::var_os("TEST_TEMPLATE_SQL").unwrap_or_default();
    for file in std::env::split_paths(&files).filter(|file| !file.as_os_str().is_empty()) {
        let statements = std::fs::read_to_string(file).unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut owner).await.unwrap();
    }
    owner.close().await.unwrap();
    let app = app(&template, Arc::new(System), &[7], None);
    app.prepare().await.unwrap();
    sarcoscreen::app::health::close(&app).await;
    Cluster { options, folder, copying: tokio::sync::Mutex::new(()) }
}

/// Where the databases are: in memory, if it has room for them, because they live for seconds.
fn parent() -> PathBuf {
    const MEMORY: &str = "/dev/shm";
    let free = statvfs(MEMORY).map_or(0, |found| found.blocks_available() * found.fragment_size());
    if free >= ROOM { PathBuf::from(MEMORY) } else { std::env::temp_dir() }
}

async fn start_private(folder: &Path) -> PgConnectOptions {
    // Under root the server runs as another account, which needs access to its folder.
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let postgres = private_postgres::start(&private_postgres::Settings::new(folder), &|_| {}).await.unwrap();
    clean_up_after_this_process(Some(postgres.server_pid()), folder);
    let options = postgres.connect_options();
    *POSTGRES.lock().unwrap() = Some(postgres);
    options
}

/// Stops PostgreSQL and removes its folder when this process ends, even by a signal: the shell reads until the pipe closes,
/// and only this process holds the pipe.
fn clean_up_after_this_process(server_pid: Option<i32>, folder: &Path) {
    let stop = server_pid
        .map(|pid| format!("kill -INT {pid}; while kill -0 {pid} 2> /dev/null; do sleep 0.1; done; "))
        .unwrap_or_default();
    let script = format!("cat > /dev/null; {stop}rm -rf -- \"$0\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(folder).stdin(Stdio::piped()).process_group(0);
    let child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    *STOPPER.lock().unwrap() = Some(child);
}
