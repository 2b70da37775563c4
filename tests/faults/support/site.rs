//! The site of one scenario: a PostgreSQL with clinics, and the service on it.

use std::fs::{File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sarcoscreen::store::LOGIN;
use sarcoscreen::store::database::keys::MasterKey;
use tempfile::TempDir;
use tokio::sync::MutexGuard;

use super::client::{self, Line};
use super::cluster::Cluster;
use super::run::{Clinic, TURN, run};
use super::until;
use crate::service::Service;

pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    pub(crate) clinics: &'static [Clinic],
    // Declared last: the folder is removed after the server has ended, and the next scenario starts after that.
    pub(crate) folder: Folder,
}

/// The folder of a scenario, which holds the lock of the run.
pub(crate) struct Folder {
    path: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Folder {
    /// Waits for the lock of the run, and creates the folder.
    pub(crate) async fn new() -> Self {
        let turn = TURN.lock().await;
        let path = tempfile::Builder::new().prefix("site-").tempdir_in(&run().await.folder).unwrap();
        std::fs::set_permissions(path.path(), Permissions::from_mode(0o711)).unwrap();
        let key = path.path().join("key");
        std::fs::write(&key, &*MasterKey::text(&[7; 32])).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        Self { path, _turn: turn }
    }

    pub(crate) fn path(&self) -> &Path {
        self.path.path()
    }

    /// Starts a service whose log is written into the folder.
    pub(crate) fn start(&self, command: &mut Command) -> Service {
        let log = File::options().create(true).append(true).open(self.path().join("service.log")).unwrap();
        command.env("SARCOSCREEN_LISTEN", "127.0.0.1:0").env("SARCOSCREEN_LOG", "warn");
        command.env("SARCOSCREEN_WEBHOOK_ALLOW", "127.0.0.1");
        // No rate limits: the few clients of the test send as many requests as thousands of real clients.
        command.env("SARCOSCREEN_RATE_PER_CREDENTIAL", "0").env("SARCOSCREEN_RATE_PER_CLINIC", "0");
        let service = Service::start(command.arg("serve").stderr(log));
        let process = service.process().to_string();
        std::fs::write(self.path().join(format!("service-{process}.pid")), process).unwrap();
        service
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.path().join("service.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            println!("the end of the service's log:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
    }
}

impl Site {
    /// A server with durable settings.
    pub(crate) async fn new() -> Self {
        let folder = Folder::new().await;
        let path = folder.path().join("cluster");
        Self::on(folder, &path).await
    }

    /// A server with its data in a given folder.
    pub(crate) async fn on(folder: Folder, path: &Path) -> Self {
        let run = run().await;
        let cluster = Cluster::copied(&run.cluster, path, &run.programs).await;
        Self { cluster, clinics: &run.clinics, folder }
    }

    /// Starts the service on the server.
    pub(crate) fn serve(&self, environment: &[(&str, &str)]) -> Service {
        self.serve_through(self.cluster.port(), environment)
    }

    /// Starts the service on the server, through another port.
    pub(crate) fn serve_through(&self, port: u16, environment: &[(&str, &str)]) -> Service {
        self.serve_program(&crate::program(), port, environment)
    }

    /// Starts another build of the service.
    pub(crate) fn serve_program(&self, program: &Path, port: u16, environment: &[(&str, &str)]) -> Service {
        let mut command = Command::new(program);
        command.env("DATABASE_URL", format!("postgres://{LOGIN}@127.0.0.1:{port}/sarcoscreen?sslmode=disable"));
        command.env("SARCOSCREEN_MASTER_KEY_FILE", self.folder.path().join("key"));
        command.env("SARCOSCREEN_ERASURE_LOG", self.folder.path().join("erased"));
        self.folder.start(command.envs(environment.iter().copied()))
    }
}

/// The status of the readiness endpoint; `None` without a response.
pub(crate) async fn readiness(address: SocketAddr) -> Option<u16> {
    let asked = Line::new(address).ask(client::get("", "/health/ready").as_bytes()).await;
    asked.ok().map(|answer| answer.status)
}

/// Waits until a service is ready.
pub(crate) async fn ready(address: SocketAddr) -> Duration {
    until("the service is ready", Duration::from_secs(30), async || readiness(address).await == Some(200)).await
}

/// Sends SIGTERM to a service.
pub(crate) fn ask_to_end(service: &Service) {
    kill(Pid::from_raw(service.process().try_into().unwrap()), Signal::SIGTERM).unwrap();
}

/// Waits until a service has ended; `None` if it has not ended in time.
pub(crate) async fn ended(service: &mut Service, most: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < most {
        if let Some(status) = service.child().try_wait().unwrap() {
            return Some(status);
        }
        // A blocking wait for the process would block the clients of this runtime.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}
