//! A comparable service that a team would write itself, in `benches/peers/`: installed, started on its own database, and
//! stopped.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use sarcoscreen::rules::Releases;

use crate::generator::ask;
use crate::place::Place;
use crate::progress;
use crate::requests::Repeated;
use crate::scores::free_port;
use crate::seed::Size;

/// The key that a peer accepts.
pub(crate) const KEY: &str = "a-key-of-the-benchmark-with-as-many-characters-as-ours";
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");
const UNTIL_READY: Duration = Duration::from_mins(1);

#[derive(Clone, Copy)]
pub(crate) enum Framework {
    Fastify,
    FastApi,
}

/// The rows that a peer writes for a submission: the name of the folder with its schema and statements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One row, and a second one if it is flagged.
    Narrow,
    /// The rows that the service writes.
    Same,
}

/// A running peer.
pub(crate) struct Peer {
    framework: Framework,
    rows: Rows,
    child: Child,
    address: SocketAddr,
    /// A connection to its database.
    owner: PgConnection,
    acknowledged: RefCell<Vec<Uuid>>,
}

impl Framework {
    pub(crate) const ALL: [Self; 2] = [Self::Fastify, Self::FastApi];

    const fn name(self) -> &'static str {
        match self {
            Self::Fastify => "Fastify",
            Self::FastApi => "FastAPI",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Fastify => "fastify",
            Self::FastApi => "fastapi",
        }
    }

    /// The file that fixes the versions of its libraries, and the folder of the libraries.
    const fn libraries(self) -> (&'static str, &'static str) {
        match self {
            Self::Fastify => ("package-lock.json", "node_modules"),
            Self::FastApi => ("requirements.txt", "venv"),
        }
    }

    /// Copies the sources into the build folder, and installs the libraries there unless they are installed.
    fn install(self) -> PathBuf {
        let folder = built().join(self.folder());
        std::fs::create_dir_all(&folder).unwrap();
        for entry in std::fs::read_dir(Path::new(SOURCES).join(self.folder())).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            }
        }
        let (versions, libraries) = self.libraries();
        let (versions, installed) = (std::fs::read(folder.join(versions)).unwrap(), folder.join("installed"));
        if std::fs::read(&installed).is_ok_and(|earlier| earlier == versions) {
            return folder;
        }
        progress(&format!("installing {}", self.name()));
        let _ = std::fs::remove_dir_all(folder.join(libraries));
        let command = |program: &str, arguments: &[&str]| {
            run(Command::new(program).args(arguments).current_dir(&folder));
        };
        match self {
            Self::Fastify => command("npm", &["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]),
            Self::FastApi => {
                command("python3", &["-m", "venv", "venv"]);
                let pip = folder.join("venv/bin/pip").display().to_string();
                command(&pip, &["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"]);
            }
        }
        std::fs::write(installed, versions).unwrap();
        folder
    }

    /// The command that starts it, with one process for each core, as it would be deployed on one machine.
    fn command(self, folder: &Path, port: u16) -> Command {
        let (workers, port) = (processes().to_string(), port.to_string());
        let mut command = match self {
            Self::Fastify => Command::new("node"),
            Self::FastApi => Command::new(folder.join("venv/bin/python")),
        };
        match self {
            Self::Fastify => command.args(["server.js"]).env("NODE_ENV", "production"),
            Self::FastApi => command
                .args(["-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", &port, "--workers", &workers])
                .args(["--no-access-log", "--log-level", "warning"]),
        };
        command.env("PORT", port).env("WORKERS", workers).current_dir(folder);
        command
    }
}

impl Rows {
    pub(crate) const ALL: [Self; 2] = [Self::Narrow, Self::Same];

    fn folder(self) -> PathBuf {
        Path::new(SOURCES).join(self.name())
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Narrow => "narrow",
            Self::Same => "same",
        }
    }

    /// The SQL in a file of its folder.
    fn sql(self, name: &str) -> AssertSqlSafe<String> {
        let path = self.folder().join(name).with_extension("sql");
        AssertSqlSafe(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }
}

impl Peer {
    /// Installs and starts a peer, with a new database on the PostgreSQL of the service.
    pub(crate) async fn start(place: &Place, framework: Framework, rows: Rows) -> Self {
        let folder = framework.install();
        let database = format!("peer_{}_{}", framework.folder(), rows.name());
        let (socket, user, _) = place.coordinates();
        let create = format!("create database {database}");
        place.connect().await.execute(AssertSqlSafe(create)).await.unwrap();
        let options = PgConnectOptions::new_without_pgpass().socket(&socket).username(&user).database(&database);
        let mut owner = options.connect().await.unwrap();
        owner.execute(rows.sql("schema")).await.unwrap();

        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = framework.command(&folder, address.port());
        command.env("PGHOST", socket).env("PGPORT", "5432").env("PGUSER", user).env("PGDATABASE", database);
        command.env("API_KEY", KEY).env("POINTS", points()).env("SQL", rows.folder());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut peer = Self { framework, rows, child, address, owner, acknowledged: RefCell::default() };
        peer.until_ready().await;
        peer
    }

    /// Waits until each of its processes has responded. None of them reports that it is ready, so they are polled.
    async fn until_ready(&mut self) {
        let (start, mut seen) = (Instant::now(), BTreeSet::new());
        while seen.len() < processes() {
            assert!(self.child.try_wait().unwrap().is_none(), "{} ended", self.name());
            assert!(start.elapsed() < UNTIL_READY, "{} does not become ready: {seen:?}", self.name());
            if TcpStream::connect(self.address).await.is_ok() {
                let health = self.get("/health").await;
                seen.insert(health["process"].as_u64().unwrap());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.framework.name()
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The pid of its first process, the parent of the others.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The JSON response to a GET request.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.response(Repeated::get(KEY, path), 200).await
    }

    /// The JSON response to a POST request.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Value {
        self.response(Repeated::post(KEY, path, body), 200).await
    }

    async fn response(&self, request: Repeated, expected: u16) -> Value {
        let (status, answer) = ask(self.address, &request.0).await;
        assert_eq!(status, expected, "{}: {}", self.name(), String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// Fills its worklist with copies of a flagged and an unflagged submission.
    pub(crate) async fn fill(&mut self, Size { submissions, open, closed }: Size) {
        for (key, age, falls) in [("flagged", 85, 5), ("unflagged", 50, 0)] {
            let difficulty = if falls > 0 { "a_lot_or_unable" } else { "none" };
            let answers = json!({"age": age, "falls_past_year": falls, "stair_difficulty": difficulty,
                "activity": "inactive", "medications": [], "smoker": falls > 0});
            let body = json!({ "answers": answers }).to_string();
            let receipt = self.response(Repeated::submission(KEY, key, &body), 201).await;
            assert_eq!(receipt["assessment"]["flagged"], falls > 0, "{receipt}");
        }
        // Losing these rows would end the measurement anyway, so their commits are asynchronous.
        self.owner.execute("set synchronous_commit = off").await.unwrap();
        self.owner.execute(self.rows.sql("seed")).await.unwrap();
        let sql = format!("select seed({submissions}, {open}, {closed})");
        self.owner.execute(AssertSqlSafe(sql)).await.unwrap();
        for table in ["submissions", "follow_ups"] {
            self.owner.execute(AssertSqlSafe(format!("vacuum (analyze) {table}"))).await.unwrap();
        }
    }

    /// Stores acknowledged ids.
    pub(crate) fn keep_ids(&self, ids: &[Uuid]) {
        self.acknowledged.borrow_mut().extend_from_slice(ids);
    }

    /// Fails unless the database contains every acknowledged submission with all its rows, no other one, and a
    /// follow-up for each flagged one.
    pub(crate) async fn compare(&mut self) -> String {
        let acknowledged = self.acknowledged.get_mut();
        let check = self.rows.sql("check");
        let (stored, found, flagged, followed, whole): (i64, i64, i64, i64, i64) =
            sqlx::query_as(check).bind(&*acknowledged).fetch_one(&mut self.owner).await.unwrap();
        let sent = acknowledged.len() as i64;
        assert_eq!(
            (stored, found, followed, whole),
            (sent, sent, flagged, sent),
            "stored, found again, followed up and whole, against 201s and flagged ones"
        );
        format!(
            "{}, {} rows: {sent} answers 201, {stored} submissions stored with all their rows, {found} of those ids \
             among them; {:.1} % flagged, each with a follow-up.",
            self.framework.name(),
            self.rows.name(),
            100.0 * flagged as f64 / stored as f64
        )
    }
}

impl Drop for Peer {
    /// Sends SIGTERM to the first process, which stops the others.
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// Its number of processes: one for each core.
fn processes() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

/// The folder of the peers in the build folder.
fn built() -> PathBuf {
    crate::program().ancestors().nth(2).unwrap().join("peers")
}

/// Writes the points of the current rule table, which the peers read.
fn points() -> PathBuf {
    let releases = Releases::load().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules").join(&*releases.current().table.version);
    let mut command = Command::new("python3");
    let output = command.arg(Path::new(SOURCES).join("points.py")).arg(rules).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let points = built().join("points.json");
    std::fs::write(&points, output.stdout).unwrap();
    points
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
