//! The server process: settings, start and stop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::account::Account;
use super::error::{EmbeddedError, Result};
use super::leftover;
use super::log::ServerLog;
use super::programs::Programs;
use crate::domain::causes::with_causes;

/// Settings that the service relies on. On the command line they override every configuration file.
const SETTINGS: [&str; 17] = [
    "cluster_name=sarcoscreen",
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "port=5432",
    "max_connections=100",
    // A committed transaction is on disk.
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    // Patient data stays out of the log: no statements, no parameters, and, with terse errors, no DETAIL line, which would
    // show the row that violated a constraint.
    "log_statement=none",
    "log_min_duration_statement=-1",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
];
/// How long a starting server may take to respond.
const START: Duration = Duration::from_mins(1);
/// Time limit of a fast shutdown, and of the immediate one that follows it.
const FAST: Duration = Duration::from_secs(30);
const IMMEDIATE: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(15);
/// Pause between two checks of an adopted server.
const WATCH: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Server {
    pid: Pid,
    child: Option<Child>,
    cluster: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// The database of the service responds.
    Ready,
    /// The server reports that it is starting, recovering or stopping.
    Starting,
    /// No response, or no free connection.
    Silent,
}

impl Server {
    /// Starts `postgres` on the cluster. Does not wait until it is ready.
    pub(super) fn spawn(
        programs: &Programs,
        account: &Account,
        cluster: &Path,
        socket: &Path,
        log: &ServerLog,
    ) -> Result<Self> {
        let mut command = account.command(&programs.path("postgres"));
        command.arg("-D").arg(cluster);
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        // PostgreSQL reads a list here. The quotes keep a path with a comma in one piece.
        let socket = socket.to_string_lossy().replace('"', "\"\"");
        command.arg("-c").arg(format!("unix_socket_directories=\"{socket}\""));
        let failed = |output| EmbeddedError::Program { program: "postgres", output };
        let child =
            command.stdout(log.handle()?).stderr(log.handle()?).spawn().map_err(|error| failed(error.to_string()))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| failed("it ended at once".to_owned()))?;
        Ok(Self { pid: Pid::from_raw(pid), child: Some(child), cluster: cluster.to_owned() })
    }

    pub(super) fn adopt(pid: Pid, cluster: &Path) -> Self {
        Self { pid, child: None, cluster: cluster.to_owned() }
    }

    /// Waits until the database responds. Stops the server if it never does.
    pub(super) async fn ready(&mut self, options: &PgConnectOptions, log: &ServerLog) -> Result<()> {
        let answer = self.await_answer(options).await;
        if !matches!(answer, Ok(None))
            && let Err(error) = self.stop().await
        {
            tracing::warn!(error = %with_causes(&error), "the server of a failed start did not stop");
        }
        match answer? {
            None => Ok(()),
            Some(reason) => Err(EmbeddedError::NotReady { reason, log: log.tail() }),
        }
    }

    /// Stops the server with a fast shutdown, then an immediate one if necessary.
    pub(super) async fn stop(&mut self) -> Result<()> {
        for (signal, patience) in [(Signal::SIGINT, FAST), (Signal::SIGQUIT, IMMEDIATE)] {
            self.signal(signal)?;
            if self.gone_within(patience).await? {
                return Ok(());
            }
            tracing::warn!(pid = self.pid(), %signal, "PostgreSQL has not stopped in time");
        }
        Err(EmbeddedError::NotStopped { pid: self.pid(), reason: "it ignores signals".to_owned() })
    }

    /// Waits until the process ends by itself, and returns the reason.
    pub(super) async fn ended(&mut self) -> String {
        if let Some(child) = &mut self.child {
            return match child.wait().await {
                Ok(status) => format!("it ended with {status}"),
                Err(error) => format!("it cannot be watched: {error}"),
            };
        }
        // The system reports the end of child processes only.
        while self.runs() {
            sleep(WATCH).await;
        }
        "its process is gone".to_owned()
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    pub(super) fn adopted(&self) -> bool {
        self.child.is_none()
    }

    pub(super) fn runs(&self) -> bool {
        leftover::runs_on(&self.cluster, self.pid)
    }

    /// `None` once the database responds, otherwise the reason why it does not.
    async fn await_answer(&mut self, options: &PgConnectOptions) -> Result<Option<String>> {
        let mut deadline = Instant::now() + START;
        while Instant::now() < deadline {
            match probe(options).await? {
                Probe::Ready => return Ok(None),
                // Recovery after a crash has no time limit.
                Probe::Starting => deadline = Instant::now() + START,
                Probe::Silent => {}
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Ok(Some(format!("it ended with {status}")));
            }
            // The server sends no event when it is ready, so it is polled.
            sleep(PAUSE).await;
        }
        Ok(Some(format!("it did not answer within {} s", START.as_secs())))
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        // The id of an ended process may already belong to another process.
        let over = match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(Some(_))),
            None => !self.runs(),
        };
        if over {
            return Ok(());
        }
        match kill(self.pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(EmbeddedError::NotStopped { pid: self.pid(), reason: errno.to_string() }),
        }
    }

    async fn gone_within(&mut self, patience: Duration) -> Result<bool> {
        let pid = self.pid();
        if let Some(child) = &mut self.child {
            return match timeout(patience, child.wait()).await {
                Ok(Ok(_)) => Ok(true),
                Ok(Err(error)) => Err(EmbeddedError::NotStopped { pid, reason: error.to_string() }),
                Err(_) => Ok(false),
            };
        }
        // Not a child process, so its end must be polled.
        let deadline = Instant::now() + patience;
        while self.runs() {
            if Instant::now() > deadline {
                return Ok(false);
            }
            sleep(PAUSE).await;
        }
        Ok(true)
    }
}

/// Tries to connect, and creates the database if the server runs without it. Fails when the server refuses for a reason
/// that waiting does not resolve.
pub(super) async fn probe(options: &PgConnectOptions) -> Result<Probe> {
    let outcome = ask(options).await;
    match &outcome {
        // invalid_catalog_name: the first start, or one killed right after initdb.
        Err(EmbeddedError::Refused(sqlx::Error::Database(error))) if error.code().as_deref() == Some("3D000") => {
            let mut connection = options.clone().database("postgres").connect().await?;
            connection.execute("create database sarcoscreen").await?;
            connection.close().await?;
            Ok(Probe::Ready)
        }
        _ => outcome,
    }
}

/// Tries to connect. Fails when the server refuses for a reason that waiting does not resolve.
pub(super) async fn ask(options: &PgConnectOptions) -> Result<Probe> {
    match connect_once(options).await {
        Ok(()) => Ok(Probe::Ready),
        Err(sqlx::Error::Database(error)) => match error.code().as_deref() {
            // cannot_connect_now: starting, stopping or recovering.
            Some("57P03") => Ok(Probe::Starting),
            // too_many_connections
            Some("53300") => Ok(Probe::Silent),
            _ => Err(EmbeddedError::Refused(sqlx::Error::Database(error))),
        },
        // No socket yet, or the server is stopping and has closed it.
        Err(_) => Ok(Probe::Silent),
    }
}

async fn connect_once(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let connection = timeout(ATTEMPT, options.connect()).await;
    connection.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await
}
