//! The private PostgreSQL of the whole run. It starts with the first test and stops when the test process ends, however it
//! ends: a helper process waits on a pipe that only this process holds.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

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

impl Cluster {
    /// Creates a database with the schema.
    pub(super) async fn create_from_template(&self, name: &str) {
        let _one_at_a_time = self.copying.lock().await;
        let mut connection = self.options.clone().database("postgres").connect().await.unwrap();
        let sql = format!("create database {name} template {TEMPLATE}");
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
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

async fn start_cluster() -> Cluster {
    let folder = tempfile::Builder::new().prefix("sarcoscreen-test-").tempdir().unwrap().keep();
    // Under root the server runs as another account, which needs access to its folder.
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let postgres = private_postgres::start(&private_postgres::Settings::new(&folder), &|_| {}).await.unwrap();
    stop_with_this_process(postgres.server_pid(), &folder);
    let options = postgres.connect_options();
    let mut connection = options.connect().await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("create database {TEMPLATE}"))).await.unwrap();
    connection.close().await.unwrap();
    let template = options.clone().database(TEMPLATE);
    schema::migrate(&template, LOGIN, None).await.unwrap();
    let app = app(&template, Arc::new(System), &[7], None);
    app.prepare().await.unwrap();
    sarcoscreen::app::health::close(&app).await;
    *POSTGRES.lock().unwrap() = Some(postgres);
    Cluster { options, folder, copying: tokio::sync::Mutex::new(()) }
}

/// Stops PostgreSQL and removes its folder when this process ends, even by a signal: the shell reads until the pipe closes,
/// and only this process holds the pipe.
fn stop_with_this_process(pid: i32, folder: &std::path::Path) {
    let script = "cat > /dev/null; kill -INT $0; while kill -0 $0 2> /dev/null; do sleep 0.1; done; rm -rf -- \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, &pid.to_string()]).arg(folder).stdin(Stdio::piped()).process_group(0);
    let child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    *STOPPER.lock().unwrap() = Some(child);
}
