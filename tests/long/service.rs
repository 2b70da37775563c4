//! The delivered program on a separate PostgreSQL with durable settings.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use sarcoscreen::app::ambient::System;
use sarcoscreen::app::{App, Policy};
use sarcoscreen::rules::Releases;
use sarcoscreen::store::LOGIN;
use sarcoscreen::store::database::keys::{Keys, MasterKey};
use sarcoscreen::store::database::writer::Grouping;
use sarcoscreen::store::database::{Sizes, Store};
use sarcoscreen::store::private_postgres;
use sarcoscreen::store::private_postgres::Embedded;
use sarcoscreen::store::writers::Writers;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnection;

/// A data folder with a running PostgreSQL and a master key.
pub(crate) struct Place {
    postgres: Embedded,
    /// Whether the build has a login role; earlier builds connect as the owner.
    has_login: bool,
    // Declared last: removed after all its writers have ended.
    folder: tempfile::TempDir,
}

pub(crate) struct Service {
    child: Child,
    base: String,
    http: reqwest::Client,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sarcoscreen-long-").tempdir().unwrap();
        // Under root the server runs as another account, which needs access to its folder.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, &*MasterKey::text(&[7; 32])).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let postgres = private_postgres::start(&private_postgres::Settings::new(folder.path().join("data")), &|_| {})
            .await
            .unwrap();
        let help = Command::new(crate::program()).arg("--help").output().unwrap().stdout;
        let has_login = String::from_utf8_lossy(&help).contains("SARCOSCREEN_OWNER_DATABASE_URL");
        Self { postgres, has_login, folder }
    }

    /// The keys that the service derives from its key file. The database registers its master key with version 1.
    pub(crate) fn keys() -> Keys {
        let keys = Keys::derive(&[MasterKey::parse(&MasterKey::text(&[7; 32])).unwrap()]).unwrap();
        keys.set_versions(vec![1]);
        keys
    }

    /// A connection as the owner.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.postgres.connect_options().connect().await.unwrap()
    }

    /// An application on the database, like the one in the service.
    pub(crate) fn app(&self) -> App {
        let sizes = Sizes { connections: 4, deadline: Duration::from_secs(10), accepted_unsafe_settings: Vec::new() };
        let policy = Policy {
            idempotency_lifetime: Duration::from_hours(1),
            accepted_unsafe_settings: Vec::new(),
            erasure_log: None,
        };
        let store = Store::open(self.postgres.connect_options(), sizes, Self::keys());
        let writers = Writers::start(&store, Grouping::default());
        App::new(store, writers, Releases::load().unwrap(), Arc::new(System), policy)
    }

    /// The log of the PostgreSQL server.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.postgres.data_dir().join("postgres.log")).unwrap()).into_owned()
    }

    /// Runs a command of the program and returns its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The folder of the socket, the account and the database.
    pub(crate) fn coordinates(&self) -> (PathBuf, String, String) {
        let options = self.postgres.connect_options();
        let database = options.get_database().unwrap().to_owned();
        (options.get_socket().unwrap().clone(), options.get_username().to_owned(), database)
    }

    /// The pid of the main PostgreSQL process.
    pub(crate) fn postgres(&self) -> u32 {
        self.postgres.server_pid().try_into().unwrap()
    }

    /// The major version of PostgreSQL.
    pub(crate) fn version(&self) -> u32 {
        self.postgres.version()
    }

    pub(crate) fn serve(&self) -> Service {
        self.serve_with(&[])
    }

    /// Starts the service with environment variables.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)]) -> Service {
        self.serve_into(environment, Stdio::inherit())
    }

    /// Starts the service with environment variables and a destination for its log.
    pub(crate) fn serve_into(&self, environment: &[(&str, &str)], log: Stdio) -> Service {
        Service::start(self.command(&["serve"]).envs(environment.iter().copied()).stderr(log))
    }

    /// A command of the program on this database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (socket, owner, database) = self.coordinates();
        let url = |user: &str| format!("postgres://{user}@localhost/{database}?host={}", socket.display());
        let mut command = Command::new(crate::program());
        command.env("DATABASE_URL", url(if self.has_login { LOGIN } else { &owner }));
        if arguments == ["migrate"] {
            command.env("SARCOSCREEN_OWNER_DATABASE_URL", url(&owner));
        }
        command.env("SARCOSCREEN_MASTER_KEY_FILE", self.folder.path().join("key"));
        command.env("SARCOSCREEN_ERASURE_LOG", self.folder.path().join("erased"));
        command.env("SARCOSCREEN_LISTEN", "127.0.0.1:0").env("SARCOSCREEN_LOG", "error");
        // Other tests and builds may use the same cores.
        command.env("SARCOSCREEN_DATABASE_DEADLINE_MS", "20000");
        command.args(arguments);
        command
    }
}

/// The release build, whatever the profile of the caller.
pub(crate) fn release() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_sarcoscreen")).parent().unwrap().parent().unwrap();
    let program = built.join("release/sarcoscreen");
    assert!(program.exists(), "build it first: cargo build --release");
    program
}

impl Drop for Place {
    /// Stops PostgreSQL before the folder is removed, also after a failed measurement.
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.postgres.server_pid()), Signal::SIGINT);
        let running = self.postgres.data_dir().join("cluster/postmaster.pid");
        let gone = (0..300).any(|_| {
            // The server is not a child of this process, so its end cannot be awaited; its pid file, which is removed last,
            // is polled.
            std::thread::sleep(Duration::from_millis(100));
            !running.exists()
        });
        assert!(gone || std::thread::panicking(), "PostgreSQL does not stop");
    }
}

impl Service {
    /// Starts a service and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let line = lines.find(|line| line.as_ref().unwrap().contains("documentation")).unwrap().unwrap();
        let base = line.split_whitespace().last().unwrap().trim_end_matches("/docs").to_owned();
        Self { child, base, http: reqwest::Client::new() }
    }

    /// The child process, to wait for its end.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.base.trim_start_matches("http://").parse().unwrap()
    }

    /// The pid of the service.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn request(&self, key: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.base)).bearer_auth(key)
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> serde_json::Value {
        let response = self.request(key, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(key).json(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    pub(crate) async fn submit(&self, key: &str, body: &serde_json::Value) {
        let request = self.http.post(format!("{}/v1/submissions", self.base)).bearer_auth(key).json(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    /// Sorted response times of a path in milliseconds, with `at_once` concurrent requests.
    pub(crate) async fn latencies(&self, key: &str, path: &str, at_once: usize, each: usize) -> Vec<f64> {
        let one = || async {
            let mut found = Vec::new();
            for _ in 0..each {
                let start = Instant::now();
                let response = self.request(key, path).send().await.unwrap();
                assert_eq!(response.status(), 200);
                response.bytes().await.unwrap();
                found.push(start.elapsed().as_secs_f64() * 1e3);
            }
            found
        };
        let mut all = futures_util::future::join_all((0..at_once).map(|_| one())).await.concat();
        all.sort_by(f64::total_cmp);
        all
    }

    /// Peak resident memory since the last call of [`Self::forget_peak`], MB.
    pub(crate) fn peak(&self) -> f64 {
        self.memory("VmHWM:")
    }

    /// Resident memory now, MB.
    pub(crate) fn resident(&self) -> f64 {
        self.memory("VmRSS:")
    }

    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn memory(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
