//! The composition root: builds a running service from settings, and stops it in order. Tests use the same code.

pub mod announcement;
mod database;
pub mod demo;
mod error;
mod master_key;
mod metrics;
pub mod migration;
mod private;
mod private_file;
mod replica;
mod sign_in;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub use database::Opened;
pub use error::ServerError;

use crate::app::error::AppError;
use crate::app::readiness::Readiness;
use crate::app::{Addresses, App, LIMIT, Receivers, SystemNames, health};
use crate::config::Settings;
use crate::domain::causes::with_causes;
use crate::http::{self, Listening};
use crate::jobs::{self, Jobs};
use demo::Demo;
use metrics::Metrics;

/// How often a database that was unavailable or not migrated at the start is checked again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long stopping may take in addition to the time for requests in progress.
const SPARE: Duration = Duration::from_secs(5);
/// File descriptors for everything except client connections: listeners, log, timers, outgoing requests.
const OTHER_DESCRIPTORS: u64 = 256;

/// The demo clinic, and the task that prepares a database that was not ready.
type Prepared = (Option<Demo>, Option<JoinHandle<()>>);

pub struct Running {
    address: SocketAddr,
    opened: Opened,
    demo: Option<Demo>,
    listening: Listening,
    server: JoinHandle<io::Result<()>>,
    preparing: Option<JoinHandle<()>>,
    jobs: Jobs,
    metrics: Option<Metrics>,
    shutdown: Duration,
}

impl Running {
    /// Starts the service; when this returns, it accepts requests. Slow steps are reported through `say`. Fails when
    /// the address is in use (then nothing was changed), settings are missing or contradictory, or the database returns
    /// an error.
    pub async fn start(settings: &Settings, say: &dyn Fn(&str)) -> Result<Self, ServerError> {
        let wanted = settings.http.listen;
        let refused = |refusal| ServerError::Listen { address: wanted, setting: "SARCOSCREEN_LISTEN", refusal };
        let listener = TcpListener::bind(wanted).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        migration::warn_of_owner(settings);
        sign_in::policy(settings)?;
        let metrics = settings.http.metrics_listen.map(Metrics::start).transpose()?;
        let mut opened = Opened::open(settings, say).await?;
        let applied = sign_in::configure(opened.app.clone(), settings);
        match applied.and_then(|app| replica::configure(app, settings)) {
            Ok(app) => {
                let addresses = Addresses::new(settings.webhooks.webhook_allow.clone());
                opened.app = app.with_receivers(Receivers::new(addresses, Arc::new(SystemNames), LIMIT));
            }
            Err(error) => return Err(opened.abandon(error).await),
        }
        match Self::prepare(&opened, say).await {
            Ok(prepared) => Self::listen(opened, settings, (listener, address), prepared, metrics).await,
            Err(error) => Err(opened.abandon(error).await),
        }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn announcement(&self) -> String {
        let metrics = self.metrics.as_ref().map(|metrics| metrics.address);
        announcement::text(self.address, metrics, self.opened.data_dir().zip(self.demo.as_ref()))
    }

    /// Serves until `asked` completes. Fails when the HTTP server ends unexpectedly; the caller must still stop the
    /// rest.
    pub async fn until(&mut self, asked: impl Future<Output = ()>) -> Result<(), ServerError> {
        tokio::select! {
            () = asked => Ok(()),
            ended = &mut self.server => Err(ServerError::Ended(format!("{ended:?}"))),
        }
    }

    /// Stops in order: requests in progress (until they finish or time out), jobs, connections, private PostgreSQL.
    /// Fails when the private PostgreSQL does not stop.
    pub async fn stop(self) -> Result<(), ServerError> {
        if let Some(preparing) = self.preparing {
            preparing.abort();
        }
        if timeout(self.shutdown + SPARE, self.listening.stop()).await.is_err() {
            tracing::warn!("requests in progress did not finish in time");
        }
        if timeout(SPARE, self.jobs.stop()).await.is_err() {
            tracing::warn!("background jobs did not finish in time");
        }
        if let Some(metrics) = self.metrics {
            metrics.stop().await;
        }
        self.opened.close().await
    }

    async fn prepare(opened: &Opened, say: &dyn Fn(&str)) -> Result<Prepared, ServerError> {
        if let Some(data_dir) = opened.data_dir() {
            let demo = demo::ensure(&opened.app, data_dir, say).await?;
            warn_of_newer(&health::readiness(&opened.app).await);
            return Ok((demo, None));
        }
        if prepared(&opened.app).await? {
            return Ok((None, None));
        }
        tracing::warn!("not ready yet; the database is checked again every {} s", AGAIN.as_secs());
        Ok((None, Some(tokio::spawn(prepare_later(opened.app.clone())))))
    }

    async fn listen(
        mut opened: Opened,
        settings: &Settings,
        (listener, address): (TcpListener, SocketAddr),
        (demo, preparing): Prepared,
        metrics: Option<Metrics>,
    ) -> Result<Self, ServerError> {
        let http = http_settings(settings);
        let shutdown = http.shutdown;
        match http::serve(opened.app.clone(), http, listener) {
            Ok((server, listening)) => {
                let server = tokio::spawn(server);
                let sealing = Duration::from_secs(settings.audit_log.seal_seconds);
                let jobs = Jobs::start(&opened.app, jobs::Settings { sealing });
                opened.watch();
                Ok(Self { address, opened, demo, listening, server, preparing, jobs, metrics, shutdown })
            }
            Err(error) => Err(opened.abandon(ServerError::Http(error)).await),
        }
    }
}

fn http_settings(settings: &Settings) -> http::Settings {
    http::Settings {
        cors_origins: settings.http.cors_origins.clone(),
        cors_local: settings.database.url.is_none() && settings.http.cors_origins.is_empty(),
        trusted_proxies: settings.limits.trusted_proxies.clone(),
        body_room: settings.http.body_room_mib as usize * 1024 * 1024,
        public_url: settings.http.public_url.clone(),
        connections: connections(settings),
        read_deadline: Duration::from_secs(settings.http.read_deadline_seconds),
        answer_deadline: Duration::from_secs(settings.http.answer_deadline_seconds),
        workers: available_parallelism().map_or(1, usize::from),
        shutdown: Duration::from_secs(settings.http.shutdown_seconds),
    }
}

/// The maximum number of client connections: the setting, or what the system's limit leaves. Raises the soft limit of
/// the process to the hard limit.
fn connections(settings: &Settings) -> usize {
    let wanted = u64::from(settings.http.connections);
    let databases = 1 + u64::from(settings.replica.read_url.is_some());
    let others = OTHER_DESCRIPTORS + databases * u64::from(settings.database.connections);
    let allowed = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) => setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard),
        Err(_) => u64::MAX,
    };
    let most = allowed.saturating_sub(others).max(1);
    if most < wanted {
        tracing::warn!(
            wanted,
            most,
            "the system allows fewer file descriptors than SARCOSCREEN_CONNECTIONS needs: raise its limit of open files"
        );
    }
    usize::try_from(wanted.min(most)).unwrap_or(usize::MAX)
}

/// Whether the database in `DATABASE_URL` has its schema. If so, stores the rule tables that submissions refer to.
async fn prepared(app: &App) -> Result<bool, ServerError> {
    let readiness = health::readiness(app).await;
    if !readiness.database || readiness.schema_fault.is_some() {
        return Ok(false);
    }
    match app.prepare().await {
        Ok(()) => {
            warn_of_newer(&readiness);
            Ok(true)
        }
        Err(AppError::Unavailable(reason)) => {
            tracing::warn!(reason, "the database became unavailable");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn warn_of_newer(readiness: &Readiness) {
    if let Some(warning) = &readiness.schema_warning {
        tracing::warn!("{warning}");
    }
}

async fn prepare_later(app: App) {
    loop {
        sleep(AGAIN).await;
        match prepared(&app).await {
            Ok(true) => return tracing::info!("the database is ready"),
            Ok(false) => {}
            Err(error) => tracing::error!(error = %with_causes(&error), "cannot prepare the database"),
        }
    }
}
