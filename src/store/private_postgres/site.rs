//! A data folder with its account and socket. Finds, starts and restarts the server.

use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;

use super::account::Account;
use super::cluster::Cluster;
use super::error::{EmbeddedError, Result};
use super::folder::{DataFolder, PORT};
use super::log::ServerLog;
use super::programs::{self, Programs};
use super::server::Server;
use super::{NAME, Settings, leftover, obtain};

#[derive(Debug)]
pub(super) struct Site {
    settings: Settings,
    pub(super) folder: DataFolder,
    account: Account,
    socket: PathBuf,
}

/// A server that may not be ready yet, its log since the start, and the major version of its cluster.
pub(super) type Begun = (Server, ServerLog, u32);

impl Site {
    pub(super) fn prepare(settings: Settings, folder: DataFolder) -> Result<Self> {
        let account = Account::for_cluster(&folder.cluster())?;
        folder.admit(&account)?;
        let socket = folder.socket_folder(&account)?;
        Ok(Self { settings, folder, account, socket })
    }

    /// A data folder that another process has locked and runs a service on. Fails when its socket may belong to another
    /// account.
    pub(super) fn held(settings: Settings, folder: DataFolder) -> Result<Self> {
        let account = Account::for_cluster(&folder.cluster())?;
        let socket = folder.used_socket_folder(&account)?;
        Ok(Self { settings, folder, account, socket })
    }

    /// Connection options for the service's database, as its owner, a superuser.
    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(&self.socket).port(PORT).username(NAME).database(NAME)
    }

    /// Adopts a server that runs on the data folder, or starts one. Creates the cluster if absent.
    pub(super) async fn begin(&self, progress: &dyn Fn(&str)) -> Result<Begun> {
        let cluster = Cluster::open(&self.folder.cluster())?;
        if let Some(cluster) = &cluster
            && let Some(begun) = self.adopt(cluster).await?
        {
            progress("found PostgreSQL already running on the data folder");
            return Ok(begun);
        }
        let programs = self.programs(cluster.as_ref(), progress).await?;
        let cluster = if let Some(cluster) = cluster {
            cluster
        } else {
            progress(&format!("creating a PostgreSQL {} cluster ...", programs.version));
            Cluster::create(&self.folder, &programs, &self.account).await?
        };
        self.launch(&programs, &cluster)
    }

    /// Starts a server on the existing cluster. Never creates a cluster.
    pub(super) async fn begin_again(&self) -> Result<Begun> {
        let path = self.folder.cluster();
        let gone = || EmbeddedError::unfit(&path, "is missing, with all its data");
        let cluster = Cluster::open(&path)?.ok_or_else(gone)?;
        if let Some(begun) = self.adopt(&cluster).await? {
            return Ok(begun);
        }
        let lost = || format!("no longer holds the programs of PostgreSQL {}", cluster.version);
        let programs = self.found(Some(&cluster)).await?;
        let programs = programs.ok_or_else(|| EmbeddedError::unfit(&self.folder.programs(), lost()))?;
        self.launch(&programs, &cluster)
    }

    async fn adopt(&self, cluster: &Cluster) -> Result<Option<Begun>> {
        let Some(server) = leftover::adopt_or_clear(cluster, &self.options()).await? else { return Ok(None) };
        tracing::info!(pid = server.pid(), "adopted a running PostgreSQL server");
        Ok(Some((server, ServerLog::open(self.folder.server_log())?, cluster.version)))
    }

    async fn found(&self, cluster: Option<&Cluster>) -> Result<Option<Programs>> {
        let wanted = cluster.map(|cluster| cluster.version);
        programs::find(&self.settings, &self.folder.programs(), wanted, &self.account).await
    }

    async fn programs(&self, cluster: Option<&Cluster>, progress: &dyn Fn(&str)) -> Result<Programs> {
        if let Some(programs) = self.found(cluster).await? {
            return Ok(programs);
        }
        let bin = obtain::obtain(&self.folder.programs(), &self.settings.python, progress).await?;
        let unfit = |error: EmbeddedError| EmbeddedError::Missing { reason: error.to_string() };
        programs::inspect(&bin, &self.account).await.map_err(unfit)
    }

    fn launch(&self, programs: &Programs, cluster: &Cluster) -> Result<Begun> {
        leftover::clear_socket(&self.socket)?;
        let log = ServerLog::open(self.folder.server_log())?;
        let server = Server::spawn(programs, &self.account, &cluster.path, &self.socket, &log)?;
        Ok((server, log, cluster.version))
    }
}
