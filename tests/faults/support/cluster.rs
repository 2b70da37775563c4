//! A PostgreSQL over TCP that a test can kill, freeze, fill and configure.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::until;

/// The owner of the cluster and the name of its database.
const NAME: &str = "sarcoscreen";
/// Below the ephemeral port range of the system, so that a restarted server finds its port free.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Settings of every test. Settings that a test changes at run time are not among them: a setting of the command line
/// cannot be changed.
const SETTINGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "timezone=UTC",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
];

pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Starts a server on a copy of a stopped cluster.
    pub(super) async fn copied(original: &Path, folder: &Path, programs: &Path) -> Self {
        let copied = Command::new("cp").arg("-a").arg(original).arg(folder).status().unwrap();
        assert!(copied.success(), "the cluster is not copied");
        let hosts = "host all all 127.0.0.1/32 trust\n";
        std::fs::write(folder.join("pg_hba.conf"), hosts).unwrap();
        let mut cluster =
            Self { folder: folder.to_owned(), programs: programs.to_owned(), port: free_port(), server: None };
        cluster.start().await;
        cluster
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Options to connect as the owner, a superuser.
    fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port);
        options.username(NAME).database(NAME).application_name("test").ssl_mode(PgSslMode::Disable)
    }

    /// A connection as the owner.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.options().connect().await.unwrap()
    }

    /// Starts the server and waits until it accepts connections.
    pub(crate) async fn start(&mut self) {
        self.launch();
        until("PostgreSQL accepts connections", Duration::from_mins(1), async || self.answers().await).await;
    }

    pub(crate) fn launch(&mut self) {
        let owner = std::fs::metadata(&self.folder).unwrap();
        let log = || File::options().create(true).append(true).open(self.folder.with_extension("log")).unwrap();
        let mut command = Command::new(self.programs.join("postgres"));
        command.arg("-D").arg(&self.folder).arg("-c").arg(format!("port={}", self.port));
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
        // PostgreSQL refuses to run as root. A process group of its own protects it from Ctrl-C; the guard of the run stops
        // it.
        command.uid(owner.uid()).gid(owner.gid()).process_group(0);
        self.server = Some(command.stdout(log()).stderr(log()).spawn().unwrap());
    }

    /// Whether the server accepts a connection.
    pub(crate) async fn answers(&self) -> bool {
        let connected = tokio::time::timeout(Duration::from_secs(5), self.options().connect()).await;
        match connected {
            Ok(Ok(connection)) => connection.close().await.is_ok(),
            _ => false,
        }
    }

    pub(crate) fn ended(&mut self) -> bool {
        self.server.as_mut().is_none_or(|server| server.try_wait().unwrap().is_some())
    }

    /// Kills every process of the server at once, as when its machine stops.
    pub(crate) async fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        server.kill().unwrap();
        kill_all(&self.folder).await;
        server.wait().unwrap();
        // Another process may have this pid by now; the next server would then not start.
        let _ = std::fs::remove_file(self.folder.join("postmaster.pid"));
    }

    /// Changes a setting of the running server; `None` resets it.
    pub(crate) async fn set(&self, name: &str, value: Option<&str>) {
        let before = self.shown(name).await;
        let sql = match value {
            Some(value) => format!("alter system set {name} = '{value}'"),
            None => format!("alter system reset {name}"),
        };
        let mut connection = self.connect().await;
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        connection.execute("select pg_reload_conf()").await.unwrap();
        connection.close().await.unwrap();
        let in_force = async || {
            let shown = self.shown(name).await;
            value.map_or(shown != before, |value| shown == value)
        };
        until("the setting is in force", Duration::from_secs(10), in_force).await;
    }

    /// Lets the running server acknowledge transactions before they are written, until it is killed.
    pub(crate) async fn acknowledge_before_writing(&self) {
        self.set("synchronous_commit", Some("off")).await;
        // The WAL writer is frozen: data that it passes to the system would survive the kill of the server.
        let writer = "select pid from pg_stat_activity where backend_type = 'walwriter'";
        let writer: i32 = sqlx::query_scalar(writer).fetch_one(&mut self.connect().await).await.unwrap();
        kill(Pid::from_raw(writer), Signal::SIGSTOP).unwrap();
    }

    /// The value of a setting in a new session.
    async fn shown(&self, name: &str) -> String {
        let shown = sqlx::query_scalar("select current_setting($1)").bind(name);
        shown.fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// The server processes of the service's connections.
    pub(crate) async fn backends(&self) -> Vec<Pid> {
        let sql = "select pid from pg_stat_activity where application_name = 'sarcoscreen' and pid <> pg_backend_pid()";
        let found: Vec<i32> = sqlx::query_scalar(sql).fetch_all(&mut self.connect().await).await.unwrap();
        found.into_iter().map(Pid::from_raw).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        for process in processes(&self.folder) {
            let _ = kill(process, Signal::SIGCONT);
        }
        // Stops immediately and frees the shared memory.
        let _ = kill(Pid::from_raw(i32::try_from(server.id()).unwrap()), Signal::SIGQUIT);
        for _ in 0..100 {
            if !matches!(server.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = server.kill();
        let _ = server.wait();
        for process in processes(&self.folder) {
            let _ = kill(process, Signal::SIGKILL);
        }
    }
}

/// Kills every process of the server on this folder, and waits until they have ended.
pub(crate) async fn kill_all(folder: &Path) {
    until("the processes of PostgreSQL are gone", Duration::from_secs(30), async || {
        let left = processes(folder);
        for process in &left {
            // The process may have ended already.
            let _ = kill(*process, Signal::SIGKILL);
        }
        left.is_empty()
    })
    .await;
}

/// The processes of the server on this folder: it is their working directory.
fn processes(folder: &Path) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let there = entries.filter(|entry| {
        let home = entry.path();
        std::fs::read_link(home.join("cwd")).is_ok_and(|at| at == folder)
            && std::fs::read_to_string(home.join("comm")).is_ok_and(|name| name.starts_with("postgres"))
    });
    there.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw)).collect()
}

/// A port that is currently free.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let size = PORTS.end - PORTS.start;
    let first = u16::try_from(std::process::id() * 31 % u32::from(size)).unwrap();
    let candidates = (0..size).map(|_| PORTS.start + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % size);
    candidates.into_iter().find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap()
}
